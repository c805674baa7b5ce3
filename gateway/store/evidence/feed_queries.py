"""Receipts in the order in which they can be told one after another, none of them passed over."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from gateway.store.evidence.models import ReceiptRow
from gateway.store.transit.models import DeliveryRow, Message

_WRITERS = text(
    "SELECT virtualtransaction FROM pg_locks WHERE granted AND locktype = 'relation'"
    " AND mode = 'RowExclusiveLock' AND relation = CAST('receipt' AS regclass)"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)

_NAMES = (Message.reference, Message.message_id, Message.test, Message.media_type, DeliveryRow.office)


class Told(NamedTuple):
    """A receipt with its letter's names and syntax; ``office``: the recipient concerned, if it is one."""

    receipt: ReceiptRow
    reference: str | None
    message_id: str | None
    test: bool
    media_type: str
    office: str | None


def newest(session: Session) -> int:
    """The highest number of a receipt that can be seen; 0 when there is none."""
    return session.scalar(select(func.max(ReceiptRow.id))) or 0


def writers(session: Session) -> frozenset[str]:
    """Transactions that may be about to commit receipts, asked anew each time.

    On PostgreSQL numbers are given out before the commit, so that a lower one may appear after a higher
    one. Whoever holds such a number has locked the table before it got it and until it ends: once
    everybody is gone who was here when a number was seen, nothing below that number can appear any more.
    On SQLite numbers appear in their order.
    """
    if session.get_bind().dialect.name != "postgresql":
        return frozenset()
    return frozenset(session.scalars(_WRITERS))


def of_party(session: Session, party: str, after: int, last: int, limit: int) -> list[Told]:
    """Receipts of a party's letters with numbers over ``after`` and up to ``last``, each with its letter."""
    query = (
        select(ReceiptRow, *_NAMES)
        .join(Message, Message.id == ReceiptRow.message)
        .outerjoin(DeliveryRow, DeliveryRow.id == ReceiptRow.delivery)
        # not by an index on parties: SQLite would read every letter that the party ever sent
        .where(ReceiptRow.id > after, ReceiptRow.id <= last, func.coalesce(Message.party, "") == party)
        .order_by(ReceiptRow.id)
        .limit(limit)
    )
    return [Told(*row) for row in session.execute(query)]


def at_most(session: Session, last: int) -> ReceiptRow | None:
    """The receipt with the highest number up to ``last``."""
    query = select(ReceiptRow).where(ReceiptRow.id <= last).order_by(ReceiptRow.id.desc())
    return session.scalars(query.limit(1)).first()


def numbered(session: Session, number: int) -> ReceiptRow | None:
    return session.get(ReceiptRow, number)
