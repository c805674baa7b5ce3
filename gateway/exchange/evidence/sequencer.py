"""Gives every committed entry its place in the ledger and signs a checkpoint over it: commit, keep, sign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.domain.errors import Damaged, GatewayFault, Unavailable
from gateway.domain.evidence.ledger import Checkpoint, generation_origin
from gateway.domain.evidence.merkle import leaf_hash, root
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.ledger_key import LedgerKey
from gateway.exchange.evidence.lineage import Lineage, Standing, agreed
from gateway.store.evidence import ledger_queries as queries
from gateway.store.evidence.ledger_models import CheckpointRow, LedgerRow
from gateway.store.evidence.ledger_queries import Entry
from gateway.store.evidence.tiles import Tiles
from gateway.store.sessions import Store


@dataclass(frozen=True)
class SequencedLedger:
    """A ledger and the key that signs for it."""

    lineage: Lineage
    key: LedgerKey


@dataclass(frozen=True)
class Pace:
    """When a checkpoint is due: so many entries wait, or the first of them that long."""

    leaves: int
    wait: timedelta


@dataclass(frozen=True)
class Sequencer:
    """Lets the real and the test ledger grow; a crash between any two steps is made good by the next turn."""

    store: Store
    ambient: Ambient
    ledgers: tuple[SequencedLedger, ...]
    pace: Pace

    def run(self) -> None:
        """One turn; whoever does not get the lead of a ledger skips it.

        Raises:
            Unavailable: database, head file or key are out for now; the other ledger had its turn.
            Damaged: the database is not the one that the kept head belongs to; nothing was appended.
        """
        faults: list[GatewayFault] = []
        for ledger in self.ledgers:
            try:
                with ledger.lineage.head.lead() as leading:
                    if leading:
                        self._turn_alone(ledger)
            except GatewayFault as fault:
                faults.append(fault)
        if faults:
            raise faults[0]

    def _turn_alone(self, ledger: SequencedLedger) -> None:
        # the lock beside the head is this machine's, or its file server's; the database has another machine's
        with self.store.sole(ledger.lineage.origin) as leading:
            if leading:
                self._turn(ledger)

    def _turn(self, ledger: SequencedLedger) -> None:
        while self._due(ledger.lineage) and self._grow(ledger.lineage):
            pass
        self._keep_head(ledger.lineage)
        self._sign(ledger)

    def _due(self, lineage: Lineage) -> bool:
        with self.store.read() as session:
            count, since = queries.waiting(session, lineage.test, self.pace.leaves)
        if since is None:
            return False
        # A clock that was set back must not keep entries waiting until it has caught up.
        now = self.ambient.now()
        return count >= self.pace.leaves or not now - self.pace.wait < since <= now

    def _grow(self, lineage: Lineage) -> bool:
        """Append one batch with its checkpoint in one transaction; whether there was one."""
        try:
            with self.store.write() as session:
                stands = agreed(session, lineage)
                entries = queries.pending(session, lineage.test, self.pace.leaves)
                if entries:
                    append(session, lineage, stands, entries, self.ambient.now())
        except IntegrityError as error:
            # Unique places and sizes decide; the loser's transaction is undone as a whole.
            raise Unavailable(f"another sequencer let {lineage.origin} grow first") from error
        if entries:
            self._keep_head(lineage)
        return bool(entries)

    def _keep_head(self, lineage: Lineage) -> None:
        """Bring the head outside the database up to what is committed."""
        with self.store.read() as session:
            stands = agreed(session, lineage)
        if stands.head.size:
            lineage.head.keep(stands.head)

    def _sign(self, ledger: SequencedLedger) -> None:
        """Sign what is committed and not signed yet, exactly as it was committed."""
        for checkpoint, row in self._unsigned(ledger.lineage):
            note = ledger.key.sign(checkpoint)
            with self.store.write() as session:
                queries.keep_note(session, row, checkpoint.size, note)

    def _unsigned(self, lineage: Lineage) -> list[tuple[Checkpoint, int]]:
        # Of the present generation alone: an earlier one ended where its last signature stands.
        with self.store.read() as session:
            row = queries.latest(session, lineage.test)
            if row is None:
                return []
            found = queries.unsigned(session, row.id)
            return [(Checkpoint(row.origin, one.size, one.root), row.id) for one in found]


def append(
    session: Session, lineage: Lineage, stands: Standing, entries: list[Entry], now: datetime
) -> Checkpoint:
    """Give entries the next places and commit to the root over all of them, in the open transaction.

    Raises:
        Damaged: the tree does not give the root of its last checkpoint.
        IntegrityError: somebody else was first.
    """
    ledger = stands.ledger
    if ledger is None:
        ledger = start(session, lineage, stands.generation, now)
    tiles = Tiles(session, ledger)
    before = stands.head
    if root(before.size, tiles.node) != before.root:
        raise Damaged(f"the tree of {before.origin} does not give the root of its last checkpoint")
    hashes = [leaf_hash(entry.octets) for entry in entries]
    queries.append(session, ledger, before.size, entries, hashes)
    tiles.grow(before.size, hashes)
    size = before.size + len(entries)
    after = Checkpoint(before.origin, size, root(size, tiles.node))
    # A clock that was set back must not let checkpoints go back.
    made_at = max(now, stands.made_at or now)
    session.add(CheckpointRow(ledger=ledger, size=size, root=after.root, made_at=made_at))
    return after


def start(session: Session, lineage: Lineage, generation: int, now: datetime) -> int:
    """Add a generation; its row."""
    origin = generation_origin(lineage.origin, generation)
    row = LedgerRow(test=lineage.test, generation=generation, origin=origin, started_at=now)
    session.add(row)
    session.flush()
    return row.id
