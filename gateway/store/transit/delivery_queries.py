"""Look-ups of deliveries for those who repair them, read them, or see to their end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from gateway.domain.transit.states import Transport
from gateway.store.transit.models import (
    ENDING,
    OF_OLDER_VERSIONS,
    DecisionRow,
    DeliveryEvent,
    DeliveryRow,
    Message,
)


@dataclass(frozen=True)
class Wanted:
    """Which deliveries a list is to hold; None takes all.

    Attributes:
        accepted_before: only those accepted earlier than that.
    """

    state: Transport | None = None
    office: str | None = None
    accepted_before: datetime | None = None


def listed(session: Session, wanted: Wanted, limit: int) -> list[tuple[DeliveryRow, Message]]:
    """Deliveries with their letters, oldest first."""
    query = _with_letter()
    if wanted.state is not None:
        query = query.where(DeliveryRow.state == wanted.state.value)
    if wanted.office is not None:
        query = query.where(DeliveryRow.office == wanted.office)
    if wanted.accepted_before is not None:
        query = query.where(DeliveryRow.accepted_at < wanted.accepted_before)
    # identifiers begin with the time: where all are wanted, the oldest are found without sorting
    narrow = wanted.state is not None or wanted.office is not None
    order = (DeliveryRow.accepted_at, DeliveryRow.id) if narrow else (DeliveryRow.id,)
    query = query.order_by(*order).limit(limit)
    return [(row[0], row[1]) for row in session.execute(query)]


def lying(
    session: Session, office: str, party: str, after: str | None, limit: int
) -> list[tuple[DeliveryRow, Message]]:
    """What lies ready for a party's office, in the order of the identifiers, behind ``after``."""
    query = _with_letter().where(
        DeliveryRow.office == office,
        DeliveryRow.party == party,
        DeliveryRow.state == Transport.AVAILABLE.value,
    )
    if after is not None:
        query = query.where(DeliveryRow.id > after)
    return [(row[0], row[1]) for row in session.execute(query.order_by(DeliveryRow.id).limit(limit))]


def outlived(session: Session, now: datetime, limit: int) -> list[str]:
    """Deliveries that nobody works on and whose sender's own end has passed."""
    query = select(DeliveryRow.id).where(ENDING, DeliveryRow.expires_at <= now)
    found = list(session.scalars(query.order_by(DeliveryRow.expires_at).limit(limit)))
    return found + _outlived_before(session, now, limit - len(found))


def _outlived_before(session: Session, now: datetime, limit: int) -> list[str]:
    """The same of deliveries that an older version of the hub added: few, and soon none."""
    over = exists().where(Message.id == DeliveryRow.message, Message.expires_at <= now)
    waiting = DeliveryRow.state.in_((Transport.QUEUED.value, Transport.WAITING.value))
    query = select(DeliveryRow.id).where(OF_OLDER_VERSIONS, waiting, over)
    return list(session.scalars(query.limit(limit))) if limit else []


def last_event(session: Session, delivery: str) -> int:
    """The number of the delivery's latest event; 0 where there is none."""
    query = select(func.max(DeliveryEvent.id)).where(DeliveryEvent.delivery == delivery)
    return session.scalar(query) or 0


def decisions(session: Session, delivery: str) -> list[DecisionRow]:
    """What operators decided about a delivery, in order."""
    query = select(DecisionRow).where(DecisionRow.delivery == delivery).order_by(DecisionRow.id)
    return list(session.scalars(query))


def _with_letter() -> Select[DeliveryRow, Message]:
    return select(DeliveryRow, Message).join(Message, Message.id == DeliveryRow.message)
