"""A ledger's rows in their order, for whoever reads all of them: streamed, as plain tuples."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Executable, exists, select
from sqlalchemy.orm import Session

from gateway.store.evidence.ledger_models import CheckpointRow, LeafRow, PendingEntry, TokenRow
from gateway.store.evidence.models import ReceiptRow
from gateway.store.evidence.retention_models import PurgeRow
from gateway.store.rows import table

_AT_ONCE = 2000


class Leaf(NamedTuple):
    """One entry with what it is about; members of receipts and purges are None where it has none."""

    position: int
    octets: bytes
    hash: bytes
    receipt: int | None
    purge: int | None
    content_digest: str | None
    event_time: datetime | None
    record_digest: str | None


class Checked(NamedTuple):
    """One checkpoint."""

    size: int
    root: bytes
    made_at: datetime
    note: bytes | None


class Stamped(NamedTuple):
    """One time-stamp and the checkpoint whose note it is over."""

    size: int
    stated_at: datetime
    octets: bytes
    made_at: datetime
    note: bytes | None


def leaves(session: Session, ledger: int) -> Iterator[Any]:
    """Every entry by position; rows like `Leaf`."""
    # Plain tables: the mapper would take as long again over rows that nobody changes.
    leaf, receipt, purge = table(LeafRow), table(ReceiptRow), table(PurgeRow)
    query = (
        select(
            leaf.c.position,
            leaf.c.octets,
            leaf.c.hash,
            leaf.c.receipt,
            leaf.c.purge,
            receipt.c.content_digest,
            receipt.c.event_time,
            purge.c.record_digest,
        )
        .outerjoin(receipt, receipt.c.id == leaf.c.receipt)
        .outerjoin(purge, purge.c.id == leaf.c.purge)
        .where(leaf.c.ledger == ledger)
        .order_by(leaf.c.position)
    )
    return _stream(session, query)


def checkpoints(session: Session, ledger: int) -> Iterator[Checked]:
    """Every checkpoint by size."""
    columns = (CheckpointRow.size, CheckpointRow.root, CheckpointRow.made_at, CheckpointRow.note)
    query = select(*columns).where(CheckpointRow.ledger == ledger).order_by(CheckpointRow.size)
    return (Checked(*row) for row in _stream(session, query))


def tokens(session: Session, ledger: int) -> Iterator[Stamped]:
    """Every time-stamp by the size of its checkpoint."""
    query = (
        select(TokenRow.size, TokenRow.stated_at, TokenRow.octets, CheckpointRow.made_at, CheckpointRow.note)
        .join(
            CheckpointRow, (CheckpointRow.ledger == TokenRow.ledger) & (CheckpointRow.size == TokenRow.size)
        )
        .where(TokenRow.ledger == ledger)
        .order_by(TokenRow.size, TokenRow.id)
    )
    return (Stamped(*row) for row in _stream(session, query))


def unlogged_receipts(session: Session) -> Iterator[tuple[str, str]]:
    """Identifier and content digest of receipts that stand in no ledger and do not wait for one either."""
    waiting = select(PendingEntry.receipt).where(PendingEntry.receipt.is_not(None))
    query = select(ReceiptRow.receipt_id, ReceiptRow.content_digest).where(
        ~exists().where(LeafRow.receipt == ReceiptRow.id), ReceiptRow.id.not_in(waiting)
    )
    return ((name, digest) for name, digest in _stream(session, query.order_by(ReceiptRow.id)))


def unlogged_purges(session: Session) -> Iterator[str]:
    """Record digests of purges that stand in no ledger and do not wait for one either."""
    waiting = select(PendingEntry.purge).where(PendingEntry.purge.is_not(None))
    query = select(PurgeRow.record_digest).where(
        ~exists().where(LeafRow.purge == PurgeRow.id), PurgeRow.id.not_in(waiting)
    )
    return (row[0] for row in _stream(session, query.order_by(PurgeRow.id)))


def _stream(session: Session, query: Executable) -> Iterator[Any]:
    return iter(session.execute(query.execution_options(yield_per=_AT_ONCE)))
