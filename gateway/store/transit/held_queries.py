"""Held deliveries of which operators were not told yet, and those whose deadline is near."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from gateway.domain.transit.states import Transport
from gateway.store.transit.models import DeliveryEvent, DeliveryRow, Message
from gateway.store.transit.notice_models import HeldTold


@dataclass(frozen=True)
class Held:
    """One delivery in one hold.

    Attributes:
        event: the number of the move by which it is held.
    """

    delivery: str
    office: str
    event: int
    until: datetime | None


def newly(session: Session, but: Collection[str], limit: int) -> list[Held]:
    """Those of whose hold nobody was told, but for these codes; letters for tests wake nobody."""
    event = _event()
    fresh = or_(HeldTold.delivery.is_(None), HeldTold.event != event)
    return _found(session, _held(but).where(fresh), limit)


def ending(session: Session, but: Collection[str], before: datetime, limit: int) -> list[Held]:
    """Those whose deadline is not later than ``before``, and of whose deadline nobody was told."""
    untold = or_(HeldTold.until.is_(None), HeldTold.until != DeliveryRow.held_until)
    return _found(session, _held(but).where(DeliveryRow.held_until <= before, untold), limit)


def told(session: Session, one: Held, ends: bool) -> None:
    """Keep that operators are told of a hold, and of its deadline if it ``ends``."""
    row = session.get(HeldTold, one.delivery)
    if row is None:
        row = HeldTold(delivery=one.delivery, event=one.event)
        session.add(row)
    row.event = one.event
    row.until = one.until if ends else row.until
    session.flush()


def _held(but: Collection[str]) -> Select[str, str, int, datetime | None]:
    return (
        select(DeliveryRow.id, DeliveryRow.office, _event(), DeliveryRow.held_until)
        .join(Message, Message.id == DeliveryRow.message)
        .join(HeldTold, HeldTold.delivery == DeliveryRow.id, isouter=True)
        .where(DeliveryRow.state == Transport.HELD.value, Message.test.is_(False))
        .where(or_(DeliveryRow.held_code.is_(None), DeliveryRow.held_code.not_in(but)))
    )


def _event() -> Any:
    """The number of the last move to HELD."""
    return (
        select(func.max(DeliveryEvent.id))
        .where(DeliveryEvent.delivery == DeliveryRow.id, DeliveryEvent.now == Transport.HELD.value)
        .correlate(DeliveryRow)
        .scalar_subquery()
    )


def _found(session: Session, query: Select[str, str, int, datetime | None], limit: int) -> list[Held]:
    rows = session.execute(query.order_by(DeliveryRow.held_until, DeliveryRow.id).limit(limit))
    return [Held(delivery, office, event, until) for delivery, office, event, until in rows]
