"""What a recipient's program must do in each situation that it will meet once, judged from its calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from gateway.cli.partner.trials import RETRY_S, Outcome

TAKING = frozenset({"acknowledge", "refuse", "redirect"})
"""Calls by which a letter stops lying ready."""
_CLOCKS_S = 0.2


class InboxTrial(Enum):
    """A situation, in the order in which letters meet them."""

    GOLDEN = "golden"  # the hub answers
    CONTENT_CUT = "content cut off"  # the envelope breaks off midway, once
    ANSWER_LOST = "answer lost"  # the hub took the acknowledgment, and its answer never came
    TROUBLE = "trouble"  # 503 with Retry-After for the acknowledgment
    LOCKED = "locked"  # another reader has the letter, for a moment
    LISTED_AGAIN = "listed again"  # the list still has the letter that was acknowledged
    PROGRESS_LOST = "progress lost"  # the hub took the progress, and its answer never came


@dataclass(frozen=True)
class Called:
    """One call about a letter.

    Attributes:
        at: seconds that never go back.
        verb: last part of its address, such as ``content`` or ``acknowledge``.
        number: the register number that it states.
        status: what the hub answered; None where it was not asked, or the answer broke off.
    """

    at: float
    verb: str
    number: str | None = None
    status: int | None = None


@dataclass(frozen=True)
class InboxCourse:
    """One letter's trial: the calls about it, and how often it was listed after it was taken."""

    trial: InboxTrial
    calls: tuple[Called, ...] = ()
    listed_again: int = 0

    @property
    def taking(self) -> tuple[Called, ...]:
        return tuple(one for one in self.calls if one.verb in TAKING)

    @property
    def taken(self) -> bool:
        """Whether the hub has it on record."""
        return any(one.status == 200 for one in self.taking)

    def first(self, *verbs: str) -> bool:
        """Whether the latest call is the first one of these."""
        return sum(one.verb in verbs for one in self.calls) == 1 and self.calls[-1].verb in verbs


@dataclass(frozen=True)
class InboxMark:
    """A trial's outcome with its reason."""

    trial: InboxTrial
    outcome: Outcome
    why: str


_Verdict = tuple[Outcome, str]
_PASSED_ON = (Outcome.PASSED, "taken")


def judge(course: InboxCourse, now: float, quiet: float) -> InboxMark:
    """What a letter's trial has come to.

    Args:
        quiet: seconds without a further call after which none is expected any more.
    """
    if not course.calls:
        return InboxMark(course.trial, Outcome.OPEN, "no letter was fetched")
    over = now - course.calls[-1].at >= quiet
    return InboxMark(course.trial, *(_broken(course) or _untaken(course, over) or _ruled(course, over)))


def _broken(course: InboxCourse) -> _Verdict | None:
    """What is wrong in every situation."""
    if len({one.number for one in course.taking if one.number is not None}) > 1:
        return Outcome.FAILED, "acknowledged under two numbers: a letter is registered once"
    for one in course.calls:
        if one.verb == "content" and one.status == 200:
            return None
        if one.verb in TAKING:
            return Outcome.FAILED, "taken before its content had come whole"
    return None


def _untaken(course: InboxCourse, over: bool) -> _Verdict | None:
    if course.taken:
        return None
    if course.taking and not over:
        return Outcome.OPEN, "waiting for a repeat"
    if course.taking:
        return Outcome.FAILED, "no repeat: the letter still lies ready at the hub"
    return (Outcome.FAILED, "never taken") if over else (Outcome.OPEN, "waiting until it is taken")


def _ruled(course: InboxCourse, over: bool) -> _Verdict:
    rule = _RULES.get(course.trial)
    return _PASSED_ON if rule is None else rule(course, over)


def _repeated(course: InboxCourse, over: bool) -> _Verdict:
    if len(course.taking) > 1:
        return Outcome.PASSED, "said again, as it was"
    if over:
        return Outcome.FAILED, "no repeat: without an answer nobody knows whether the hub took it"
    return Outcome.OPEN, "waiting for a repeat"


def _waited(course: InboxCourse, over: bool) -> _Verdict:
    waited = course.taking[1].at - course.taking[0].at
    if waited < RETRY_S - _CLOCKS_S:
        return Outcome.FAILED, f"repeated after {waited:.1f} s; Retry-After asked for {RETRY_S:g} s"
    return Outcome.PASSED, "said again when it was time"


def _listed(course: InboxCourse, over: bool) -> _Verdict:
    if not over:
        return Outcome.OPEN, "waiting what happens to a letter that is listed again"
    if not course.listed_again:
        return Outcome.LOOK, "the list was not asked for again; it may name a letter that was just taken"
    return Outcome.PASSED, "not registered again"


def _progressed(course: InboxCourse, over: bool) -> _Verdict:
    told = sum(one.verb == "progress" for one in course.calls)
    if told > 1:
        return Outcome.PASSED, "said again, as it was"
    if not over:
        return Outcome.OPEN, "waiting for progress, or its repeat"
    if told:
        return Outcome.FAILED, "no repeat: without an answer nobody knows whether the hub took it"
    return Outcome.LOOK, "tells no progress"


_RULES: Mapping[InboxTrial, Callable[[InboxCourse, bool], _Verdict]] = {
    InboxTrial.ANSWER_LOST: _repeated,
    InboxTrial.TROUBLE: _waited,
    InboxTrial.LISTED_AGAIN: _listed,
    InboxTrial.PROGRESS_LOST: _progressed,
}
"""What is asked beside taking the letter."""
