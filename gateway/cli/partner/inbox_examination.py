"""Which trial each letter of an inbox meets, and what came of them so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from gateway.cli.partner.inbox_trials import Called, InboxCourse, InboxMark, InboxTrial, judge
from gateway.cli.partner.trials import Outcome

_LISTED_AGAIN = 3
"""So often a letter that was taken is listed still."""


@dataclass
class InboxExamination:
    """The trials and how far they are; safe for several threads.

    Attributes:
        monotonic: seconds that never go back.
        quiet: seconds after which no further call is expected any more.
    """

    monotonic: Callable[[], float]
    quiet: float
    courses: dict[str, InboxCourse] = field(default_factory=dict)
    _entries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def meet(self, delivery: str, verb: str, number: str | None) -> InboxCourse:
        """Take note of a call; the letter's course with this one in it."""
        called = Called(self.monotonic(), verb, number)
        with self._lock:
            course = self.courses.get(delivery) or InboxCourse(self._next())
            self.courses[delivery] = replace(course, calls=(*course.calls, called))
            return self.courses[delivery]

    def note(self, delivery: str, verb: str, status: int) -> None:
        """Take note of what the hub answered to the latest call of that verb."""
        with self._lock:
            course = self.courses[delivery]
            at = max(number for number, one in enumerate(course.calls) if one.verb == verb)
            calls = list(course.calls)
            calls[at] = replace(calls[at], status=status)
            self.courses[delivery] = replace(course, calls=tuple(calls))

    def listed(self, letters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the program is shown of a list: as it is, and the letter that must not count twice."""
        with self._lock:
            self._entries |= {str(one.get("delivery")): one for one in letters}
            there = {one.get("delivery") for one in letters}
            again = [name for name, course in self.courses.items() if _is_shown(course) and name not in there]
            for name in again:
                course = self.courses[name]
                self.courses[name] = replace(course, listed_again=course.listed_again + 1)
            return [*letters, *(dict(self._entries[name]) for name in again if name in self._entries)]

    def marks(self) -> tuple[InboxMark, ...]:
        """Every trial as it stands; of a trial met twice, the first letter's."""
        with self._lock:
            met = {course.trial: course for course in reversed(self.courses.values())}
        now = self.monotonic()
        return tuple(judge(met.get(trial, InboxCourse(trial)), now, self.quiet) for trial in InboxTrial)

    @property
    def over(self) -> bool:
        """Whether every trial has come to something."""
        return all(mark.outcome is not Outcome.OPEN for mark in self.marks())

    def _next(self) -> InboxTrial:
        met = {course.trial for course in self.courses.values()}
        return next((trial for trial in InboxTrial if trial not in met), InboxTrial.GOLDEN)


def _is_shown(course: InboxCourse) -> bool:
    again = course.trial is InboxTrial.LISTED_AGAIN and course.taken
    return again and course.listed_again < _LISTED_AGAIN
