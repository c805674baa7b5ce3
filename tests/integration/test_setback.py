"""A clock that was ahead and is set back lets nothing wait until it is there again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.bootstrap import verbs
from gateway.bootstrap.isolation import setback
from gateway.domain.errors import Temporary
from gateway.store.transit import route_queries
from tests.support.deliveries import bring, case_of
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, fresh_hub, receipts, route_of_commune, row, state

BUSY = Temporary("WASL-DLV-002", "HTTP 503")


@pytest.fixture
def system() -> Simulator:
    return Simulator()


@pytest.fixture
def hub(shape: Shape, tmp_path: Path, system: Simulator) -> HubUnderTest:
    return fresh_hub(tmp_path, system)


def test_letters_accepted_by_a_clock_that_was_ahead_are_delivered_now(hub: HubUnderTest) -> None:
    with hub.clock.moved(hours=6):
        ahead = [accept(hub)[0] for _ in range(2)]
    [now] = accept(hub)
    hub.dispatch().run_once(100)
    assert [state(hub, one) for one in (*ahead, now)] == ["QUEUED", "QUEUED", "HANDED_OVER"]
    with capture_logs() as logs:
        assert setback(hub.gateway).run() == 2
    assert [(one["event"], one["pulled"]) for one in logs] == [("clock was set back", 2)]
    hub.dispatch().run_once(100)
    assert [state(hub, one) for one in ahead] == ["HANDED_OVER"] * 2
    for delivery in ahead:  # its chain goes on where it was, never back in time
        times = [one.event_time for one in receipts(hub, delivery)]
        assert times[0] >= row(hub, delivery).accepted_at
        assert times == sorted(times)


def test_a_letter_that_its_sender_wants_later_waits_for_that_moment_and_no_longer(hub: HubUnderTest) -> None:
    wanted = hub.clock() + timedelta(hours=3)
    [later] = accept(hub, not_before=wanted)
    ahead = bring(hub, accept(hub, not_before=wanted)[0], "HELD")
    with hub.clock.moved(hours=6):
        verbs(hub.gateway, "operator").outcomes.resend(case_of(hub, ahead))
    assert row(hub, ahead).due_at > wanted
    assert setback(hub.gateway).run() == 1
    assert [row(hub, one).due_at for one in (later, ahead)] == [wanted, wanted]


def test_an_attempt_is_put_off_for_as_long_as_its_route_can_and_no_longer(
    hub: HubUnderTest, system: Simulator
) -> None:
    route_of_commune(hub, retry={"first": 7200.0, "cap": 7200.0})
    system.script += [BUSY, BUSY]
    [delivery] = accept(hub)
    hub.dispatch().run_once(100)
    due = row(hub, delivery).due_at
    assert (state(hub, delivery), due) == ("WAITING", hub.clock() + timedelta(hours=2))
    assert setback(hub.gateway).run() == 0
    hub.clock.forward(hours=-1)
    assert setback(hub.gateway).run() == 2  # the letter, and when its route had its turn
    assert row(hub, delivery).due_at == hub.clock()
    assert setback(hub.gateway).run() == 0


def test_what_clocks_of_machines_may_differ_by_is_left_alone(hub: HubUnderTest) -> None:
    with hub.clock.moved(seconds=60):
        accept(hub)
    assert setback(hub.gateway).run() == 0
    hub.clock.forward(seconds=-1)
    assert setback(hub.gateway).run() == 1


def test_a_route_s_pace_and_its_rest_begin_anew(hub: HubUnderTest, system: Simulator) -> None:
    route_of_commune(hub, per_minute=1)
    with hub.clock.moved(hours=6):
        accept(hub)
        hub.dispatch().run_once(100)
    [delivery] = accept(hub)
    hub.dispatch().run_once(100)
    assert state(hub, delivery) == "QUEUED"
    assert setback(hub.gateway).run() == 1
    hub.dispatch().run_once(100)
    assert state(hub, delivery) == "HANDED_OVER"
    assert setback(hub.gateway).run() == 0


def test_a_route_that_was_left_alone_ahead_is_tried_again(hub: HubUnderTest, system: Simulator) -> None:
    system.script += [BUSY] * 5
    with hub.clock.moved(hours=6):
        for _ in range(5):
            accept(hub)
        hub.dispatch().run_once(100)
    [delivery] = accept(hub)
    hub.dispatch().run_once(100)
    assert state(hub, delivery) == "QUEUED"
    assert setback(hub.gateway).run() == 6  # five letters and the route
    with hub.gateway.store.read() as session:
        assert route_queries.breaker(session, COMMUNE_OFFICE).lets_through(hub.clock())
    hub.dispatch().run_once(100)
    hub.dispatch().run_once(100)
    assert state(hub, delivery) == "HANDED_OVER"
