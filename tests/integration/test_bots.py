"""Bots give test letters every end that a letter can have, on the way that all letters go."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.bootstrap.lifecycle import lapses, playing
from gateway.domain.errors import Declined, Refused
from gateway.domain.evidence.receipt import Event
from gateway.domain.transit.breaker import BreakerState
from gateway.domain.transit.envelope import Recipient
from gateway.domain.transit.grounds import GROUNDS
from gateway.domain.transit.redirect import check_fits
from gateway.exchange.operate.reach import Reach
from gateway.exchange.transit.routes import Routes
from gateway.store.registry import queries
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest
from tests.support.shapes import Shape
from tests.support.systems import (
    Simulator,
    accept,
    attempts,
    fresh_hub,
    receipts,
    route_of_commune,
    row,
    state,
    states,
)

BOTS = tomllib.loads((Path(__file__).parents[2] / "config" / "test-bots.toml").read_text("utf-8"))
OFFICES: dict[str, str] = {
    str(options.get("code", options["plays"])): office["id"]
    for office in BOTS["office"]
    for options in [office["route"]["options"]]
}


@pytest.fixture
def hub(tmp_path: Path) -> HubUnderTest:
    hub = fresh_hub(tmp_path, Simulator())
    hub.apply(BOTS)
    return hub


@pytest.fixture
def either(tmp_path: Path, shape: Shape) -> HubUnderTest:
    """The same in both shapes, one after the other."""
    hub = fresh_hub(tmp_path, Simulator())
    hub.apply(BOTS)
    return hub


def told(hub: HubUnderTest, delivery: str) -> list[Event]:
    return [one.event for one in receipts(hub, delivery) if one.event is not Event.TIME_LIMIT]


def test_bot_that_accepts_takes_and_registers_at_once(hub: HubUnderTest) -> None:
    [delivery] = accept(hub, OFFICES["accept"], test=True)
    hub.dispatch().run_once()
    assert (state(hub, delivery), row(hub, delivery).processing) == ("HANDED_OVER", "REGISTERED")
    found = receipts(hub, delivery)
    assert told(hub, delivery) == [Event.CONTENT_HANDOVER, Event.REGISTERED]
    assert all(one.test and one.ledger_origin.endswith("/test") for one in found)
    assert found[1].registered is not None
    assert found[1].registered.number.startswith("BOT-")


@pytest.mark.parametrize("code", sorted(GROUNDS))
def test_there_is_a_bot_for_each_ground_of_refusal(hub: HubUnderTest, code: str) -> None:
    [delivery] = accept(hub, OFFICES[code], test=True)
    hub.dispatch().run_once()
    assert states(hub, delivery) == ["QUEUED", "DELIVERING", "REFUSED"]
    [receipt] = receipts(hub, delivery)
    assert (receipt.event, receipt.reasons[0].code) == (Event.CONSIGNMENT_REJECTION, code)
    assert receipt.outcome is not None
    assert (receipt.outcome.state, receipt.outcome.decided_by) == ("REFUSED", receipt.stated_by)


def test_slow_bot_takes_the_letter_when_its_time_has_come(hub: HubUnderTest) -> None:
    [delivery] = accept(hub, OFFICES["slow"], test=True)
    hub.dispatch().run_once()
    assert (state(hub, delivery), row(hub, delivery).due_at) == (
        "WAITING",
        hub.clock() + timedelta(seconds=60),
    )
    hub.clock.forward(seconds=59)
    assert hub.dispatch().run_once() == 0
    hub.clock.forward(seconds=1)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "HANDED_OVER"


def test_bot_that_had_it_already_answers_as_a_system_that_takes_an_identifier_once(hub: HubUnderTest) -> None:
    [delivery] = accept(hub, OFFICES["duplicate"], test=True)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "HANDED_OVER"
    assert '"alreadyThere": true' in attempts(hub, delivery)[0].detail


def test_silent_bot_ends_held_and_a_decision_sends_the_letter_again(either: HubUnderTest) -> None:
    hub = either
    [delivery] = accept(hub, OFFICES["ambiguous"], test=True)
    hub.dispatch().run_once()
    assert (state(hub, delivery), row(hub, delivery).doubt) == ("HELD", True)
    turns = playing(hub.gateway, "worker-1")
    hub.clock.forward(seconds=59)
    assert turns.run() == 0
    hub.clock.forward(seconds=1)
    assert turns.run() == 1
    assert turns.run() == 0
    hub.dispatch().run_once()
    assert state(hub, delivery) == "HANDED_OVER"
    handover = receipts(hub, delivery)[0].handover
    assert handover is not None
    assert handover.possible_duplicate


@pytest.mark.parametrize("ends", [True, False], ids=["by the sender's end", "by the route's time"])
def test_late_bot_acknowledges_what_ended_without_it(either: HubUnderTest, ends: bool) -> None:
    hub = either
    end = hub.clock() + timedelta(seconds=90) if ends else None
    [delivery] = accept(hub, OFFICES["late"], test=True, expires_at=end)
    for _ in range(100):
        hub.dispatch().run_once()
        lapses(hub.gateway, "worker-1").run()
        if state(hub, delivery) in ("EXPIRED", "FAILED"):
            break
        hub.clock.forward(seconds=10)
    assert state(hub, delivery) == ("EXPIRED" if ends else "FAILED")
    turns = playing(hub.gateway, "worker-1")
    assert turns.run() == 0
    hub.clock.forward(seconds=60)
    assert turns.run() == 1
    assert turns.run() == 0
    assert told(hub, delivery)[-2:] == [Event.LATE_HANDOVER, Event.REGISTERED]
    assert state(hub, delivery) == ("EXPIRED" if ends else "FAILED")


def test_what_is_played_tells_nothing_of_a_route_and_wakes_nobody(hub: HubUnderTest) -> None:
    for _ in range(8):
        accept(hub, OFFICES["late"], test=True)
        accept(hub, OFFICES["ambiguous"], test=True)
    hub.dispatch().run_once(100)
    found = Routes(hub.gateway.store, hub.gateway.ambient).figures()
    assert all(one.state is BreakerState.CLOSED and not one.failures for one in found)
    unread = Reach(hub.gateway.store, hub.gateway.adapters).warnings().get("readers", "")
    assert not [office for office in OFFICES.values() if office in unread]


# Tests and real letters keep apart -----------------------------------------------------------------


@pytest.mark.parametrize("office", sorted(OFFICES.values()))
def test_real_letter_to_a_bot_is_refused_with_a_code(hub: HubUnderTest, office: str) -> None:
    before = hub.kept()["delivery"]
    answer = hub.post(
        hub.signed(hub.envelope(recipients=(Recipient(office=COMMUNE_OFFICE), Recipient(office=office))))
    )
    assert answer.status_code == 422
    assert b"WASL-RTE-009" in answer.data
    assert hub.kept()["delivery"] == before


def test_test_letter_never_reaches_a_real_system(hub: HubUnderTest) -> None:
    envelope = hub.envelope(recipients=(Recipient(office=COMMUNE_OFFICE),), test=True)
    answer = hub.post(hub.signed(envelope))
    assert answer.status_code == 422
    assert b"WASL-RTE-005" in answer.data


def test_test_letter_ends_where_its_route_turned_into_a_real_one(tmp_path: Path) -> None:
    system = Simulator()
    hub = fresh_hub(tmp_path, system)
    route_of_commune(hub, accepts_test=True)
    [delivery] = accept(hub, test=True)
    route_of_commune(hub)
    hub.dispatch().run_once()
    assert system.letters == []
    assert state(hub, delivery) == "FAILED"
    [receipt] = receipts(hub, delivery)
    assert receipt.reasons[0].code == "WASL-DLV-062"
    assert receipt.outcome is not None
    assert receipt.outcome.unknown is False


def test_real_letter_lies_ready_where_its_route_turned_into_a_bot(tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    [delivery] = accept(hub)
    route_of_commune(hub, adapter="bot", test_only=True, options={"plays": "accept"})
    hub.dispatch().run_once()
    assert state(hub, delivery) == "AVAILABLE"
    assert told(hub, delivery) == [Event.CONTENT_CONSIGNMENT]


def test_real_letter_is_not_passed_on_to_a_bot(hub: HubUnderTest) -> None:
    with hub.gateway.store.read() as session:
        bot = queries.office(session, OFFICES["accept"])
    assert bot is not None
    check_fits(bot, test=True, octets=0)
    with pytest.raises(Refused, match="WASL-RTE-009"):
        check_fits(bot, test=False, octets=0)


def test_adapter_that_declines_without_a_ground_is_an_ordinary_refusal(tmp_path: Path) -> None:
    system = Simulator([Declined("WASL-DLV-003", "no ground"), Declined("WASL-DLV-039", "no words")])
    hub = fresh_hub(tmp_path, system)
    for _ in range(2):
        [delivery] = accept(hub)
        hub.dispatch().run_once()
        assert state(hub, delivery) == "FAILED"


def test_system_of_a_real_recipient_may_decline_on_a_ground(tmp_path: Path) -> None:
    system = Simulator([Declined("WASL-DLV-039", "HTTP 409", "not ours since the reform")])
    hub = fresh_hub(tmp_path, system)
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "REFUSED"
    [receipt] = receipts(hub, delivery)
    assert "not ours since the reform" in str(receipt.reasons)


def test_document_names_the_bots_that_there_are() -> None:
    page = (Path(__file__).parents[2] / "docs" / "test-mode.md").read_text("utf-8")
    assert re.findall(r"`(B\d{7}-.)`", page) == sorted(OFFICES.values())
    assert set(OFFICES) == {*GROUNDS, "accept", "slow", "duplicate", "ambiguous", "late"}
