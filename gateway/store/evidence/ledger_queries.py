"""Look-ups in a ledger, and what is appended to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from gateway.store import plain
from gateway.store.evidence.ledger_models import (
    CheckpointRow,
    CosignatureRow,
    LeafRow,
    LedgerRow,
    PendingEntry,
    TokenRow,
)
from gateway.store.evidence.models import ReceiptRow
from gateway.store.evidence.retention_models import PurgeRow
from gateway.store.rows import table

_LEAVES, _PENDING = table(LeafRow), table(PendingEntry)
_ADD_LEAF, _PLACED = insert(_LEAVES), delete(_PENDING).where(_PENDING.c.id == bindparam("placed"))


# The sequencer asks for these in each of its turns: building them takes longer than their execution.
_LATEST = (
    select(LedgerRow)
    .where(LedgerRow.test == bindparam("of_test"))
    .order_by(LedgerRow.generation.desc())
    .limit(1)
)
_CHECKPOINTS = select(CheckpointRow).where(CheckpointRow.ledger == bindparam("of_ledger"))
_LAST_CHECKPOINT = _CHECKPOINTS.order_by(CheckpointRow.size.desc()).limit(1)
_LAST_SIGNED = _LAST_CHECKPOINT.where(CheckpointRow.note.is_not(None))
_UNSIGNED = _CHECKPOINTS.where(CheckpointRow.note.is_(None)).order_by(CheckpointRow.size)
_ALL = 2**62
_WAITING = select(func.count()).select_from(
    select(_PENDING.c.id).where(_PENDING.c.test == bindparam("of_test")).limit(bindparam("most")).subquery()
)
_WAITS_SINCE = (
    select(_PENDING.c.since).where(_PENDING.c.test == bindparam("of_test")).order_by(_PENDING.c.id).limit(1)
)
_FIRST_PENDING = (
    select(_PENDING.c.octets, _PENDING.c.receipt, _PENDING.c.purge, _PENDING.c.id)
    .where(_PENDING.c.test == bindparam("of_test"))
    .order_by(_PENDING.c.id)
    .limit(bindparam("most"))
)


@dataclass(frozen=True)
class Entry:
    """An entry on its way into a ledger; `id` is that of its pending row, None where it never waited."""

    octets: bytes
    receipt: int | None = None
    purge: int | None = None
    id: int | None = None


@dataclass(frozen=True)
class Place:
    """Where an entry stands."""

    ledger: int
    position: int


def latest(session: Session, test: bool) -> LedgerRow | None:
    """The present generation of the real or the test ledger."""
    return session.scalars(_LATEST, {"of_test": test}).first()


def generations(session: Session, test: bool) -> list[LedgerRow]:
    query = select(LedgerRow).where(LedgerRow.test == test).order_by(LedgerRow.generation)
    return list(session.scalars(query))


def last_checkpoint(session: Session, ledger: int, signed: bool = False) -> CheckpointRow | None:
    query = _LAST_SIGNED if signed else _LAST_CHECKPOINT
    return session.scalars(query, {"of_ledger": ledger}).first()


def checkpoint(session: Session, ledger: int, size: int) -> CheckpointRow | None:
    return session.get(CheckpointRow, (ledger, size))


def unsigned(session: Session, ledger: int) -> list[CheckpointRow]:
    """Checkpoints that were committed and not signed yet, the smallest first."""
    return list(session.scalars(_UNSIGNED, {"of_ledger": ledger}))


def first_checkpoint_over(session: Session, place: Place) -> CheckpointRow | None:
    """The earliest signed checkpoint that covers an entry."""
    query = select(CheckpointRow).where(
        CheckpointRow.ledger == place.ledger,
        CheckpointRow.size > place.position,
        CheckpointRow.note.is_not(None),
    )
    return session.scalars(query.order_by(CheckpointRow.size).limit(1)).first()


def first_token_over(session: Session, place: Place) -> TokenRow | None:
    """The first time-stamp of the earliest time-stamped checkpoint that covers an entry."""
    query = select(TokenRow).where(TokenRow.ledger == place.ledger, TokenRow.size > place.position)
    return session.scalars(query.order_by(TokenRow.size, TokenRow.stated_at, TokenRow.id).limit(1)).first()


def first_token(session: Session, ledger: int, size: int) -> TokenRow | None:
    query = select(TokenRow).where(TokenRow.ledger == ledger, TokenRow.size == size)
    return session.scalars(query.order_by(TokenRow.stated_at, TokenRow.id).limit(1)).first()


def untimestamped(session: Session, ledger: int) -> int:
    """How many signed checkpoints have no time-stamp."""
    stamped = select(TokenRow.id).where(
        TokenRow.ledger == CheckpointRow.ledger, TokenRow.size == CheckpointRow.size
    )
    query = select(func.count()).where(
        CheckpointRow.ledger == ledger, CheckpointRow.note.is_not(None), ~stamped.exists()
    )
    return session.scalar(query) or 0


def place_of(session: Session, content_digest: str) -> Place | None:
    """Where the entry of a receipt, or of a purge's record, stands; None while it waits or is unknown."""
    queries = (
        select(LeafRow).join(ReceiptRow, LeafRow.receipt == ReceiptRow.id)
        .where(ReceiptRow.content_digest == content_digest),
        select(LeafRow).join(PurgeRow, LeafRow.purge == PurgeRow.id)
        .where(PurgeRow.record_digest == content_digest),
    )  # fmt: skip
    for query in queries:
        leaf = session.scalars(query).first()
        if leaf is not None:
            return Place(leaf.ledger, leaf.position)
    return None


