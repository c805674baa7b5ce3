"""Look-ups of what still lacks its time-stamp."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.store.evidence.ledger_models import CheckpointRow, LedgerRow, TokenRow
from gateway.store.evidence.models import ReceiptRow, Rendering

_STAMPED = (
    select(TokenRow.id)
    .where(TokenRow.ledger == CheckpointRow.ledger, TokenRow.size == CheckpointRow.size)
    .exists()
)


_LONG_TERM = (
    select(Rendering.level)
    .where(
        Rendering.receipt == ReceiptRow.id,
        Rendering.media_type.in_(("application/xml", "application/jose+json")),
        Rendering.level == "T",
    )
    .exists()
)


def ledgers(session: Session) -> list[int]:
    """Every ledger: of real receipts and of tests, of every generation."""
    return list(session.scalars(select(LedgerRow.id).order_by(LedgerRow.id)))


def first_unstamped(session: Session, ledger: int, above: int) -> tuple[int, datetime] | None:
    """Size and time of the smallest checkpoint over ``above`` entries without a time-stamp, signed or not."""
    query = select(CheckpointRow.size, CheckpointRow.made_at).where(
        CheckpointRow.ledger == ledger, CheckpointRow.size > above, ~_STAMPED
    )
    row = session.execute(query.order_by(CheckpointRow.size).limit(1)).first()
    return None if row is None else (row.size, row.made_at)


def newest_unstamped(session: Session, ledger: int, above: int, most: int) -> list[CheckpointRow]:
    """Signed checkpoints over ``above`` entries that have no time-stamp, the largest first."""
    query = select(CheckpointRow).where(
        CheckpointRow.ledger == ledger,
        CheckpointRow.size > above,
        CheckpointRow.note.is_not(None),
        ~_STAMPED,
    )
    return list(session.scalars(query.order_by(CheckpointRow.size.desc()).limit(most)))


def largest_checkpoint(session: Session, ledger: int) -> int:
    """The size of the ledger's last checkpoint, signed or not; 0 where there is none."""
    return session.scalar(select(func.max(CheckpointRow.size)).where(CheckpointRow.ledger == ledger)) or 0


def last_stamped(session: Session, ledger: int) -> tuple[CheckpointRow, datetime] | None:
    """The ledger's signed head and when it was last time-stamped; None if it was not yet."""
    head = select(CheckpointRow).where(CheckpointRow.ledger == ledger, CheckpointRow.note.is_not(None))
    row = session.scalars(head.order_by(CheckpointRow.size.desc()).limit(1)).first()
    if row is None:
        return None
    tokens = select(func.max(TokenRow.stated_at)).where(TokenRow.ledger == ledger, TokenRow.size == row.size)
    stated = session.scalar(tokens)
    return None if stated is None else (row, stated)


def is_stamped(session: Session, ledger: int, size: int, since: datetime | None) -> bool:
    """Whether a checkpoint has a time-stamp, or one from after ``since``."""
    query = select(TokenRow.id).where(TokenRow.ledger == ledger, TokenRow.size == size)
    if since is not None:
        query = query.where(TokenRow.stated_at > since)
    return session.scalars(query.limit(1)).first() is not None


def without_long_term(
    session: Session, kinds: Collection[str], above: int, before: int | None, most: int
) -> list[int]:
    """Receipts of these kinds that have no rendering with a time-stamp, the newest first.

    Args:
        above, before: their numbers lie between these two.
    """
    query = select(ReceiptRow.id).where(ReceiptRow.id > above, ReceiptRow.kind.in_(kinds), ~_LONG_TERM)
    if before is not None:
        query = query.where(ReceiptRow.id < before)
    return list(session.scalars(query.order_by(ReceiptRow.id.desc()).limit(most)))


def first_without_long_term(session: Session, kinds: Collection[str], above: int) -> int | None:
    """The first of them over ``above``."""
    query = select(ReceiptRow.id).where(ReceiptRow.id > above, ReceiptRow.kind.in_(kinds), ~_LONG_TERM)
    return session.scalars(query.order_by(ReceiptRow.id).limit(1)).first()


def last_receipt(session: Session, before: datetime) -> int:
    """The number of the last receipt of an event before then; 0 where there is none."""
    query = select(ReceiptRow.id).where(ReceiptRow.event_time < before)
    return session.scalars(query.order_by(ReceiptRow.id.desc()).limit(1)).first() or 0
