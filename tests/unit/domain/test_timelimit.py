"""Days are counted as the procedure says, over the calendar that there is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.evidence.receipt import DayKind, Pause, Silence, TimeLimit
from gateway.domain.evidence.timelimit import (
    Clock,
    ClockStart,
    LimitRule,
    Procedure,
    TimeLimits,
    clock_for,
    last_day,
    stated_limit,
)
from gateway.domain.transit.envelope import Envelope, Purpose, RecipientRole
from gateway.store.transit.clocks import clock_from_json, clock_to_json

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Weekdays:
    """Monday to Friday but for some holidays, an hour east of UTC."""

    holidays: frozenset[date] = frozenset()
    time_zone: tzinfo = timezone(timedelta(hours=1))

    def is_working_day(self, day: date) -> bool:
        return day.isoweekday() <= 5 and day not in self.holidays

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.time_zone)


WEEK = Weekdays()
RULE = LimitRule("x", ClockStart.DEPOSIT, 10, DayKind.CALENDAR, Silence.ACCEPTANCE, True, 5)


def clock(since: datetime | None = MONDAY, /, **rule: object) -> Clock:
    return Clock(replace(RULE, **rule), since)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "end"),
    [
        ({}, date(2026, 3, 12)),
        ({"days": 1}, date(2026, 3, 3)),
        ({"days": 1, "counts_first_day": True}, date(2026, 3, 2)),
        ({"counts_first_day": True}, date(2026, 3, 11)),
        ({"days": 5}, date(2026, 3, 7)),  # a Saturday
        ({"days": 5, "ends_on_working_day": True}, date(2026, 3, 9)),
        ({"day_kind": DayKind.WORKING}, date(2026, 3, 16)),
        ({"day_kind": DayKind.WORKING, "days": 1}, date(2026, 3, 3)),
        ({"days": 3660}, date(2036, 3, 9)),
    ],
)
def test_days_are_counted_from_the_day_after(rule: dict[str, object], end: date) -> None:
    assert last_day(clock(**rule), WEEK) == end


def test_the_day_is_that_of_the_countrys_clocks() -> None:
    late = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)  # Tuesday already
    assert last_day(clock(late, days=1), WEEK) == date(2026, 3, 4)


def test_a_limit_that_starts_on_a_day_without_work_counts_from_the_next_with() -> None:
    saturday = datetime(2026, 3, 7, 9, tzinfo=UTC)
    assert last_day(clock(saturday, days=1, day_kind=DayKind.WORKING), WEEK) == date(2026, 3, 9)


@pytest.mark.parametrize(
    ("rule", "end"),
    [
        ({"day_kind": DayKind.WORKING, "days": 3}, date(2026, 3, 6)),
        ({"days": 1, "ends_on_working_day": True}, date(2026, 3, 4)),
        ({"days": 3}, date(2026, 3, 5)),
    ],
)
def test_a_holiday_counts_where_all_days_do(rule: dict[str, object], end: date) -> None:
    assert last_day(clock(**rule), Weekdays(frozenset({date(2026, 3, 3)}))) == end


def test_nothing_ends_that_is_not_known_or_does_not_run() -> None:
    assert last_day(Clock(), WEEK) is None
    assert last_day(clock(None), WEEK) is None
    assert last_day(replace(clock(), pauses=(Pause(MONDAY),)), WEEK) is None


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "last", "end"),
    [
        (at(4), at(4, 13), date(2026, 3, 13)),  # a day on which it stood still in part is not counted
        (at(4), at(6), date(2026, 3, 15)),
        (at(2, 10), at(3), date(2026, 3, 13)),  # nor one before the first counted day twice
        (at(12), at(20), date(2026, 3, 21)),
    ],
)
def test_the_clock_stands_still_while_documents_are_awaited(
    first: datetime, last: datetime, end: date
) -> None:
    paused = clock().completion_requested(first)
    assert paused.paused
    assert last_day(paused.completed(last), WEEK) == end


def test_only_one_request_stops_the_clock() -> None:
    once = clock().completion_requested(at(4)).completed(at(6))
    assert once.completion_requested(at(9)) == once
    assert once.completed(at(10)) == once
    paused = clock().completion_requested(at(4))
    assert paused.completion_requested(at(5)) == paused


def test_a_procedure_without_completion_requests_runs_on() -> None:
    running = clock(completion_request=False)
    assert running.completion_requested(at(4)) == running
    assert Clock().completion_requested(at(4)) == Clock()
    assert clock(None).completion_requested(at(4)) == clock(None)


def test_a_clock_that_went_back_makes_no_negative_pause() -> None:
    paused = clock().completion_requested(at(1))
    assert paused.pauses == (Pause(MONDAY),)
    assert paused.completed(at(1)).pauses == (Pause(MONDAY, MONDAY),)


def test_one_extension_is_possible_before_the_end() -> None:
    running = replace(clock(), end=date(2026, 3, 12))
    assert running.may_extend(date(2026, 3, 12))
    assert not running.may_extend(date(2026, 3, 13))
    extended = running.extended()
    assert (extended.extended_by, last_day(extended, WEEK)) == (5, date(2026, 3, 17))
    assert not extended.may_extend(date(2026, 3, 3))
    assert not replace(clock(extension_days=None)).may_extend(date(2026, 3, 3))
    assert not clock(None).may_extend(date(2026, 3, 3))
    assert not Clock().may_extend(date(2026, 3, 3))


def test_a_registration_starts_only_the_clock_that_waits_for_it() -> None:
    waiting = clock(None, start=ClockStart.REGISTRATION)
    started = waiting.registered(at(5))
    assert started.start == at(5)
    assert started.registered(at(9)) == started
    assert clock().registered(at(5)) == clock()
    assert Clock().registered(at(5)) == Clock()


LIMITS = TimeLimits(
    (
        Procedure(RULE, {}, frozenset({"request"})),
        Procedure(replace(RULE, code="y", start=ClockStart.REGISTRATION), {}, frozenset({"appeal"})),
    ),
    WEEK,
)


@pytest.mark.parametrize(
    ("changes", "code", "started"),
    [
        ({"document_type": "request"}, "x", True),
        ({"document_type": "appeal"}, "y", False),
        ({"procedure": "y", "document_type": "request"}, "y", False),
        ({"procedure": "z", "document_type": "request"}, None, False),
        ({"document_type": "note"}, None, False),
        ({}, None, False),
        ({"document_type": "request", "test": True}, None, False),
        ({"document_type": "request", "purpose": Purpose.REMINDER}, None, False),
    ],
)
def test_a_letter_is_under_the_procedure_it_names_or_its_type_is_listed_for(
    letter: Envelope, changes: dict[str, object], code: str | None, started: bool
) -> None:
    begun = LIMITS.begin(replace(letter, **changes), MONDAY)  # type: ignore[arg-type]
    assert (begun.rule.code if begun.rule else None) == code
    assert (begun.start is not None, begun.end is not None) == (started, started)
    assert stated_limit(begun).known is (code is not None)


def test_a_letter_under_no_procedure_promises_nothing() -> None:
    assert stated_limit(Clock()) == TimeLimit(known=False)


def test_a_copy_for_information_obliges_nobody() -> None:
    assert clock_for(clock(), RecipientRole.CC) == Clock()
    assert clock_for(clock(), RecipientRole.TO) == clock()


@pytest.mark.parametrize(
    ("day", "moment"),
    [
        (None, at(9)),
        (date(2026, 3, 5), datetime(2026, 3, 4, 23, tzinfo=UTC)),
        (date(2026, 3, 2), MONDAY),  # not before the deposit
        (date(2026, 3, 1), at(9)),
        (date(2026, 3, 10), at(9)),
        (date(1, 1, 1), at(9)),
    ],
)
def test_a_registration_day_counts_when_it_can_be_true(day: date | None, moment: datetime) -> None:
    assert LIMITS.registration(day, MONDAY, at(9)) == moment


def test_a_delivery_passed_on_keeps_the_deposit_and_forgets_the_registration() -> None:
    running = replace(clock(), told=True).completion_requested(at(4))
    assert running.passed_on() == replace(running, told=False)
    registered = clock(start=ClockStart.REGISTRATION)
    assert registered.passed_on() == Clock(registered.rule)


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
RULES = st.builds(
    LimitRule,
    code=st.just("x"),
    start=st.sampled_from(ClockStart),
    days=st.integers(1, 90),
    day_kind=st.sampled_from(DayKind),
    silence=st.sampled_from(Silence),
    completion_request=st.booleans(),
    extension_days=st.none() | st.integers(1, 60),
    counts_first_day=st.booleans(),
    ends_on_working_day=st.booleans(),
)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(RULES, MOMENTS, st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_pauses_and_extensions_only_ever_put_the_end_off(
    rule: LimitRule, start: datetime, after: int, length: int, extend: bool
) -> None:
    plain = Clock(rule, start)
    first, end = last_day(plain, WEEK), plain
    asked = start + timedelta(days=after)
    end = end.completion_requested(asked).completed(asked + timedelta(days=length))
    end = end.extended() if extend else end
    moved = last_day(end, WEEK)
    assert first is not None
    assert moved is not None
    assert first <= moved
    assert moved >= WEEK.local(start).date()
    assert clock_from_json(clock_to_json(replace(end, end=moved, told=extend))) == replace(
        end, end=moved, told=extend
    )


def test_a_row_of_before_clocks_were_kept_knows_no_limit() -> None:
    assert clock_from_json(None) == Clock()
