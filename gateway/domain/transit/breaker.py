"""When a route that fails is left alone, and how one letter at a time finds out that it works again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum


class BreakerState(Enum):
    """Whether letters are sent on a route."""

    CLOSED = "CLOSED"  # letters are sent
    OPEN = "OPEN"  # too many failures in a row: none is sent until the cool-down is over
    HALF_OPEN = "HALF_OPEN"  # one letter finds out whether the route works again


class Result(Enum):
    """What an attempt told of the route, which is not what became of the letter."""

    ANSWERED = "ANSWERED"  # the system took the letter, or refused this one
    FAILED = "FAILED"  # the system could not be used, or nobody knows
    NOTHING = "NOTHING"  # nothing was sent, or the fault was the hub's


BREAKER_MOVES: Mapping[BreakerState, frozenset[BreakerState]] = {
    BreakerState.CLOSED: frozenset({BreakerState.CLOSED, BreakerState.OPEN}),
    # a late answer of an attempt that began before closes it as well
    BreakerState.OPEN: frozenset({BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED}),
    BreakerState.HALF_OPEN: frozenset(BreakerState),
}


@dataclass(frozen=True)
class BreakerRule:
    """When a breaker opens and for how long; durations in seconds.

    Attributes:
        failures: how many in a row open it.
        first: the first cool-down.
        factor: by which each further cool-down grows until an attempt succeeds.
        cap: the longest cool-down.
    """

    failures: int = 5
    first: float = 30.0
    factor: float = 2.0
    cap: float = 900.0

    def cool_down(self, openings: int, retry_after: float | None = None) -> timedelta:
        """How long the route is left alone after the ``openings``-th opening in a row (from 1).

        Args:
            retry_after: what the system asked for, in seconds; honoured up to the cap.
        """
        grown = self.first
        for _ in range(min(openings - 1, 64)):
            grown = min(grown * self.factor, self.cap)
        return timedelta(seconds=min(max(grown, retry_after or 0.0), self.cap))


@dataclass(frozen=True)
class Breaker:
    """What is known of one route.

    Attributes:
        failures: attempts that failed since the last that was answered.
        openings: how often it opened since then.
        failing_since: when the first of those attempts failed.
        opened_at: when it opened last; None while it is closed.
        until: before this moment no letter is sent.
        last_success: when the system last answered; may be up to a minute late.
    """

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    openings: int = 0
    failing_since: datetime | None = None
    opened_at: datetime | None = None
    until: datetime | None = None
    last_success: datetime | None = None

    @property
    def known_good(self) -> bool:
        """Whether the route worked when it was last tried."""
        return self.failures == 0 and self.last_success is not None

    def lets_through(self, now: datetime) -> bool:
        """Whether a letter may be sent; out of an open breaker it is a probe."""
        return self.state is BreakerState.CLOSED or self.until is None or self.until <= now


def answered(breaker: Breaker, now: datetime) -> Breaker:
    """The system answered: the route works, whatever was before."""
    _moved(breaker, BreakerState.CLOSED)
    return Breaker(last_success=now)


def failed(breaker: Breaker, now: datetime, rule: BreakerRule, retry_after: float | None = None) -> Breaker:
    """The system could not be used."""
    counted = replace(breaker, failures=breaker.failures + 1, failing_since=breaker.failing_since or now)
    if breaker.state is BreakerState.OPEN:  # an attempt that began before it opened
        return counted
    if breaker.state is BreakerState.CLOSED and counted.failures < rule.failures:
        return counted
    openings = breaker.openings + 1
    until = now + rule.cool_down(openings, retry_after)
    return replace(_moved(counted, BreakerState.OPEN), openings=openings, opened_at=now, until=until)


def probing(breaker: Breaker, until: datetime) -> Breaker:
    """One letter is sent to find out; should its worker die, another may be sent after ``until``."""
    return replace(_moved(breaker, BreakerState.HALF_OPEN), until=until)


def told_nothing(breaker: Breaker, now: datetime) -> Breaker:
    """What was to find out found out nothing: the next letter may."""
    return replace(breaker, until=now) if breaker.state is BreakerState.HALF_OPEN else breaker


class ForbiddenTurn(AssertionError):
    """A turn that the table does not have: a defect of the caller."""


def _moved(breaker: Breaker, to: BreakerState) -> Breaker:
    if to not in BREAKER_MOVES[breaker.state]:
        raise ForbiddenTurn(f"{breaker.state.value} -> {to.value}")
    return replace(breaker, state=to)
