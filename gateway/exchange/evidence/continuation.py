"""Continues a ledger under a new name after its database was rolled back, citing the head that was lost."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from gateway.domain.errors import Damaged, Unavailable
from gateway.domain.evidence.ledger import Checkpoint, continuation_entry, generation_origin
from gateway.domain.evidence.merkle import EMPTY_ROOT
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.lineage import (
    ROLLED_BACK,
    Lineage,
    Standing,
    compare,
    next_generation,
    standing,
)
from gateway.exchange.evidence.sequencer import SequencedLedger, append, start
from gateway.store.evidence import ledger_queries as queries
from gateway.store.evidence.ledger_queries import Entry
from gateway.store.evidence.tiles import Tiles
from gateway.store.sessions import Store
from gateway.trust.note import VerifierKey, verify_note
from gateway.wire.tlog import MalformedTlog, read_checkpoint, read_note

_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Continued:
    """What must be published: the old head, the new key, and that the new ledger's first entry cites the old.

    Attributes:
        vkey: file in the trust folder that now holds the key.
        again: how many entries of the old database that no signature covered wait for a place again.
    """

    before: Checkpoint
    after: Checkpoint
    key: VerifierKey
    vkey: Path
    again: int


@dataclass(frozen=True)
class Continuation:
    """What a person decides about a ledger whose head and database disagree."""

    store: Store
    ambient: Ambient

    def run(self, ledger: SequencedLedger) -> Continued | None:
        """Start the next generation; None where nothing is wrong that this would mend.

        The key is published first, then the generation committed, then its head kept. The sequencer
        signs; a crash in between is made good by it or by a second call.

        Raises:
            Unavailable: the database, the lead or the trust folder are out for now.
        """
        lineage = ledger.lineage
        with _leading(self.store, lineage):
            kept = self._lost_head(lineage)
            if kept is None:
                return None
            with self.store.read() as session:
                generation = next_generation(lineage, standing(session, lineage), kept)
            key = ledger.key.verifier(generation_origin(lineage.origin, generation))
            vkey = _publish(lineage.keys, key, generation)
            with self.store.write() as session:
                after, again = self._begin(session, lineage, generation, kept)
            lineage.head.keep(after)
            return Continued(kept, after, key, vkey, again)

    def keep_head(self, ledger: SequencedLedger) -> Checkpoint | None:
        """Keep the head anew outside the database after it was lost; None where it was not.

        Only the last checkpoint with a good signature of the ledger itself is taken: the person vouches
        that the database is the latest one, the signature that it is the ledger's own.

        Raises:
            Damaged: the last signed checkpoint is not what was signed.
            Unavailable: the database or the lead are out for now.
        """
        lineage = ledger.lineage
        with _leading(self.store, lineage):
            with self.store.read() as session:
                stands, trouble = compare(session, lineage)
                if trouble is None or trouble.code == ROLLED_BACK:
                    return None
                head = _vouched(session, stands, ledger)
            lineage.head.path.unlink(missing_ok=True)
            lineage.head.keep(head)
            return head

    def _lost_head(self, lineage: Lineage) -> Checkpoint | None:
        with self.store.read() as session:
            _, trouble = compare(session, lineage)
        return lineage.head.read() if trouble is not None and trouble.code == ROLLED_BACK else None

    def _begin(
        self, session: Session, lineage: Lineage, generation: int, kept: Checkpoint
    ) -> tuple[Checkpoint, int]:
        """Commit to the new generation's first entry; how many entries wait again."""
        now = self.ambient.now()
        again = self._take_back(session, lineage)
        ledger = start(session, lineage, generation, now)
        origin = generation_origin(lineage.origin, generation)
        stands = Standing(ledger, generation, Checkpoint(origin, 0, EMPTY_ROOT))
        return append(session, lineage, stands, [Entry(continuation_entry(kept))], now), again

    def _take_back(self, session: Session, lineage: Lineage) -> int:
        """Let entries that no signed checkpoint covers wait again: the old ledger will sign no more."""
        row = queries.latest(session, lineage.test)
        if row is None:
            return 0
        last = queries.last_checkpoint(session, row.id, signed=True)
        size = last.size if last is not None else 0
        Tiles(session, row.id).cut(size)
        return queries.take_back(session, row.id, size, lineage.test, self.ambient.now())


@contextlib.contextmanager
def _leading(store: Store, lineage: Lineage) -> Iterator[None]:
    with lineage.head.lead(_PATIENCE_S) as here, store.sole(lineage.origin) as everywhere:
        if not (here and everywhere):
            raise Unavailable("a sequencer does not let go of the ledger")
        yield


def _vouched(session: Session, stands: Standing, ledger: SequencedLedger) -> Checkpoint:
    last = queries.last_checkpoint(session, stands.ledger or 0, signed=True)
    key = ledger.key.verifier(stands.head.origin)
    try:
        note = read_note((last.note if last is not None else None) or b"")
        found = read_checkpoint(note.text)
    except MalformedTlog as error:
        raise Damaged("the last signed checkpoint cannot be read") from error
    good = last is not None and (found.origin, found.size, found.root) == (key.name, last.size, last.root)
    if not good or not verify_note(note, (key,), key.name):
        raise Damaged("the last signed checkpoint is not what was signed")
    return found


def _publish(folder: Path, key: VerifierKey, generation: int) -> Path:
    path = folder / f"ledger-{generation}.vkey"
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh.write_text(key.line + "\n", "utf-8")
        fresh.replace(path)
    except OSError as error:
        raise Unavailable("the new ledger key cannot be put into the trust folder") from error
    return path
