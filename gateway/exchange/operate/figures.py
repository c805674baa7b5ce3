"""Figures by which an operator watches the evidence; nothing in them is personal."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.purge import Purge
from gateway.exchange.evidence.selfcheck import last_check
from gateway.exchange.evidence.stamping import Unstamped
from gateway.exchange.operate.flow import Flow, Watch
from gateway.store.evidence import ledger_queries
from gateway.store.evidence import retention_queries as retention
from gateway.store.sessions import Store

_KEPT_FOR = timedelta(hours=1)


@dataclass(frozen=True)
class LedgerFigures:
    """One ledger: ``real`` or ``test``, its signed size in entries, and when that was made."""

    name: str
    size: int
    made_at: datetime


@dataclass(frozen=True)
class SlowFigures:
    """Counts over all letters; up to an hour old."""

    untimestamped: int
    retention_due: int
    payload_objects: int


@dataclass(frozen=True)
class Figures:
    """All of them at one moment; None where nothing is known yet."""

    at: datetime
    findings: int | None
    checked_at: datetime | None
    ledgers: tuple[LedgerFigures, ...]
    pending: int
    unstamped_since: datetime | None
    legal_holds: int
    slow: SlowFigures
    flow: Flow


@dataclass
class Counting:
    """Reads the figures from the database; those that look at every letter at most once an hour."""

    store: Store
    purge: Purge
    ambient: Ambient
    _unstamped: Unstamped = field(init=False)
    _kept: tuple[datetime, SlowFigures] | None = None

    def __post_init__(self) -> None:
        self._unstamped = Unstamped(self.store)

    def figures(self) -> Figures:
        """The figures now.

        Raises:
            Unavailable: the database cannot be read.
        """
        last = last_check(self.store)
        with self.store.read() as session:
            ledgers = tuple(_ledgers(session))
            pending = sum(ledger_queries.waiting(session, test)[0] for test in (False, True))
            holds = retention.holds_in_force(session)
        return Figures(
            at=self.ambient.now(),
            findings=None if last is None else last.findings,
            checked_at=None if last is None else last.ended_at,
            ledgers=ledgers,
            pending=pending,
            unstamped_since=self._unstamped.oldest(),
            legal_holds=holds,
            slow=self._slow(),
            flow=Watch(self.store, self.ambient).flow(),
        )

    def _slow(self) -> SlowFigures:
        now = self.ambient.now()
        if self._kept is None or now - self._kept[0] >= _KEPT_FOR:
            self._kept = now, self._count()
        return self._kept[1]

    def _count(self) -> SlowFigures:
        with self.store.read() as session:
            rows = [ledger_queries.latest(session, test) for test in (False, True)]
            missing = sum(ledger_queries.untimestamped(session, row.id) for row in rows if row is not None)
            objects = retention.objects_with_key(session)
        return SlowFigures(missing, sum(1 for _ in self.purge.due()), objects)


def _ledgers(session: Session) -> list[LedgerFigures]:
    found = []
    for name, test in (("real", False), ("test", True)):
        row = ledger_queries.latest(session, test)
        last = None if row is None else ledger_queries.last_checkpoint(session, row.id, signed=True)
        if last is not None:
            found.append(LedgerFigures(name, last.size, last.made_at))
    return found
