"""A ledger of a test's own: a copy of a hub's database and head that may be spoilt."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.bootstrap.evidence import sequenced
from gateway.domain.evidence.finding import Finding
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.continuation import Continuation
from gateway.exchange.evidence.head import HeadFile
from gateway.exchange.evidence.ledger import Ledger
from gateway.exchange.evidence.ledger_check import check_ledger
from gateway.exchange.evidence.lineage import Lineage
from gateway.exchange.evidence.sequencer import Pace, SequencedLedger, Sequencer
from gateway.store.engine import make_engine
from gateway.store.sessions import Store
from gateway.trust.anchors import Anchors
from tests.support.hub import HubUnderTest

AT_ONCE = Pace(1000, timedelta())


@dataclass
class LedgerUnderTest:
    """The ledgers over one database file; ``head`` is the folder of the kept heads."""

    database: Path
    head: Path
    trust: Path
    ambient: Ambient
    store: Store
    sequenced: tuple[SequencedLedger, ...]

    @property
    def lineages(self) -> tuple[Lineage, ...]:
        return tuple(one.lineage for one in self.sequenced)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store, self.lineages, self.trust / "witnesses")

    @property
    def continuation(self) -> Continuation:
        return Continuation(self.store, self.ambient)

    def sequencer(self, pace: Pace = AT_ONCE) -> Sequencer:
        return Sequencer(self.store, self.ambient, self.sequenced, pace)

    def check(self) -> list[Finding]:
        return list(check_ledger(self.store, self.lineages, Anchors.load(self.trust / "tsa")))

    def codes(self) -> list[str]:
        return [finding.code for finding in self.check()]

    def spoil(self, statement: str, *values: Any) -> None:
        """Change the database as an intruder would: no keys watched, no rules kept."""
        with sqlite3.connect(self.database) as connection:
            connection.execute("PRAGMA foreign_keys=OFF")
            connection.execute(statement, values)
        connection.close()

    def rows(self, query: str, *values: Any) -> list[Any]:
        with sqlite3.connect(self.database) as connection:
            found = connection.execute(query, values).fetchall()
        connection.close()
        return found

    def saved(self, folder: Path) -> Path:
        """A copy of the database as it is now."""
        folder.mkdir(parents=True, exist_ok=True)
        assert self.store.checkpoint()
        return Path(shutil.copy(self.database, folder / "saved.sqlite3"))

    def restore(self, saved: Path) -> None:
        """Put an old copy of the database in its place; the kept heads stay."""
        self.store.engine.dispose()
        for suffix in ("-wal", "-shm"):
            self.database.with_name(self.database.name + suffix).unlink(missing_ok=True)
        shutil.copy(saved, self.database)

    def elsewhere(self, folder: Path) -> LedgerUnderTest:
        """The same database seen by another machine, which keeps its heads in ``folder``."""
        shutil.copytree(self.head, folder)
        return _open(self, self.database, folder)

    def copy(self, folder: Path) -> LedgerUnderTest:
        """Everything once more below ``folder``, so that it may be spoilt."""
        database = self.saved(folder)
        shutil.copytree(self.head, folder / "head")
        shutil.copytree(self.trust, folder / "trust")
        return _open(replace(self, trust=folder / "trust"), database, folder / "head")


def _open(like: LedgerUnderTest, database: Path, head: Path) -> LedgerUnderTest:
    store = Store(make_engine(f"sqlite:///{database}", database.with_suffix(".lock")))
    moved = [_moved(one, head, like.trust) for one in like.sequenced]
    return replace(like, database=database, head=head, store=store, sequenced=tuple(moved))


def _moved(one: SequencedLedger, head: Path, trust: Path) -> SequencedLedger:
    keys = trust / "ledger" / "test" if one.lineage.test else trust / "ledger"
    lineage = replace(one.lineage, head=HeadFile(head / one.lineage.head.path.name), keys=keys)
    return SequencedLedger(lineage, replace(one.key, keys=keys))


def ledger_of(hub: HubUnderTest, folder: Path) -> LedgerUnderTest:
    """The hub's own ledgers, their heads kept in ``folder``."""
    settings, gateway = hub.gateway.settings, hub.gateway
    folder.mkdir(parents=True, exist_ok=True)
    database = Path(gateway.store.engine.url.database or "")
    trust = settings.trust.directory
    moved: Sequence[SequencedLedger] = [_moved(one, folder, trust) for one in sequenced(settings)]
    return LedgerUnderTest(database, folder, trust, gateway.ambient, gateway.store, tuple(moved))
