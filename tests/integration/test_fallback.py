"""Every office can receive: what a failing route cannot take for long lies ready in the hub's own office."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.bootstrap import fallback, lifecycle, verbs
from gateway.domain.errors import Ambiguous, Temporary
from gateway.domain.evidence.receipt import Event, Place
from tests.support.hub import HubUnderTest
from tests.support.systems import (
    Searchable,
    Simulator,
    accept,
    events,
    fresh_hub,
    receipts,
    route_of_commune,
    row,
    state,
)

BUSY = Temporary("WASL-DLV-002", "HTTP 503")


@pytest.fixture
def system() -> Simulator:
    return Simulator([BUSY] * 100)


@pytest.fixture
def hub(tmp_path: Path, system: Simulator) -> HubUnderTest:
    return fresh_hub(tmp_path, system)


def failing(hub: HubUnderTest, **changes: Any) -> str:
    [delivery] = accept(hub, **changes)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "WAITING"
    return delivery


def test_a_letter_that_waited_long_enough_lies_ready_here(hub: HubUnderTest) -> None:
    delivery = failing(hub)
    hub.clock.forward(hours=3, minutes=59)
    assert fallback(hub.gateway, "worker").run() == 0
    hub.clock.forward(minutes=1)
    assert fallback(hub.gateway, "worker").run() == 1
    assert state(hub, delivery) == "AVAILABLE"
    receipt = next(one for one in receipts(hub, delivery) if one.event is Event.CONTENT_CONSIGNMENT)
    assert receipt.place is Place.HUB_OFFICE
    assert [reason.code for reason in receipt.reasons] == ["WASL-DLV-028"]
    assert events(hub, delivery)[-1].why == "WASL-DLV-028"


def test_it_is_not_sent_to_the_system_afterwards_unless_a_person_wants_it(
    hub: HubUnderTest, system: Simulator
) -> None:
    delivery = failing(hub)
    hub.clock.forward(hours=5)
    fallback(hub.gateway, "worker").run()
    system.script.clear()
    hub.clock.forward(days=1)
    assert hub.dispatch().run_once() == 0
    assert len(system.letters) == 1
    verbs(hub.gateway, "operator").outcomes.resend(hub.dispatch().letters.case(delivery))
    assert hub.dispatch().run_once() == 1
    assert (state(hub, delivery), len(system.letters)) == ("HANDED_OVER", 2)


def test_a_new_letter_of_a_failing_route_gets_its_own_time(hub: HubUnderTest) -> None:
    early = failing(hub)
    hub.clock.forward(hours=5)
    [late] = accept(hub)
    assert fallback(hub.gateway, "worker").run() == 1
    assert (state(hub, early), state(hub, late)) == ("AVAILABLE", "QUEUED")


def test_a_letter_that_may_have_arrived_is_never_laid_ready_here(tmp_path: Path) -> None:
    system = Searchable([Ambiguous("WASL-DLV-004", "the connection broke")])
    hub = fresh_hub(tmp_path, system)
    delivery = failing(hub)
    assert row(hub, delivery).doubt
    hub.clock.forward(days=1)
    assert fallback(hub.gateway, "worker").run() == 0
    assert state(hub, delivery) == "WAITING"


@pytest.mark.parametrize(("seconds", "moved"), [(0, 0), (60, 1)])
def test_a_route_says_itself_how_long(hub: HubUnderTest, seconds: int, moved: int) -> None:
    route_of_commune(hub, fallback_seconds=seconds)
    failing(hub)
    hub.clock.forward(hours=5)
    assert fallback(hub.gateway, "worker").run() == moved


def test_a_route_that_answers_again_keeps_its_letters(hub: HubUnderTest, system: Simulator) -> None:
    delivery = failing(hub)
    system.script[:] = []
    [other] = accept(hub)
    hub.dispatch().run_once()
    assert state(hub, other) == "HANDED_OVER"
    hub.clock.forward(days=1)
    assert fallback(hub.gateway, "worker").run() == 0
    assert state(hub, delivery) == "WAITING"


def test_letters_of_a_failing_route_end_when_their_time_is_over(hub: HubUnderTest) -> None:
    route_of_commune(hub, fallback_seconds=0)
    delivery = failing(hub, expires_at=hub.clock() + timedelta(hours=1))
    other = failing(hub)
    hub.clock.forward(hours=1)
    assert fallback(hub.gateway, "worker").run() == 0
    assert lifecycle.lapses(hub.gateway, "worker").run() == 1
    assert state(hub, delivery) == "EXPIRED"
    hub.clock.forward(days=5)
    assert fallback(hub.gateway, "worker").run() == 1
    assert state(hub, other) == "FAILED"