def leaf_octets(session: Session, ledger: int, first: int, count: int) -> list[bytes]:
    """The entries from position ``first`` on, at most ``count``."""
    query = select(LeafRow.octets).where(
        LeafRow.ledger == ledger, LeafRow.position >= first, LeafRow.position < first + count
    )
    return list(session.scalars(query.order_by(LeafRow.position)))


def leaf_count(session: Session) -> int:
    """How many entries all ledgers hold."""
    return session.scalar(select(func.count()).select_from(LeafRow)) or 0


def cosignatures(session: Session, ledger: int, size: int) -> list[CosignatureRow]:
    query = select(CosignatureRow).where(CosignatureRow.ledger == ledger, CosignatureRow.size == size)
    return list(session.scalars(query.order_by(CosignatureRow.witness)))


def waiting(session: Session, test: bool, most: int | None = None) -> tuple[int, datetime | None]:
    """How many entries wait (counted up to ``most``), and since when the first of them."""
    [[count]] = plain.found(session, _WAITING, {"of_test": test, "most": _ALL if most is None else most})
    oldest = plain.found(session, _WAITS_SINCE, {"of_test": test})
    return int(count), oldest[0].since if oldest else None


def pending(session: Session, test: bool, most: int) -> list[Entry]:
    """The first entries that wait."""
    return [Entry(*row) for row in plain.found(session, _FIRST_PENDING, {"of_test": test, "most": most})]


def append(session: Session, ledger: int, first: int, entries: Sequence[Entry], hashes: list[bytes]) -> None:
    """Give entries their places from ``first`` on; they wait no longer.

    Raises:
        IntegrityError: somebody else gave out one of these places, or placed one of these entries.
    """
    rows = [
        {
            "ledger": ledger,
            "position": first + number,
            "octets": entry.octets,
            "hash": digest,
            "receipt": entry.receipt,
            "purge": entry.purge,
        }
        for number, (entry, digest) in enumerate(zip(entries, hashes, strict=True))
    ]
    if rows:
        plain.run(session, _ADD_LEAF, rows)
    placed = [{"placed": entry.id} for entry in entries if entry.id is not None]
    if placed:
        plain.run(session, _PLACED, placed)


def take_back(session: Session, ledger: int, size: int, test: bool, since: datetime) -> int:
    """Let the entries from ``size`` on wait again; only for those that no signed checkpoint covers.

    Returns:
        How many.
    """
    mine = (LeafRow.ledger == ledger, LeafRow.position >= size)
    query = select(LeafRow.octets, LeafRow.receipt, LeafRow.purge).where(*mine).order_by(LeafRow.position)
    rows = [
        {"test": test, "octets": octets, "receipt": receipt, "purge": purge, "since": since}
        for octets, receipt, purge in session.execute(query)
        if receipt is not None or purge is not None
    ]
    session.execute(delete(LeafRow).where(*mine))
    session.execute(delete(CheckpointRow).where(CheckpointRow.ledger == ledger, CheckpointRow.size > size))
    if rows:
        session.execute(insert(_PENDING), rows)
    return len(rows)


def keep_note(session: Session, ledger: int, size: int, note: bytes) -> None:
    """Store the signed note of a checkpoint that has none."""
    mine = (CheckpointRow.ledger == ledger, CheckpointRow.size == size, CheckpointRow.note.is_(None))
    session.execute(update(CheckpointRow).where(*mine).values(note=note))
