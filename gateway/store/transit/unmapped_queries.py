"""Look-ups of values without an entry, and of the letters that are held for them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from gateway.domain.transit.states import Transport
from gateway.store.transit.models import Attempt, DeliveryRow, Message
from gateway.store.transit.unmapped_models import UnmappedValue


def values(session: Session, office: str | None = None) -> list[UnmappedValue]:
    """Every value, of one office or all, in the order of office, table and value."""
    query = select(UnmappedValue)
    if office is not None:
        query = query.where(UnmappedValue.office == office)
    order = (UnmappedValue.office, UnmappedValue.table, UnmappedValue.value)
    return list(session.scalars(query.order_by(*order)))


def count(session: Session, office: str) -> int:
    """How many values an office has in the list."""
    query = select(func.count()).select_from(UnmappedValue).where(UnmappedValue.office == office)
    return session.scalar(query) or 0


def forget(session: Session, office: str, table: str, value: str) -> None:
    """Take a value from the list."""
    session.execute(
        delete(UnmappedValue).where(
            UnmappedValue.office == office, UnmappedValue.table == table, UnmappedValue.value == value
        )
    )


def of_letter(session: Session, reference: str) -> list[UnmappedValue]:
    """The values that this letter had last."""
    return list(session.scalars(select(UnmappedValue).where(UnmappedValue.reference == reference)))


def reference_of(session: Session, delivery: str) -> str:
    """The reference of a delivery's letter."""
    query = select(Message.reference).join(DeliveryRow, DeliveryRow.message == Message.id)
    return session.scalar(query.where(DeliveryRow.id == delivery)) or ""


def purged(session: Session, references: Iterable[str]) -> set[str]:
    """Those letters whose content is gone."""
    query = select(Message.reference).where(
        Message.reference.in_(list(references)), Message.purged_at.is_not(None)
    )
    return {found for found in session.scalars(query) if found}


def held_for(session: Session, office: str, code: str, words: str) -> list[str]:
    """Deliveries to an office that are held by ``code`` and whose last attempt ended with ``words``."""
    last = (
        select(func.max(Attempt.id))
        .where(Attempt.delivery == DeliveryRow.id)
        .correlate(DeliveryRow)
        .scalar_subquery()
    )
    query = (
        select(DeliveryRow.id, Attempt.detail)
        .join(Attempt, Attempt.id == last)
        .where(DeliveryRow.office == office, DeliveryRow.state == Transport.HELD.value)
        .where(DeliveryRow.held_code == code)
        .order_by(DeliveryRow.id)
    )
    # compared here: a database compares texts by rules of its own, of case for one
    return [delivery for delivery, detail in session.execute(query) if detail.endswith(words)]
