"""A route that fails is left alone by all workers; one letter at a time finds out whether it works again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import structlog

from gateway.domain.errors import Ambiguous, Permanent, Temporary
from gateway.domain.transit.breaker import BreakerState
from gateway.exchange.transit.dispatch import Dispatch
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, fresh_hub, row, state
from tests.support.world import copies

BUSY = Temporary("WASL-DLV-002", "HTTP 503")


@pytest.fixture
def system() -> Simulator:
    return Simulator()


@pytest.fixture
def hub(tmp_path: Path, system: Simulator) -> HubUnderTest:
    return fresh_hub(tmp_path, system, WASL_ROUTES_BREAKER_FAILURES="3")


def breaker(hub: HubUnderTest) -> tuple[BreakerState, int]:
    [route] = hub.dispatch().routes.figures()
    assert route.office == COMMUNE_OFFICE
    return route.state, route.failures


def queue(hub: HubUnderTest, count: int) -> list[str]:
    [first] = accept(hub)
    return [first, *copies(hub, first, COMMUNE_OFFICE, count - 1)]


def test_letters_of_an_open_route_wait_without_attempts(hub: HubUnderTest, system: Simulator) -> None:
    letters = queue(hub, 10)
    system.script += [BUSY] * 10
    with structlog.testing.capture_logs() as told:
        assert hub.dispatch().run_once() == 3
    assert breaker(hub) == (BreakerState.OPEN, 3)
    assert [one["now"] for one in told if one["event"] == "route changed"] == ["OPEN"]
    assert hub.dispatch("other").run_once() == 0
    assert sum(row(hub, one).failures for one in letters) == 3
    assert sum(row(hub, one).attempts for one in letters) == 3


def test_one_letter_at_a_time_finds_out(hub: HubUnderTest, system: Simulator) -> None:
    queue(hub, 10)
    system.script += [BUSY] * 4
    hub.dispatch().run_once()
    hub.clock.forward(seconds=30)
    one, other = hub.dispatch("a"), hub.dispatch("b")
    [probe] = one.claims.claim(4)
    assert other.claims.claim(4) == []
    one.work(probe)
    assert breaker(hub) == (BreakerState.OPEN, 4)
    hub.clock.forward(seconds=59)
    assert other.claims.claim(4) == []
    hub.clock.forward(seconds=1)
    assert other.run_once() == 10
    assert breaker(hub) == (BreakerState.CLOSED, 0)


def test_of_many_workers_at_the_same_moment_one_finds_out(
    shape: Shape, tmp_path: Path, system: Simulator
) -> None:
    hub = fresh_hub(tmp_path, system, WASL_ROUTES_BREAKER_FAILURES="3")
    queue(hub, 10)
    system.script += [BUSY] * 3
    hub.dispatch().run_once()
    hub.clock.forward(seconds=30)
    together = Barrier(6)
    workers = [hub.dispatch(f"worker-{number}") for number in range(6)]

    def claim(worker: Dispatch) -> list[str]:
        together.wait(20)
        return worker.claims.claim(4)

    with ThreadPoolExecutor(6) as pool:
        claimed = [one for found in pool.map(claim, workers) for one in found]
    assert len(claimed) == 1
    assert breaker(hub)[0] is BreakerState.HALF_OPEN


def test_the_death_of_whoever_finds_out_delays_only_that(hub: HubUnderTest, system: Simulator) -> None:
    queue(hub, 5)
    system.script += [BUSY] * 3
    hub.dispatch().run_once()
    hub.clock.forward(seconds=30)
    assert len(hub.dispatch("dead").claims.claim(1)) == 1
    assert hub.dispatch().run_once() == 0
    hub.clock.forward(seconds=301)
    assert hub.dispatch().run_once() == 5
    assert breaker(hub)[0] is BreakerState.CLOSED


def test_a_probe_that_is_given_back_leaves_the_turn_to_the_next(hub: HubUnderTest, system: Simulator) -> None:
    queue(hub, 5)
    system.script += [BUSY] * 3
    hub.dispatch().run_once()
    hub.clock.forward(seconds=30)
    stopping = hub.dispatch("stopping")
    [probe] = stopping.claims.claim(1)
    stopping.claims.drain()
    stopping.work(probe)
    assert state(hub, probe) == "QUEUED"
    assert hub.dispatch().run_once() == 5


def test_refusals_of_letters_and_trouble_of_ours_open_nothing(hub: HubUnderTest, system: Simulator) -> None:
    queue(hub, 6)
    system.script += [Permanent("WASL-DLV-003", "HTTP 422")] * 6
    assert hub.dispatch().run_once() == 6
    assert breaker(hub) == (BreakerState.CLOSED, 0)


def test_timeouts_open_a_route_before_every_letter_is_in_doubt(hub: HubUnderTest, system: Simulator) -> None:
    letters = queue(hub, 8)
    system.script += [Ambiguous("WASL-DLV-004", "the connection broke")] * 8
    assert hub.dispatch().run_once() == 3
    assert [state(hub, one) for one in letters].count("HELD") == 3


def test_other_routes_go_on(hub: HubUnderTest, system: Simulator) -> None:
    from tests.support.world import offices

    letters = queue(hub, 3)
    [other] = offices(hub, 1)
    system.script += [BUSY] * 3
    hub.dispatch().run_once()
    mine = copies(hub, letters[0], other, 4, due_at=hub.clock())
    assert hub.dispatch().run_once() == 4
    assert {state(hub, one) for one in mine} == {"HANDED_OVER"}
