"""Figures by which an operator watches the journey, and the warnings that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.exchange.clock import Ambient
from gateway.exchange.operate.presence import ALIVE
from gateway.store.evidence import ledger_queries
from gateway.store.sessions import Store
from gateway.store.transit import flow_queries, notice_queries, push_queries, webhook_queries, worker_queries
from gateway.store.transit.flow_queries import RouteSeen, Waiting
from gateway.store.transit.push_queries import PushSeen

LATE = timedelta(minutes=5)
"""So long a due delivery may wait for a worker; longer than any pause between two looks."""
LEDGER_LATE = timedelta(minutes=10)
UNTOLD = timedelta(hours=1)
_NAMED = 5


@dataclass(frozen=True)
class Depth:
    """How many deliveries without an outcome, and when the oldest of them was accepted."""

    count: int
    since: datetime


@dataclass(frozen=True)
class Flow:
    """The journey at one moment; None where nothing waits.

    Attributes:
        lanes: by lane and state. offices: by office and state.
        due_since: since when the delivery is due that waits longest for a worker.
        workers: processes that gave a sign of life lately.
        untold: notifications not sent yet; ``untold_since`` when the first of them was due.
        unplaced_since: since when the oldest receipt waits for its place in a ledger.
        pushes: every party whose own system is told its receipts; ``hooks``: every webhook.
    """

    at: datetime
    lanes: Mapping[tuple[str, str], Depth]
    offices: Mapping[tuple[str, str], Depth]
    routes: tuple[RouteSeen, ...]
    due_since: datetime | None
    workers: int
    untold: int
    untold_since: datetime | None
    unplaced_since: datetime | None
    pushes: tuple[PushSeen, ...] = ()
    hooks: tuple[PushSeen, ...] = ()

    @property
    def oldest(self) -> datetime | None:
        """When the oldest delivery without an outcome was accepted."""
        return min((one.since for one in self.lanes.values()), default=None)


@dataclass(frozen=True)
class Watch:
    """Reads the figures from the database."""

    store: Store
    ambient: Ambient

    def flow(self) -> Flow:
        """The figures now.

        Raises:
            Unavailable: the database cannot be read.
        """
        return self._flow(counted=True)

    def _flow(self, counted: bool) -> Flow:
        """The figures now.

        Args:
            counted: with what waits in lanes and offices, which costs the more the more waits.
        """
        now = self.ambient.now()
        with self.store.read() as session:
            waiting = flow_queries.undelivered(session) if counted else []
            untold, untold_since = notice_queries.waiting(session)
            placing = [ledger_queries.waiting(session, test, 1)[1] for test in (False, True)]
            return Flow(
                at=now,
                lanes=_summed(((one.lane, one.state), one) for one in waiting),
                offices=_summed(((one.office, one.state), one) for one in waiting),
                routes=tuple(flow_queries.routes(session)),
                due_since=flow_queries.oldest_due(session, now),
                workers=worker_queries.since(session, now - ALIVE),
                untold=untold,
                untold_since=untold_since,
                unplaced_since=min((one for one in placing if one is not None), default=None),
                pushes=tuple(push_queries.seen(session)),
                hooks=tuple(webhook_queries.seen(session)),
            )

    def warnings(self) -> Mapping[str, str]:
        """What a person must look at, by resource, one sentence each.

        Raises:
            Unavailable: the database cannot be read.
        """
        return dict(_warnings(self._flow(counted=False)))


def _warnings(flow: Flow) -> Iterator[tuple[str, str]]:
    due = age(flow, flow.due_since)
    if due > LATE:
        yield "deliveries", f"letters are due since {_minutes(due)} and nobody delivers them"
        if not flow.workers:
            yield "workers", "no worker has given a sign of life"
    if age(flow, flow.unplaced_since) > LEDGER_LATE:
        yield "sequencer", f"receipts wait for the ledger since {_minutes(age(flow, flow.unplaced_since))}"
    if age(flow, flow.untold_since) > UNTOLD:
        since = _minutes(age(flow, flow.untold_since))
        yield "notifications", f"people could not be told since {since}"
    late = [one.party for one in flow.pushes if age(flow, one.oldest) > UNTOLD]
    if late:
        yield "receipts", f"senders' own systems were not told for an hour or more: {_some(late)}"
    failing = [f"{one.party} {one.webhook}" for one in flow.hooks if age(flow, one.failing_since) > UNTOLD]
    if failing:
        yield "webhooks", f"webhooks fail for an hour or more: {_some(failing)}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def age(flow: Flow, since: datetime | None) -> timedelta:
    """How long ago something was when the figures were read; none when it was not, or is still to come."""
    return max(flow.at - since, timedelta()) if since is not None else timedelta()


def _summed(waiting: Iterable[tuple[tuple[str, str], Waiting]]) -> Mapping[tuple[str, str], Depth]:
    found: dict[tuple[str, str], Depth] = {}
    for key, one in waiting:
        before = found.get(key, Depth(0, one.since))
        found[key] = Depth(before.count + one.deliveries, min(before.since, one.since))
    return found


def _minutes(length: timedelta) -> str:
    return f"{int(length.total_seconds() // 60)} minutes"
