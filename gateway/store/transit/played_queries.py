"""Test letters that lie where a played recipient left them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.store.transit.models import DeliveryEvent, DeliveryRow, Message


def resting(session: Session, office: str, states: Collection[str], limit: int) -> list[tuple[str, datetime]]:
    """An office's test letters in these states without a register number, and since when, oldest first."""
    since = func.max(DeliveryEvent.at)
    query = (
        select(DeliveryRow.id, since)
        .join(Message, Message.id == DeliveryRow.message)
        .join(DeliveryEvent, DeliveryEvent.delivery == DeliveryRow.id)
        .where(DeliveryRow.office == office, DeliveryRow.state.in_(states), Message.test)
        .where(DeliveryRow.register_number.is_(None), DeliveryEvent.now == DeliveryRow.state)
        .group_by(DeliveryRow.id)
        .order_by(since, DeliveryRow.id)
        .limit(limit)
    )
    return [(delivery, at) for delivery, at in session.execute(query)]
