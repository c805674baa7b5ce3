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
from gateway.store.transit.models import DeliveryRow
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
        self._locked: dict[str, RouteState | None] = {}
        self._routes: dict[str, Route] = {}
        self._fetched: dict[tuple[str, Lane], deque[DeliveryRow]] = {}
        self._given: set[str] = set()
        self._at_once = 1

    def take(self, line: Sequence[Queue], limit: int) -> Iterator[DeliveryRow]:
        """The deliveries whose turn it is, locked.

        Args:
            line: the queues in their order.
            limit: how many at most; the free places of the worker.
        """
        turns, free = deque(line), limit
        self._at_once = -(-limit // max(1, len(line)))
        while turns and free:
            queue = turns.popleft()
            row = self._next(queue, free)
            if row is not None:
                yield row
                turns.append(queue)
                free -= 1

    def _next(self, queue: Queue, free: int) -> DeliveryRow | None:
        state = self._lock(queue.office)
        if state is None or state.paused:
            return None
        route, breaker = self._route(queue.office), route_queries.breaker_of(state)
        wanted = self._as_work(queue, route, breaker)
        if not self._may_call(wanted, breaker):
            return None
        if not has_room(self._work, wanted, self._shares, free, route.concurrency):
            return None
        until = self._place(route, state)
        row = None if until is None else self._oldest(queue)
        if row is not None:
            self._serve(state, wanted, breaker, until)
        return row

    def _oldest(self, queue: Queue) -> DeliveryRow | None:
        """The first delivery of a queue that was not given yet; some are fetched at once, in their order."""
        found = self._fetched.setdefault((queue.office, queue.lane), deque())
        if not found:
            rows = claim_queries.oldest_due(self._session, queue, self._now, self._given, self._at_once)
            found.extend(rows)
            self._given.update(row.id for row in rows)
        return found.popleft() if found else None

    def _lock(self, office: str) -> RouteState | None:
        if office not in self._locked:
            # only the first is waited for: who waits with one in the hand could wait in a circle
            state = route_queries.locked(self._session, office, wait=not self._locked)
            self._locked[office] = state
            self._look_at_work(office)
        return self._locked[office]

    def _look_at_work(self, office: str) -> None:
        """What others took of this route before it was locked counts."""
        if len(self._locked) == 1:
            self._work = claim_queries.in_hand(self._session, self._mine)
            return
        others = [one for one in self._work if one.office != office]
        self._work = others + claim_queries.in_hand(self._session, self._mine, office)

    def _route(self, office: str) -> Route:
        if office not in self._routes:
            found = registry.office(self._session, office, self._retry)
            self._routes[office] = _FROM_THE_STORE if found is None else found.route
        return self._routes[office]

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

    def _place(self, route: Route, state: RouteState) -> datetime | None:
        """Up to when places in the route's pace are taken with this letter; None when none is free."""
        per_minute = self._shares.per_minute if route.per_minute is None else route.per_minute
        if route.kind is not RouteKind.ADAPTER or not per_minute:
            return self._now
        return place_in_time(state.rate_until, per_minute, self._now)

    def _serve(self, state: RouteState, wanted: Work, breaker: Breaker, until: datetime | None) -> None:
        state.claimed_at, state.rate_until = self._now, until
        if wanted.adapter and breaker.state is not BreakerState.CLOSED:
            route_queries.keep_breaker(state, probing(breaker, self._now + self._lease))
        self._work.append(wanted)
