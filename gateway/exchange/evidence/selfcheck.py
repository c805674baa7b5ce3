"""The whole evidence checks itself; what it finds is logged, kept and shown until the next run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gateway.domain.evidence.finding import Finding
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.reconcile import Reconcile
from gateway.store.evidence import ledger_queries
from gateway.store.evidence import retention_queries as queries
from gateway.store.evidence.retention_models import SelfCheckRow
from gateway.store.sessions import Store

MOST_KEPT = 1000
"""Findings that one run keeps and logs; the rest are counted."""
MORE = "check.more"

_log = structlog.get_logger()


@dataclass(frozen=True)
class SelfCheckReport:
    """One run.

    Attributes:
        entries: of all ledgers when it began.
        findings: the first thousand.
        count: of all findings.
    """

    started_at: datetime
    ended_at: datetime
    entries: int
    findings: tuple[Finding, ...]
    count: int


@dataclass(frozen=True)
class LastCheck:
    """When the self-check last came to its end, and how much it found."""

    ended_at: datetime
    findings: int


@dataclass(frozen=True)
class SelfCheck:
    """Compares the ledger with itself and all records with each other.

    Attributes:
        ledger: every finding about the ledgers.
        every: between two runs that nobody asks for.
    """

    store: Store
    ledger: Callable[[], Iterator[Finding]]
    reconcile: Reconcile
    ambient: Ambient
    every: timedelta

    def turn(self) -> SelfCheckReport | None:
        """Run if the last run is long enough ago; a process that starts again does not check again."""
        last = last_check(self.store)
        if last is not None and self.ambient.now() - last.ended_at < self.every:
            return None
        return self.run()

    def run(self, deep: bool = False, tell: Callable[[Finding], None] | None = None) -> SelfCheckReport:
        """Check everything and keep the result.

        Args:
            deep: open every rendering and read every content.
            tell: is given every finding at once.

        Raises:
            Unavailable: database or payload store is out for now; nothing is said about the evidence.
        """
        started, entries = self.ambient.now(), self._entries()
        kept: list[Finding] = []
        count = 0
        for finding in self.find(deep):
            count += 1
            if tell is not None:
                tell(finding)
            if count <= MOST_KEPT:
                kept.append(finding)
                _log.error("self-check finding", code=finding.code, **_prefixed(finding))
        report = SelfCheckReport(started, self.ambient.now(), entries, tuple(kept), count)
        self._keep(report)
        _log.info("self-check ended", findings=count, entries=entries)
        return report

    def find(self, deep: bool = False) -> Iterator[Finding]:
        """Every finding, as it is found; memory does not grow with the evidence."""
        yield from self.ledger()
        yield from self.reconcile.find(deep)

    def _entries(self) -> int:
        with self.store.read() as session:
            return ledger_queries.leaf_count(session)

    def _keep(self, report: SelfCheckReport) -> None:
        found = [{"code": one.code, "values": dict(one.values)} for one in report.findings]
        if report.count > len(found):
            found.append({"code": MORE, "values": {"count": str(report.count - len(found))}})
        with self.store.write() as session:
            session.add(
                SelfCheckRow(
                    started_at=report.started_at,
                    ended_at=report.ended_at,
                    entries=report.entries,
                    findings=found,
                )
            )


def last_check(store: Store) -> LastCheck | None:
    """The latest run that came to its end.

    Raises:
        Unavailable: the database cannot be read.
    """
    with store.read() as session:
        row = queries.last_check(session)
    if row is None:
        return None
    more = sum(int(one["values"]["count"]) - 1 for one in row.findings if one["code"] == MORE)
    return LastCheck(row.ended_at, len(row.findings) + more)


def _prefixed(finding: Finding) -> dict[str, str]:
    """The values under names that no logger uses itself."""
    return {f"at_{name}": value for name, value in finding.values.items()}
