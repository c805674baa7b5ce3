"""Who is served next: routes take turns within their limits, whatever lies behind any of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway.domain.registry.parties import Route, RouteKind
from gateway.domain.transit.breaker import Breaker, BreakerState, probing
from gateway.domain.transit.envelope import Lane
from gateway.domain.transit.pace import place_in_time
from gateway.domain.transit.retry import RetrySchedule
from gateway.domain.transit.sharing import Queue, Shares, Work, has_room
from gateway.store.registry import queries as registry
from gateway.store.transit import claim_queries, route_queries
from gateway.store.transit.claim_queries import Due
from gateway.store.transit.route_models import RouteState

_FROM_THE_STORE = Route(RouteKind.OFFICE)
"""How a letter to an office that left the registry is worked on: nobody is called."""


class Turns:
    """Chooses deliveries within one transaction.

    The state of each route in question stays locked until its end, so that limits hold over all workers.
    """

    def __init__(
        self,
        session: Session,
        mine: Collection[str],
        now: datetime,
        lease: timedelta,
        shares: Shares,
        retry: RetrySchedule,
    ) -> None:
        self._session, self._mine, self._now, self._lease = session, mine, now, lease
        self._shares, self._retry = shares, retry
        self._work: list[Work] = []
        self._ahead: deque[str] = deque()
        self._locked: dict[str, RouteState] = {}
        self._routes: dict[str, Route] = {}
        self._fetched: dict[tuple[str, Lane], deque[Due]] = {}
        self._given: set[str] = set()
        self._asked: set[tuple[str, Lane]] = set()
        self._served: dict[str, datetime | None] = {}
        self._at_once = 1

    def take(self, line: Sequence[Queue], limit: int) -> Iterator[Due]:
        """The deliveries whose turn it is, locked.

        Args:
            line: the queues in their order.
            limit: how many at most; the free places of the worker.
        """
        turns, free = deque(line), limit
        self._ahead = deque(dict.fromkeys(queue.office for queue in line))
        self._at_once = -(-limit // max(1, len(line)))
        while turns and free:
            queue = turns.popleft()
            due = self._next(queue, free)
            if due is not None:
                yield due
                turns.append(queue)
                free -= 1

    def note(self) -> None:
        """Write whose turn it was, and what of their pace is taken."""
        route_queries.serve(self._session, self._served, self._now)

    def _next(self, queue: Queue, free: int) -> Due | None:
        self._look_ahead(queue.office, free)
        state = self._locked.get(queue.office)
        if state is None or state.paused:
            return None
        route = self._routes.get(queue.office, _FROM_THE_STORE)
        breaker = route_queries.breaker_of(state)
        wanted = self._as_work(queue, route, breaker)
        if not self._may_call(wanted, breaker):
            return None
        if not has_room(self._work, wanted, self._shares, route.concurrency):
            return None
        until = self._place(route, self._served.get(queue.office, state.rate_until))
        due = None if until is None else self._oldest(queue)
        if due is not None:
            self._serve(state, wanted, breaker, until)
        return due

    def _oldest(self, queue: Queue) -> Due | None:
        """The first delivery of a queue that was not given yet; some are fetched at once, in their order."""
        found = self._fetched.setdefault((queue.office, queue.lane), deque())
        if not found:
            # of this queue none was given yet, or all that were fetched
            given = self._given if (queue.office, queue.lane) in self._asked else ()
            self._asked.add((queue.office, queue.lane))
            rows = claim_queries.oldest_due(self._session, queue, self._now, given, self._at_once)
            found.extend(rows)
            self._given.update(row.id for row in rows)
        return found.popleft() if found else None

    def _look_ahead(self, office: str, free: int) -> None:
        """Lock the routes of the next in the line, one more than there are places, unless that was done.

        What others took of these routes before they were locked counts.
        """
        if office not in self._ahead:
            return
        chunk = [self._ahead.popleft() for _ in range(min(free + 1, len(self._ahead)))]
        # only the very first is waited for: who waits with one in the hand could wait in a circle
        self._locked |= route_queries.locked_all(self._session, chunk, wait=not self._locked)
        self._routes |= registry.routes(self._session, chunk, self._retry)
        ours = [one for one in self._work if one.office not in chunk]
        others = claim_queries.in_hand(self._session, self._mine)
        self._work = ours + [one for one in others if not ours or one.office in chunk]

    def _as_work(self, queue: Queue, route: Route, breaker: Breaker) -> Work:
        adapter = route.kind is RouteKind.ADAPTER
        return Work(
            office=queue.office,
            lane=queue.lane,
            mine=True,
            adapter=adapter,
            unproven=adapter and not breaker.known_good,
            failing=adapter and breaker.failures > 0,
        )

    def _may_call(self, wanted: Work, breaker: Breaker) -> bool:
        """Whether the breaker lets this letter through; not more than one at a time finds out."""
        if not wanted.adapter or breaker.state is BreakerState.CLOSED:
            return True
        busy = any(one.office == wanted.office for one in self._work)
        return breaker.lets_through(self._now) and not busy

    def _place(self, route: Route, taken_until: datetime | None) -> datetime | None:
        """Up to when places in the route's pace are taken with this letter too; None when none is free."""
        per_minute = self._shares.per_minute if route.per_minute is None else route.per_minute
        if route.kind is not RouteKind.ADAPTER or not per_minute:
            return self._now
        return place_in_time(taken_until, per_minute, self._now)

    def _serve(self, state: RouteState, wanted: Work, breaker: Breaker, until: datetime | None) -> None:
        self._served[state.office] = until
        if wanted.adapter and breaker.state is not BreakerState.CLOSED:
            route_queries.keep_breaker(state, probing(breaker, self._now + self._lease))
        self._work.append(wanted)
