"""What attempts tell of a route is kept for all workers: it works, it fails, it is left alone for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from adapters.contract import Delivered
from gateway.domain.errors import Permanent, Temporary
from gateway.domain.transit.breaker import (
    Breaker,
    BreakerRule,
    BreakerState,
    Result,
    answered,
    failed,
    told_nothing,
)
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.attempt import ONE_LETTERS, OPERATORS_MEND, UNREADABLE, Trouble
from gateway.store.sessions import Store
from gateway.store.transit import route_queries

INTERNAL = "WASL-HUB-001"
_OURS = ONE_LETTERS | {UNREADABLE, INTERNAL}
_NEWS_AFTER = timedelta(minutes=1)
_STILL_SO = timedelta(seconds=5)
"""So long what was seen of a route counts as what is known, where it only spares a look."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Seen:
    """What was known of a route at a moment."""

    breaker: Breaker
    at: datetime


@dataclass(frozen=True)
class RouteFigures:
    """One route as a person who watches wants to see it.

    Attributes:
        last_success: when its system last answered; up to a minute late.
    """

    office: str
    state: BreakerState
    failures: int
    failing_since: datetime | None
    opened_at: datetime | None
    until: datetime | None
    last_success: datetime | None


@dataclass(frozen=True)
class Routes:
    """Keeps the breakers of all routes."""

    store: Store
    ambient: Ambient
    rule: BreakerRule = BreakerRule()

    def heard(
        self, office: str, result: Result, retry_after: float | None = None, seen: Seen | None = None
    ) -> None:
        """Keep what an attempt told of an office's route.

        Args:
            retry_after: for how many seconds the system asked to be left alone.
            seen: what was known of the route, if somebody looked just now.

        Raises:
            Unavailable: the database is out of service; what was heard is forgotten, which harms nobody.
        """
        now = self.ambient.now()
        before = self._known(office, seen, now)
        if _is_no_news(before, result, now):  # spares a transaction for each letter of a route that works
            return

        def turn(breaker: Breaker) -> Breaker:
            if result is Result.FAILED:
                return failed(breaker, now, self.rule, retry_after)
            return answered(breaker, now) if result is Result.ANSWERED else told_nothing(breaker, now)

        self._keep(office, turn)

    def _known(self, office: str, seen: Seen | None, now: datetime) -> Breaker:
        if seen is not None and timedelta() <= now - seen.at < _STILL_SO:
            return seen.breaker
        with self.store.read() as session:
            return route_queries.breaker(session, office)

    def _keep(self, office: str, turn: Callable[[Breaker], Breaker]) -> None:
        with self.store.write() as session:
            row = route_queries.locked(session, office)
            if row is None:
                return
            before = route_queries.breaker_of(row)
            after = turn(before)
            route_queries.keep_breaker(row, after)
        if after.state is not before.state:
            _log.warning(
                "route changed", office=office, was=before.state.value, now=after.state.value,
                failures=after.failures, until=None if after.until is None else after.until.isoformat(),
            )  # fmt: skip

    def figures(self) -> tuple[RouteFigures, ...]:
        """Every route that was ever used, in the order of its office."""
        with self.store.read() as session:
            found = route_queries.routes(session)
        return tuple(
            RouteFigures(
                office,
                one.state,
                one.failures,
                one.failing_since,
                one.opened_at,
                one.until,
                one.last_success,
            )
            for office, one in found
        )


def told_by(end: Delivered | Trouble | None) -> tuple[Result, float | None]:
    """What the end of an attempt tells of the route, and for how many seconds its system asked to wait.

    A refusal for good concerns the letter: the system works. What an operator of the hub must mend
    concerns every letter of the route. What the hub could not read, or put into the target's form, concerns
    neither.

    Args:
        end: None when nothing was sent.
    """
    if end is None:
        return Result.NOTHING, None
    if isinstance(end, Delivered):
        return Result.ANSWERED, None
    error = end.error
    if error.code in _OURS:
        return Result.NOTHING, None
    if isinstance(error, Permanent) and error.code not in OPERATORS_MEND:
        return Result.ANSWERED, None
    return Result.FAILED, error.retry_after if isinstance(error, Temporary) else None


def _is_no_news(before: Breaker, result: Result, now: datetime) -> bool:
    if result is Result.NOTHING:
        return before.state is not BreakerState.HALF_OPEN
    if result is Result.FAILED or before.last_success is None:
        return False
    return before.known_good and now - before.last_success < _NEWS_AFTER
