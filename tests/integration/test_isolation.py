"""No administration waits for another: routes take turns within their limits, lanes within their shares."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any, cast

import pytest
from sqlalchemy import text, update
from structlog.testing import capture_logs

from adapters.contract import Context, Delivered, Letter
from gateway.bootstrap import sweep
from gateway.domain.transit.breaker import Result
from gateway.domain.transit.envelope import Lane
from gateway.domain.transit.states import Transport
from gateway.exchange.transit.claim import LeaseLost
from gateway.exchange.transit.dispatch import Dispatch
from gateway.exchange.transit.leases import Leases
from gateway.store.transit import queries
from gateway.store.transit.claim_queries import _QUEUES, Lease
from gateway.store.transit.models import DeliveryRow
from gateway.workers.worker import Worker
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest
from tests.support.systems import TAKEN, Simulator, accept, fresh_hub, route_of_commune, row, state, states
from tests.support.world import copies, offices

PATIENCE_S = 20


@pytest.fixture
def system() -> Simulator:
    return Simulator()


@pytest.fixture
def hub(tmp_path: Path, system: Simulator) -> HubUnderTest:
    return fresh_hub(tmp_path, system, WASL_WORKER_THREADS="4")


def end(hub: HubUnderTest, dispatch: Dispatch, deliveries: list[str], dead: set[str]) -> int:
    """End attempts without a system: letters of dead routes wait longer each time; how many were such."""
    now, told = hub.clock(), []
    with hub.gateway.store.write() as session:
        for delivery in deliveries:
            found = session.get_one(DeliveryRow, delivery)
            fails = found.office in dead
            found.lease_owner = found.lease_until = None
            if fails:
                found.failures += 1
                found.due_at = now + timedelta(seconds=30 * 2**found.failures)
            to = Transport.WAITING if fails else Transport.HANDED_OVER
            queries.move(session, found, to, now, "world")
            told.append((found.office, Result.FAILED if fails else Result.ANSWERED))
    for delivery, (office, result) in zip(deliveries, told, strict=True):
        dispatch.claims.leases.release(delivery)
        dispatch.routes.heard(office, result)
    return [result for _, result in told].count(Result.FAILED)


def test_ten_dead_routes_of_fifty_cost_the_others_less_than_a_twentieth(tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator(), WASL_WORKER_THREADS="10")
    every = offices(hub, 50)
    dead = set(every[::5])
    [first] = accept(hub)
    old = hub.clock() - timedelta(days=1)
    for office in every:
        if office in dead:
            copies(hub, first, office, 500, due_at=old)
        else:
            copies(hub, first, office, 40)
    dispatch, good, wasted = hub.dispatch(), 1600 + 1, 0
    while good:
        taken = dispatch.claims.claim(10)
        assert taken, "letters of routes that work wait for those of routes that do not"
        failed = end(hub, dispatch, taken, dead)
        wasted, good = wasted + failed, good - (len(taken) - failed)
        hub.clock.forward(seconds=0.5)
    assert wasted <= 1600 / 20 * 1.05


def test_routes_take_turns_whatever_lies_behind_one_of_them(hub: HubUnderTest) -> None:
    [first] = accept(hub)
    busy, quiet, other = offices(hub, 3)
    copies(hub, first, busy, 50, due_at=hub.clock() - timedelta(days=2))
    copies(hub, first, quiet, 1)
    copies(hub, first, other, 1)
    dispatch, served = hub.dispatch(), Counter[str]()
    for _ in range(4):
        [one] = dispatch.claims.claim(1)
        served[row(hub, one).office] += 1
        end(hub, dispatch, [one], set())
        hub.clock.forward(seconds=1)
    assert served == {busy: 1, quiet: 1, other: 1, COMMUNE_OFFICE: 1}


def test_a_route_gets_no_more_at_once_than_it_says_in_all_workers_together(hub: HubUnderTest) -> None:
    route_of_commune(hub, concurrency=2)
    [first] = accept(hub)
    copies(hub, first, COMMUNE_OFFICE, 5)
    one, other = hub.dispatch("a"), hub.dispatch("b")
    mine = one.claims.claim(4)
    assert len(mine) == 2
    assert other.claims.claim(4) == []
    end(hub, one, mine[:1], set())
    assert len(other.claims.claim(4)) == 1


def test_a_route_gets_no_more_a_minute_than_it_says(hub: HubUnderTest) -> None:
    route_of_commune(hub, per_minute=6)
    [first] = accept(hub)
    copies(hub, first, COMMUNE_OFFICE, 20)
    dispatch, taken = hub.dispatch(), 0
    for _ in range(60):
        for one in dispatch.claims.claim(4):
            end(hub, dispatch, [one], set())
            taken += 1
        hub.clock.forward(seconds=1)
    assert taken == 6


def test_bulk_leaves_places_and_is_not_left_for_ever(hub: HubUnderTest) -> None:
    [first] = accept(hub)
    every = offices(hub, 12)
    for office in every[:6]:
        copies(hub, first, office, 3, lane="bulk")
    dispatch = hub.dispatch()
    for office in every:
        dispatch.routes.heard(office, Result.ANSWERED)
    taken = dispatch.claims.claim(4)
    lanes = Counter(row(hub, one).lane for one in taken)
    assert lanes == {"single": 1, "bulk": 2}
    end(hub, dispatch, taken, set())
    for office in every[6:]:
        copies(hub, first, office, 3)
    assert {row(hub, one).lane for one in dispatch.claims.claim(1)} == {"single"}
    hub.clock.forward(minutes=6)
    later = dispatch.claims.claim(3)
    assert "bulk" in {row(hub, one).lane for one in later}


def test_a_bulk_letter_travels_in_its_lane(hub: HubUnderTest) -> None:
    [delivery] = accept(hub, lane=Lane.BULK)
    assert row(hub, delivery).lane == "bulk"


def test_nothing_is_claimed_before_its_time(hub: HubUnderTest) -> None:
    [delivery] = accept(hub, not_before=hub.clock() + timedelta(hours=1))
    assert hub.dispatch().claims.claim(4) == []
    hub.clock.forward(hours=1)
    assert hub.dispatch().claims.claim(4) == [delivery]


def test_looking_for_work_reads_an_index_and_not_the_backlog(hub: HubUnderTest) -> None:
    if hub.gateway.store.engine.dialect.name != "sqlite":
        pytest.skip("the words of the plan are SQLite's")
    with hub.gateway.store.read() as session:
        said = str(_QUEUES.compile(session.connection(), compile_kwargs={"literal_binds": True}))
        plan = [line[3] for line in session.execute(text(f"EXPLAIN QUERY PLAN {said}"))]
    looks = [line for line in plan if "delivery" in line]
    assert looks
    assert all("INDEX ix_delivery_waiting" in line for line in looks), plan


# Leases ---------------------------------------------------------------------------------------------


def test_a_long_transfer_keeps_its_lease_while_no_octet_moves(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    dispatch = hub.dispatch("a")
    dispatch.claims.claim(1)
    for _ in range(10):
        hub.clock.forward(seconds=200)
        assert dispatch.claims.heartbeat.beat() == 1
    assert hub.dispatch("b").claims.claim(1) == []
    assert row(hub, delivery).lease_until == hub.clock() + timedelta(seconds=300)


def test_the_heartbeat_leaves_what_was_lost_or_hangs_for_ever(hub: HubUnderTest) -> None:
    accept(hub)
    dead, other = hub.dispatch("a"), hub.dispatch("b")
    dead.claims.claim(1)
    hub.clock.forward(seconds=301)
    assert len(other.claims.claim(1)) == 1
    with capture_logs() as logs:
        assert dead.claims.heartbeat.beat() == 0
        assert dead.claims.heartbeat.beat() == 0
    assert [one["event"] for one in logs] == ["lease lost"]
    assert dead.claims.leases.held() == []
    hub.clock.forward(hours=5)
    assert other.claims.heartbeat.beat() == 0


def test_a_delivery_that_ends_while_leases_are_renewed_lost_none(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    dispatch.claims.claim(1)
    beat = dispatch.claims.heartbeat

    class Between:
        """Lets the delivery end after the heartbeat looked up what is held, before it renews."""

        def __getattr__(self, name: str) -> Any:
            return getattr(dispatch.claims.leases, name)

        def held(self) -> list[tuple[Lease, datetime]]:
            found = dispatch.claims.leases.held()
            if state(hub, delivery) == "DELIVERING":
                dispatch._work(dispatch.letters.case(delivery))  # ended, and the lease not let go yet
            return found

    with capture_logs() as logs:
        assert replace(beat, leases=cast("Leases", Between())).beat() == 0
        dispatch.claims.leases.release(delivery)
        assert beat.beat() == 0
    assert state(hub, delivery) == "HANDED_OVER"
    assert [one for one in logs if one["log_level"] == "warning"] == []


def test_a_worker_that_stops_gives_back_what_it_has_not_begun(hub: HubUnderTest, system: Simulator) -> None:
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    [mine] = dispatch.claims.claim(1)
    dispatch.claims.drain()
    dispatch.work(mine)
    assert (state(hub, delivery), system.letters) == ("QUEUED", [])
    assert states(hub, delivery) == ["QUEUED", "DELIVERING", "QUEUED"]
    assert row(hub, delivery).lost_leases == 0
    assert dispatch.claims.claim(4) == []
    assert hub.dispatch("b").run_once() == 1
    assert state(hub, delivery) == "HANDED_OVER"


def test_what_is_being_sent_is_not_given_back(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    dispatch.claims.claim(1)
    dispatch.claims.mark_sending(row(hub, delivery))
    with pytest.raises(LeaseLost):
        dispatch.claims.give_back(delivery)
    assert state(hub, delivery) == "DELIVERING"


def test_a_worker_renews_the_leases_of_what_is_under_way_while_it_stops(
    hub: HubUnderTest, system: Simulator
) -> None:
    begun, renewed, go_on = Event(), Event(), Event()

    def slow(letter: Letter, _: Context) -> Delivered:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        return TAKEN

    system.script.append(slow)
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    dispatch = replace(dispatch, claims=replace(dispatch.claims, lease=timedelta(seconds=1)))
    worker = Worker(dispatch, sweep(hub.gateway), 2, 0.02)
    thread = Thread(target=worker.run)
    thread.start()
    try:
        assert begun.wait(PATIENCE_S)
        worker.stop()
        hub.clock.forward(seconds=0.9)
        until = row(hub, delivery).lease_until
        for _ in range(200):
            if row(hub, delivery).lease_until != until or renewed.wait(0.05):
                break
        assert row(hub, delivery).lease_until == hub.clock() + timedelta(seconds=1)
    finally:
        go_on.set()
        thread.join(PATIENCE_S)
    assert state(hub, delivery) == "HANDED_OVER"


def test_work_of_an_office_that_left_the_registry_is_still_found(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    with hub.gateway.store.write() as session:
        session.execute(update(DeliveryRow).where(DeliveryRow.id == delivery).values(office="B9999999-X"))
    assert hub.dispatch().claims.claim(1) == [delivery]
