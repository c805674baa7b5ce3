"""Moments too far ahead in deliveries and routes; there are none but after a clock was set back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from gateway.domain.transit.states import Transport
from gateway.store.transit.models import DeliveryRow, Message
from gateway.store.transit.route_models import RouteState


def queued_beyond(
    session: Session, moment: datetime, limit: int, lock: bool
) -> list[tuple[DeliveryRow, datetime | None]]:
    """Queued deliveries due after ``moment`` that no sender wants so late, with what the sender wants."""
    query = (
        select(DeliveryRow, Message.not_before)
        .join(Message, Message.id == DeliveryRow.message)
        .where(DeliveryRow.state == Transport.QUEUED.value, DeliveryRow.due_at > moment)
        .where(or_(Message.not_before.is_(None), DeliveryRow.due_at > Message.not_before))
        .order_by(DeliveryRow.due_at)
        .limit(limit)
    )
    if lock:
        query = query.with_for_update(skip_locked=True, of=DeliveryRow)
    return [(row, not_before) for row, not_before in session.execute(query)]


def waiting_beyond(session: Session, moment: datetime, limit: int, lock: bool) -> list[DeliveryRow]:
    """Deliveries whose next attempt is due after ``moment``, the last ones first."""
    query = (
        select(DeliveryRow)
        .where(DeliveryRow.state == Transport.WAITING.value, DeliveryRow.due_at > moment)
        .order_by(DeliveryRow.due_at.desc())
        .limit(limit)
    )
    return list(session.scalars(query.with_for_update(skip_locked=True) if lock else query))


def routes_beyond(session: Session, paced: datetime, resting: datetime, lock: bool) -> list[RouteState]:
    """Routes whose pace is taken beyond ``paced``, or that are left alone beyond ``resting``."""
    query = (
        select(RouteState)
        .where(or_(RouteState.rate_until > paced, RouteState.probe_until > resting))
        .order_by(RouteState.office)
    )
    return list(session.scalars(query.with_for_update(skip_locked=True) if lock else query))
