"""How often a sender's system is called, and when it is left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.transit.pushing import (
    MOST_REFUSED,
    PUSHING_MOVES,
    Progress,
    Pushing,
    begun_anew,
    failed,
    refused,
    taken,
)
from gateway.domain.transit.retry import RetrySchedule
from gateway.domain.transit.states import ForbiddenMove, advance

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
RETRY = RetrySchedule(first=10, factor=2, cap=60, jitter=0, lifetime=100)
REST = timedelta(hours=6)


def after(failures: int, progress: Progress | None = None) -> tuple[Progress, datetime]:
    """What so many failures make of a system, each at its due time; and the moment of the last."""
    progress, at = progress or Progress(NOW), NOW
    for number in range(failures):
        at = progress.due_at if number else NOW
        progress = failed(progress, at, RETRY, REST, 0.0)
    return progress, at


def test_every_state_can_be_reached_and_left() -> None:
    assert set(PUSHING_MOVES) == set(Pushing)
    for state in Pushing:
        assert any(state in moves for other, moves in PUSHING_MOVES.items() if other is not state)
        assert PUSHING_MOVES[state] - {state}


def test_stopped_system_is_not_merely_waiting() -> None:
    with pytest.raises(ForbiddenMove):
        advance(PUSHING_MOVES, Pushing.STOPPED, Pushing.WAITING)


def test_waits_grow_and_a_system_is_stopped_after_its_lifetime() -> None:
    dues = []
    for count in (1, 2, 3):
        progress, at = after(count)
        assert progress.state is Pushing.WAITING
        dues.append((progress.due_at - at).total_seconds())
    assert dues == [10, 20, 40]
    progress, at = after(4)
    assert (progress.state, progress.due_at, progress.failing_since) == (Pushing.STOPPED, at + REST, NOW)
    again = failed(progress, at + REST, RETRY, REST, 0.0)
    assert (again.state, again.due_at, again.failures) == (Pushing.STOPPED, at + 2 * REST, 5)


def test_system_is_left_alone_for_as_long_as_it_asks_up_to_the_cap() -> None:
    for asked, due in ((25.0, 25), (5.0, 10), (3600.0, 60)):
        progress = failed(Progress(NOW), NOW, RETRY, REST, 0.0, asked)
        assert progress.due_at == NOW + timedelta(seconds=due)


@pytest.mark.parametrize("failures", [0, 1, 4])
def test_answer_ends_every_trouble(failures: int) -> None:
    progress, at = after(failures)
    assert taken(progress, at) == Progress(at, last_success=at)
    assert taken(progress, at).proven
    assert not progress.proven


def test_refusal_is_an_answer_and_is_counted() -> None:
    progress, at = after(4)
    for count in range(1, MOST_REFUSED + 1):
        assert progress.bears_refusal
        progress = refused(progress, at)
        assert (progress.state, progress.failures, progress.refused_in_row) == (Pushing.GOING, 0, count)
    assert not progress.bears_refusal
    assert failed(progress, at, RETRY, REST, 0.0).refused_in_row == MOST_REFUSED
    assert taken(progress, at).bears_refusal


@pytest.mark.parametrize("failures", [0, 2, 4])
def test_person_gives_a_system_its_whole_time_again(failures: int) -> None:
    progress, at = after(failures, taken(Progress(NOW), NOW))
    begun = begun_anew(progress, at)
    assert begun == Progress(at, last_success=NOW)
    assert failed(begun, at, RETRY, REST, 0.0).failing_since == at
