"""When a receiver of receipts is told, a sender's system or a webhook, and what its answers change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from gateway.domain.transit.retry import RetrySchedule
from gateway.domain.transit.states import advance

MOST_REFUSED = 20
"""So many receipts in a row may be refused for good; then the address is wrong, and not the receipts."""


class Pushing(Enum):
    """How it goes with one party's system; whatever it is, nothing is passed over unseen."""

    GOING = "GOING"  # receipts are told as they come
    WAITING = "WAITING"  # the system could not be used; the same receipt is due again later
    STOPPED = "STOPPED"  # it failed for too long: tried seldom, until it answers or a person says so


PUSHING_MOVES: Mapping[Pushing, frozenset[Pushing]] = {
    Pushing.GOING: frozenset({Pushing.GOING, Pushing.WAITING, Pushing.STOPPED}),
    Pushing.WAITING: frozenset(Pushing),
    # a person's word makes it go, and so does an answer
    Pushing.STOPPED: frozenset({Pushing.STOPPED, Pushing.GOING}),
}


@dataclass(frozen=True)
class Progress:
    """What is known of one party's system.

    Attributes:
        due_at: not before this moment is it called again.
        failures: calls that failed since the last that was answered.
        failing_since: when the first of them failed.
        refused_in_row: receipts refused for good since the last that was taken.
        last_success: when it last took one.
    """

    due_at: datetime
    state: Pushing = Pushing.GOING
    failures: int = 0
    failing_since: datetime | None = None
    refused_in_row: int = 0
    last_success: datetime | None = None

    @property
    def proven(self) -> bool:
        """Whether it worked when it was last called."""
        return self.failures == 0 and self.last_success is not None

    @property
    def bears_refusal(self) -> bool:
        """Whether one more receipt that is refused for good is still put down to the receipt."""
        return self.refused_in_row < MOST_REFUSED


def taken(before: Progress, now: datetime) -> Progress:
    """It took a receipt: it works, whatever was before."""
    return Progress(now, _moved(before, Pushing.GOING), last_success=now)


def refused(before: Progress, now: datetime) -> Progress:
    """It answered that it will never take this receipt: the next one is its own question."""
    return Progress(
        now,
        _moved(before, Pushing.GOING),
        refused_in_row=before.refused_in_row + 1,
        last_success=before.last_success,
    )


def failed(
    before: Progress,
    now: datetime,
    retry: RetrySchedule,
    rest: timedelta,
    chance: float,
    retry_after: float | None = None,
) -> Progress:
    """It could not be used.

    Args:
        rest: how long it is left alone between two tries once its lifetime is over.
        chance: 0 ≤ chance < 1, drawn by the caller.
        retry_after: what it asked for, in seconds.
    """
    failures, since = before.failures + 1, before.failing_since or now
    due = retry.next_attempt(now, since, failures, chance, retry_after)
    over = before.state is Pushing.STOPPED or due is None
    return replace(
        before,
        state=_moved(before, Pushing.STOPPED if over else Pushing.WAITING),
        due_at=now + rest if over or due is None else due,
        failures=failures,
        failing_since=since,
    )


def begun_anew(before: Progress, now: datetime) -> Progress:
    """A person says that it should be tried now, and given its whole time again."""
    return Progress(now, _moved(before, Pushing.GOING), last_success=before.last_success)


def stopped(before: Progress, now: datetime) -> Progress:
    """A person says that it should not be told any more."""
    return Progress(now, _moved(before, Pushing.STOPPED), last_success=before.last_success)


def _moved(before: Progress, to: Pushing) -> Pushing:
    return advance(PUSHING_MOVES, before.state, to)
