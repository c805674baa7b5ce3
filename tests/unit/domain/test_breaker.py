"""A route that fails is left alone for growing times, and one letter at a time finds out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.transit.breaker import (
    BREAKER_MOVES,
    Breaker,
    BreakerRule,
    BreakerState,
    ForbiddenTurn,
    answered,
    failed,
    probing,
    told_nothing,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
RULE = BreakerRule(failures=3, first=30, factor=2, cap=100)


def after(failures: int) -> Breaker:
    breaker = Breaker(last_success=NOW)
    for number in range(failures):
        breaker = failed(breaker, NOW + timedelta(seconds=number), RULE)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    assert after(2).state is BreakerState.CLOSED
    assert after(3).state is BreakerState.OPEN
    assert after(3).failing_since == NOW
    assert after(3).until == NOW + timedelta(seconds=32)
    assert not after(3).lets_through(NOW + timedelta(seconds=31))
    assert after(3).lets_through(NOW + timedelta(seconds=32))


def test_an_answer_in_between_begins_the_count_anew() -> None:
    breaker = failed(failed(answered(after(2), NOW), NOW, RULE), NOW, RULE)
    assert (breaker.state, breaker.failures) == (BreakerState.CLOSED, 2)


def test_cool_downs_grow_up_to_the_cap_until_an_answer() -> None:
    breaker, waits = after(3), []
    for _ in range(4):
        assert breaker.until is not None
        assert breaker.opened_at is not None
        waits.append((breaker.until - breaker.opened_at).total_seconds())
        breaker = failed(probing(breaker, NOW), NOW, RULE)
    assert waits == [30, 60, 100, 100]
    again = answered(probing(breaker, NOW), NOW)
    assert again == Breaker(last_success=NOW)
    assert again.known_good


def test_a_systems_wish_lengthens_the_cool_down_up_to_the_cap() -> None:
    assert RULE.cool_down(1, 50) == timedelta(seconds=50)
    assert RULE.cool_down(1, 5) == timedelta(seconds=30)
    assert RULE.cool_down(1, 5000) == timedelta(seconds=100)


def test_a_late_failure_does_not_lengthen_the_cool_down() -> None:
    late = failed(after(3), NOW + timedelta(seconds=20), RULE)
    assert (late.until, late.openings, late.failures) == (after(3).until, 1, 4)


def test_while_one_letter_finds_out_no_other_is_let_through() -> None:
    probe = probing(after(3), NOW + timedelta(minutes=5))
    assert not probe.lets_through(NOW + timedelta(minutes=4))
    assert probe.lets_through(NOW + timedelta(minutes=5))
    assert told_nothing(probe, NOW).lets_through(NOW)
    assert told_nothing(after(3), NOW) == after(3)


def test_a_closed_breaker_needs_no_probe() -> None:
    with pytest.raises(ForbiddenTurn):
        probing(Breaker(), NOW)


def test_every_state_is_reached_and_left() -> None:
    assert set(BREAKER_MOVES) == set(BreakerState)
    assert set().union(*BREAKER_MOVES.values()) == set(BreakerState)


def test_a_route_that_never_answered_is_not_known_to_work() -> None:
    assert not Breaker().known_good
    assert not failed(Breaker(last_success=NOW), NOW, RULE).known_good
