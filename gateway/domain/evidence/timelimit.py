"""Legal time limits: the rule of a procedure, the clock that runs under it, and the day it ends.

How days are counted: the day of the event that starts the clock is not counted (dies a quo), unless
the rule says so; a day on which the clock stood still, even in part, is not counted either. The last
day is the one on which the count is full; where the rule says so and offices do not work on it, the
next day on which they do. Only holidays that were announced exist for the count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from datetime import date as Day
from enum import Enum

from gateway.domain.calendar import Calendar
from gateway.domain.evidence.receipt import DayKind, Pause, Silence, TimeLimit
from gateway.domain.registry.parties import Names
from gateway.domain.transit.envelope import Envelope, Purpose, RecipientRole

_NEXT = timedelta(days=1)


class ClockStart(Enum):
    """What starts the clock of a procedure."""

    DEPOSIT = "deposit"
    REGISTRATION = "registration"


@dataclass(frozen=True)
class LimitRule:
    """What a procedure promises.

    Attributes:
        code: code of the procedure.
        completion_request: one request for missing documents stops the clock until they came.
        extension_days: days that one reasoned extension adds; None where there is no extension.
        counts_first_day: the day of the event that starts the clock is the first one counted.
        ends_on_working_day: an end on a day without work moves to the next day with.
    """

    code: str
    start: ClockStart
    days: int
    day_kind: DayKind
    silence: Silence
    completion_request: bool = False
    extension_days: int | None = None
    counts_first_day: bool = False
    ends_on_working_day: bool = False


@dataclass(frozen=True)
class Procedure:
    """A procedure of the country pack.

    Attributes:
        document_types: letters of these types are under it when they name no procedure.
    """

    rule: LimitRule
    names: Names
    document_types: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Clock:
    """The time limit of one delivery.

    Attributes:
        rule: the rule in force when the letter was accepted; None: no limit is known.
        start: when the clock started, None while it did not.
        extended_by: days that an extension added.
        end: the last day, as the latest receipt says it; None while the clock does not run.
        told: whether a receipt of the delivery said so yet.
    """

    rule: LimitRule | None = None
    start: datetime | None = None
    pauses: tuple[Pause, ...] = ()
    extended_by: int | None = None
    end: Day | None = None
    told: bool = False

    @property
    def paused(self) -> bool:
        """Whether it stands still now."""
        return any(pause.end is None for pause in self.pauses)

    @property
    def running(self) -> bool:
        return self.start is not None and not self.paused

    def registered(self, at: datetime) -> Clock:
        """The recipient registered the letter at ``at``."""
        waits = self.rule is not None and self.rule.start is ClockStart.REGISTRATION and self.start is None
        return replace(self, start=at) if waits else self

    def completion_requested(self, at: datetime) -> Clock:
        """Documents were asked for; the first request stops the clock, where the rule says so."""
        if self.rule is None or not self.rule.completion_request or not self.running or self.pauses:
            return self
        return replace(self, pauses=(Pause(max(at, self.start or at)),))

    def completed(self, at: datetime) -> Clock:
        """What was asked for came, or is waited for no longer."""
        if not self.paused:
            return self
        *before, last = self.pauses
        return replace(self, pauses=(*before, Pause(last.start, max(at, last.start))))

    def may_extend(self, today: Day) -> bool:
        """Whether the one extension is still possible: the clock was started and its end has not passed."""
        allowed = self.rule is not None and self.rule.extension_days is not None
        over = self.end is not None and self.end < today
        return allowed and self.extended_by is None and self.start is not None and not over

    def extended(self) -> Clock:
        """With the one extension of its rule."""
        return replace(self, extended_by=self.rule.extension_days if self.rule else None)

    def passed_on(self) -> Clock:
        """The clock of a delivery that succeeds this one: a registration elsewhere starts it anew."""
        if self.rule is not None and self.rule.start is ClockStart.REGISTRATION:
            return Clock(self.rule)
        return replace(self, told=False)


def procedure_of(
    procedures: Iterable[Procedure], code: str | None, document_type: str | None
) -> Procedure | None:
    """The procedure that a letter is under.

    The one that it names, and no other; only when it names none, the first that lists its type.
    """
    if code is not None:
        return next((one for one in procedures if one.rule.code == code), None)
    return next((one for one in procedures if document_type in one.document_types), None)


@dataclass(frozen=True)
class TimeLimits:
    """The procedures of a country and the calendar they count by."""

    procedures: tuple[Procedure, ...]
    calendar: Calendar

    def begin(self, envelope: Envelope, deposited_at: datetime) -> Clock:
        """The clock of a letter that is being accepted.

        A test starts none; nor does a letter that belongs to a case already open, such as a reminder.
        """
        if envelope.test or envelope.purpose is not Purpose.LETTER:
            return Clock()
        found = procedure_of(self.procedures, envelope.procedure, envelope.document_type)
        if found is None:
            return Clock()
        start = deposited_at if found.rule.start is ClockStart.DEPOSIT else None
        return self.measured(Clock(found.rule, start))

    def measured(self, clock: Clock) -> Clock:
        """The same clock with its end as the calendar has it today."""
        return replace(clock, end=last_day(clock, self.calendar))

    def registration(self, day: Day | None, deposited_at: datetime, now: datetime) -> datetime:
        """When a registration counts as made: the day the office states, if it can be true, else now.

        It can be true from the day of deposit to today.
        """
        if day is None or not self.calendar.local(deposited_at).date() <= day <= self.today(now):
            return now
        morning = datetime.combine(day, time(), tzinfo=self.calendar.time_zone)
        return max(morning.astimezone(UTC), deposited_at)

    def today(self, now: datetime) -> Day:
        return self.calendar.local(now).date()


def clock_for(clock: Clock, role: RecipientRole) -> Clock:
    """The clock of one recipient's delivery; a copy for information obliges nobody."""
    return clock if role is RecipientRole.TO else Clock()


def last_day(clock: Clock, calendar: Calendar) -> Day | None:
    """The last day of a limit; None where none is known, or its clock was not started or stands still."""
    if clock.rule is None or clock.start is None or clock.paused:
        return None
    rule = clock.rule
    due = rule.days + (clock.extended_by or 0)
    for day in _counted(clock, rule, calendar):
        due -= 1
        if due == 0:
            return _with_work(day, calendar) if rule.ends_on_working_day else day
    return None


def _counted(clock: Clock, rule: LimitRule, calendar: Calendar) -> Iterator[Day]:
    """The days that count, without end."""
    still = [_days_of(pause, calendar) for pause in clock.pauses]
    day = calendar.local(clock.start).date() if clock.start else Day.min
    if not rule.counts_first_day:
        day += _NEXT
    while True:
        stands = any(first <= day <= last for first, last in still)
        if not stands and (rule.day_kind is DayKind.CALENDAR or calendar.is_working_day(day)):
            yield day
        day += _NEXT


def _days_of(pause: Pause, calendar: Calendar) -> tuple[Day, Day]:
    end = pause.end or pause.start
    return calendar.local(pause.start).date(), calendar.local(end).date()


def _with_work(day: Day, calendar: Calendar) -> Day:
    while not calendar.is_working_day(day):
        day += _NEXT
    return day


def stated_limit(clock: Clock) -> TimeLimit:
    """What a receipt says of a clock."""
    rule = clock.rule
    if rule is None:
        return TimeLimit(known=False)
    return TimeLimit(
        known=True,
        procedure=rule.code,
        start=clock.start,
        days=rule.days,
        day_kind=rule.day_kind,
        pauses=clock.pauses,
        extended_by=clock.extended_by,
        end=clock.end,
        silence=rule.silence,
    )
