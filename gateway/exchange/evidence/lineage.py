"""Where a ledger stands: its present generation, its head, and whether the database was rolled back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from gateway.domain.errors import Damaged, Misconfigured
from gateway.domain.evidence.finding import Finding
from gateway.domain.evidence.ledger import Checkpoint, cited, generation_of, generation_origin
from gateway.domain.evidence.merkle import EMPTY_ROOT
from gateway.exchange.evidence.head import HeadFile
from gateway.store.evidence import ledger_queries as queries

ROLLED_BACK = "ledger.rolled-back"
HEAD_LOST = "ledger.head-lost"
HEAD_UNREADABLE = "ledger.head-unreadable"

_SAID = {
    ROLLED_BACK: "ledger {origin}: rolled back, the database is older than the head kept outside it",
    HEAD_LOST: "ledger {origin}: the head kept outside the database is lost",
    HEAD_UNREADABLE: "ledger {origin}: the head kept outside the database cannot be read",
}


@dataclass(frozen=True)
class Lineage:
    """One of a hub's two ledgers through all its generations.

    Attributes:
        origin: the name of the first generation.
        keys: trust folder of the ``*.vkey`` files that verify its notes.
    """

    test: bool
    origin: str
    head: HeadFile
    keys: Path


@dataclass(frozen=True)
class Standing:
    """The last committed checkpoint of the present generation; one of size 0 where there is none.

    Attributes:
        ledger: row of the generation; None before the first entry.
    """

    ledger: int | None
    generation: int
    head: Checkpoint
    made_at: datetime | None = None


def standing(session: Session, lineage: Lineage) -> Standing:
    """Where the ledger stands according to the database.

    Raises:
        Misconfigured: the database knows the ledger under another name.
    """
    row = queries.latest(session, lineage.test)
    if row is None:
        return Standing(None, 1, Checkpoint(lineage.origin, 0, EMPTY_ROOT))
    if row.origin != generation_origin(lineage.origin, row.generation):
        raise Misconfigured([f"ledger.origin: the database's ledger is {row.origin}, not {lineage.origin}"])
    last = queries.last_checkpoint(session, row.id)
    if last is None:
        return Standing(row.id, row.generation, Checkpoint(row.origin, 0, EMPTY_ROOT))
    return Standing(row.id, row.generation, Checkpoint(row.origin, last.size, last.root), last.made_at)


def compare(session: Session, lineage: Lineage) -> tuple[Standing, Finding | None]:
    """Where the ledger stands, and what is wrong between that and the head kept outside the database.

    To be asked first in a transaction: what was kept before it must be there when it begins.

    The database may be ahead, for the head is kept after the commit. A kept head that is missing counts
    as lost as soon as a checkpoint was signed, for it is kept before that: a hub brought back from an old
    copy as a whole, head included, would look the same, so that a person must say that it is none.

    Raises:
        Misconfigured: the database knows the ledger under another name.
        Unavailable: the head cannot be read now.
    """
    try:
        kept = lineage.head.read()
    except Damaged:
        stands = standing(session, lineage)
        return stands, Finding(HEAD_UNREADABLE, {"origin": stands.head.origin})
    stands = standing(session, lineage)
    return stands, _difference(session, stands, kept)


def agreed(session: Session, lineage: Lineage) -> Standing:
    """Where the ledger stands, when database and kept head agree about it; see `compare`.

    Raises:
        Damaged: they do not; nothing may be appended or signed.
    """
    stands, trouble = compare(session, lineage)
    if trouble is not None:
        raise Damaged(_SAID[trouble.code].format_map(dict(trouble.values)))
    return stands


def _difference(session: Session, stands: Standing, kept: Checkpoint | None) -> Finding | None:
    if kept is None:
        signed = stands.ledger is not None and queries.last_checkpoint(session, stands.ledger, signed=True)
        return Finding(HEAD_LOST, {"origin": stands.head.origin}) if signed else None
    if _holds(session, stands, kept):
        return None
    values = {"origin": kept.origin, "size": str(stands.head.size), "kept": str(kept.size)}
    return Finding(ROLLED_BACK, values)


def next_generation(lineage: Lineage, stands: Standing, kept: Checkpoint) -> int:
    """A number that no generation had yet, though the database may have forgotten the last ones."""
    known = stands.generation if stands.ledger is not None else 1
    return max(known, generation_of(lineage.origin, kept.origin) or 1) + 1


def _holds(session: Session, stands: Standing, kept: Checkpoint) -> bool:
    """Whether what the database holds begins with the kept head."""
    if stands.ledger is None:
        return False
    if kept.origin != stands.head.origin:
        # The only way from one name to the next is an entry that cites the old head.
        first = queries.leaf_octets(session, stands.ledger, 0, 1)
        return bool(first) and cited(first[0]) == kept
    row = queries.checkpoint(session, stands.ledger, kept.size)
    return row is not None and row.root == kept.root
