"""Places are shared between routes and lanes; the pace of a route is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.transit.envelope import Lane
from gateway.domain.transit.pace import place_in_time
from gateway.domain.transit.sharing import Queue, Shares, Work, has_room, in_turn

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SHARES = Shares(places=4)


def work(office: str, lane: Lane = Lane.SINGLE, **more: bool) -> Work:
    return Work(office, lane, more.pop("mine", True), **more)


def test_whoever_waited_longest_for_a_turn_is_first() -> None:
    line = [
        Queue("just-served", Lane.SINGLE, NOW - timedelta(days=9), NOW),
        Queue("bulk", Lane.BULK, NOW - timedelta(minutes=1), None),
        Queue("never", Lane.SINGLE, NOW, None),
        Queue("old-bulk", Lane.BULK, NOW - timedelta(minutes=6), NOW - timedelta(seconds=2)),
    ]
    found = [queue.office for queue in in_turn(line, NOW, SHARES)]
    assert found == ["never", "old-bulk", "just-served", "bulk"]


def test_one_route_gets_half_of_the_places_and_no_more() -> None:
    assert has_room([work("a")], work("a"), SHARES)
    assert not has_room([work("a"), work("a")], work("a"), SHARES)
    assert has_room([work("a"), work("a")], work("b"), SHARES)


def test_routes_not_known_to_work_leave_half_of_the_places_to_the_others() -> None:
    hanging = [work("a", unproven=True), work("b", unproven=True)]
    assert not has_room(hanging, work("c", unproven=True), SHARES)
    assert has_room(hanging, work("c"), SHARES)


def test_bulk_keeps_to_its_share_even_when_places_are_free() -> None:
    bulk = [work("a", Lane.BULK), work("b", Lane.BULK)]
    assert not has_room(bulk, work("c", Lane.BULK), SHARES)
    assert has_room(bulk, work("c"), SHARES)


def test_the_limit_of_a_route_counts_all_workers() -> None:
    others = [work("a", mine=False)] * 3
    assert has_room(others, work("a"), SHARES)
    assert not has_room(others, work("a"), SHARES, concurrency=3)
    assert has_room(others, work("a", adapter=False), SHARES, concurrency=3)


def test_routes_that_failed_leave_a_place_to_those_that_were_never_tried() -> None:
    failing = [work("a", unproven=True, failing=True)]
    assert not has_room(failing, work("b", unproven=True, failing=True), SHARES)
    assert has_room(failing, work("c", unproven=True), SHARES)


@pytest.mark.parametrize("wanted", [work("a"), work("a", Lane.BULK), work("a", unproven=True)])
def test_a_single_place_is_for_everybody(wanted: Work) -> None:
    assert has_room([], wanted, Shares(places=1, route=0, unproven=0, bulk=0))


@pytest.mark.parametrize(("per_minute", "at_most"), [(1, 1), (30, 30), (600, 620)])
def test_a_minute_holds_no_more_letters_than_the_pace(per_minute: int, at_most: int) -> None:
    taken, until = 0, None
    for tenth in range(600):
        now = NOW + timedelta(seconds=tenth / 10)
        while (place := place_in_time(until, per_minute, now)) is not None:
            taken, until = taken + 1, place
    assert per_minute * 0.95 <= taken <= at_most


def test_looking_once_a_second_keeps_the_pace() -> None:
    taken, until = 0, None
    for second in range(60):
        while (place := place_in_time(until, 600, NOW + timedelta(seconds=second))) is not None:
            taken, until = taken + 1, place
    assert 590 <= taken <= 620
