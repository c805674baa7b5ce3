"""What a sender's program must do in each situation that it will meet once, judged from what it sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

RETRY_S = 3.0
"""What the trials of trouble ask for in ``Retry-After``."""
_CLOCKS_S = 0.2


class Trial(Enum):
    """A situation, in the order in which letters meet them."""

    GOLDEN = "golden"  # the hub answers
    ANSWER_LOST = "answer lost"  # the hub took the letter, and its answer never came
    NOT_ARRIVED = "not arrived"  # the connection broke before the hub had the letter
    TROUBLE = "trouble"  # 503 with Retry-After
    TOO_OFTEN = "too often"  # 429 with Retry-After
    REFUSED = "refused"  # 422
    FORGED = "forged"  # an acceptance that was changed on its way


class Outcome(Enum):
    """What a trial came to."""

    PASSED = "passed"
    FAILED = "failed"
    LOOK = "look"  # nobody but the sender can see it
    OPEN = "open"  # not met yet, or not over


@dataclass(frozen=True)
class Sending:
    """One submission: when (seconds that never go back), and the digest of what was sent."""

    at: float
    digest: str


@dataclass(frozen=True)
class Course:
    """One letter's trial: its submissions, and the status that the hub gave the last one it got."""

    trial: Trial
    sendings: tuple[Sending, ...] = ()
    status: int | None = None


@dataclass(frozen=True)
class Mark:
    """A trial's outcome with its reason."""

    trial: Trial
    outcome: Outcome
    why: str


def judge(course: Course, now: float, quiet: float) -> Mark:
    """What a letter's trial has come to.

    Args:
        quiet: seconds without a further submission after which none is expected any more.
    """
    if not course.sendings:
        return Mark(course.trial, Outcome.OPEN, "no letter came")
    if len({one.digest for one in course.sendings}) > 1:
        return Mark(course.trial, Outcome.FAILED, "the repeat was signed anew: send the same octets")
    over = now - course.sendings[-1].at >= quiet
    return Mark(course.trial, *_RULES[course.trial](course, over))


def _accepted(course: Course, over: bool) -> tuple[Outcome, str]:
    if course.status in (200, 201):
        return Outcome.PASSED, "accepted"
    return Outcome.FAILED, f"the hub answered {course.status}"


def _repeated(course: Course, over: bool) -> tuple[Outcome, str]:
    if len(course.sendings) > 1:
        return Outcome.PASSED, "the same octets came again"
    if over:
        return Outcome.FAILED, "no repeat: without an answer nobody knows whether the letter was accepted"
    return Outcome.OPEN, "waiting for a repeat"


def _waited(course: Course, over: bool) -> tuple[Outcome, str]:
    outcome, why = _repeated(course, over)
    if outcome is not Outcome.PASSED:
        return outcome, why
    waited = course.sendings[1].at - course.sendings[0].at
    if waited < RETRY_S - _CLOCKS_S:
        return Outcome.FAILED, f"repeated after {waited:.1f} s; Retry-After asked for {RETRY_S:g} s"
    return outcome, why


def _left(course: Course, over: bool) -> tuple[Outcome, str]:
    if len(course.sendings) > 1:
        return Outcome.FAILED, "a refused letter was sent again as it was"
    return (Outcome.PASSED, "not sent again") if over else (Outcome.OPEN, "waiting whether it comes again")


def _doubted(course: Course, over: bool) -> tuple[Outcome, str]:
    if len(course.sendings) > 1:
        return Outcome.PASSED, "the receipt was not believed: the same octets came again"
    if over:
        return Outcome.LOOK, "see in your system: a receipt that was changed must not be kept as one"
    return Outcome.OPEN, "waiting whether it comes again"


_RULES: Mapping[Trial, Callable[[Course, bool], tuple[Outcome, str]]] = {
    Trial.GOLDEN: _accepted,
    Trial.ANSWER_LOST: _repeated,
    Trial.NOT_ARRIVED: _repeated,
    Trial.TROUBLE: _waited,
    Trial.TOO_OFTEN: _waited,
    Trial.REFUSED: _left,
    Trial.FORGED: _doubted,
}
