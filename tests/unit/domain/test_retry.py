"""When a failed delivery is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.transit.retry import RetrySchedule

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
STEADY = RetrySchedule(first=30, factor=2, cap=3600, jitter=0, lifetime=86_400)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (10_000, 3600)]
)
def test_waits_grow_up_to_the_cap(failures: int, seconds: float) -> None:
    assert STEADY.wait(failures, 0.5) == seconds


def test_chance_takes_off_a_share() -> None:
    schedule = RetrySchedule(first=100, jitter=0.2)
    assert schedule.wait(1, 0.0) == 100
    assert schedule.wait(1, 0.5) == 90


@pytest.mark.parametrize(("asked", "seconds"), [(None, 30), (10, 30), (600, 600), (100_000, 3600)])
def test_the_targets_wish_lengthens_up_to_the_cap_and_never_shortens(
    asked: float | None, seconds: float
) -> None:
    assert STEADY.wait(1, 0.0, asked) == seconds


def test_a_first_wait_over_the_cap_is_cut() -> None:
    assert RetrySchedule(first=100, cap=10, jitter=0).wait(1, 0.0) == 10


@given(
    st.integers(1, 10_000),
    st.floats(0, 1, exclude_max=True),
    st.none() | st.floats(0, 1e9),
    st.floats(0.01, 1e5),
    st.floats(1, 10),
    st.floats(0.01, 1e6),
    st.floats(0, 1),
)
def test_a_wait_is_never_negative_nor_over_the_cap(
    failures: int, chance: float, asked: float | None, first: float, factor: float, cap: float, jitter: float
) -> None:
    schedule = RetrySchedule(first, factor, cap, jitter)
    assert 0 <= schedule.wait(failures, chance, asked) <= cap


def test_the_next_attempt_comes_after_the_wait() -> None:
    assert STEADY.next_attempt(START, START, 2, 0.0) == START + timedelta(seconds=60)


def test_no_attempt_comes_after_the_lifetime() -> None:
    last = START + timedelta(seconds=86_400 - 30)
    assert STEADY.next_attempt(last, START, 1, 0.0) == START + timedelta(days=1)
    assert STEADY.next_attempt(last + timedelta(microseconds=1), START, 1, 0.0) is None


@pytest.mark.parametrize(
    ("asked_at", "expires", "until"),
    [(0, None, 86_400), (86_000, None, 172_400), (0, 3600, 3600)],
)
def test_a_person_has_until_the_lifetimes_end_and_a_day_at_least(
    asked_at: int, expires: int | None, until: int
) -> None:
    now = START + timedelta(seconds=asked_at)
    expires_at = None if expires is None else START + timedelta(seconds=expires)
    assert STEADY.hold_until(now, START, expires_at) == START + timedelta(seconds=until)
