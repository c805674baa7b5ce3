"""A route that is paused sends nothing; its office receives in the hub's own order office after a while."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from gateway.bootstrap import fallback, lifecycle, telling, verbs
from gateway.cli import wasl
from gateway.domain.errors import Ambiguous, Conflict, Fault, Misconfigured, Temporary
from gateway.domain.evidence.receipt import Event, Place, Registered
from gateway.domain.transit.repairs import Decision
from gateway.exchange.evidence.chain import Overtaken
from gateway.exchange.registry.declared import read_declared
from gateway.exchange.transit.inbox import Reader
from gateway.store.transit.notice_models import NotificationRow
from tests.support.deliveries import bring, case_of
from tests.support.hub import (
    AGENCY_OFFICE,
    COMMUNE,
    COMMUNE_OFFICE,
    MINISTRY_OFFICE,
    HubUnderTest,
    registry_table,
)
from tests.support.shapes import Shape
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
    states,
)

BUSY = Temporary("WASL-DLV-002", "HTTP 503")
DESK = Reader(COMMUNE, "Front desk", "client-1")
HOW = Decision("operator-1", "the office asks for it")


@pytest.fixture
def system() -> Searchable:
    return Searchable()


@pytest.fixture
def hub(shape: Shape, tmp_path: Path, system: Searchable) -> HubUnderTest:
    return fresh_hub(tmp_path, system)


def test_nothing_is_sent_on_a_paused_route_until_it_goes_on(hub: HubUnderTest, system: Simulator) -> None:
    waiting = accept(hub)[0]
    assert hub.gateway.registry.pause(COMMUNE_OFFICE, True, "operator") == [
        f"changed office {COMMUNE_OFFICE}"
    ]
    new = accept(hub)[0]
    [other] = accept(hub, MINISTRY_OFFICE)
    hub.dispatch().run_once(100)
    assert [state(hub, one) for one in (waiting, new, other)] == ["QUEUED", "QUEUED", "AVAILABLE"]
    hub.gateway.registry.pause(COMMUNE_OFFICE, False, "operator")
    hub.dispatch().run_once(100)
    assert [state(hub, one) for one in (waiting, new)] == ["HANDED_OVER"] * 2
    assert len(system.letters) == 2


def test_what_is_being_sent_when_the_route_is_paused_is_finished(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    assert dispatch.claims.claim(1) == [delivery]
    hub.gateway.registry.pause(COMMUNE_OFFICE, True, "operator")
    dispatch.work(delivery)
    assert state(hub, delivery) == "HANDED_OVER"


def test_pausing_stands_in_the_registry_s_file(hub: HubUnderTest) -> None:
    route_of_commune(hub, paused=True, fallback_seconds=60)
    exported = hub.gateway.registry.export()
    assert [one["route"].get("paused") for one in exported["office"]].count(True) == 1
    [delivery] = accept(hub)
    assert hub.dispatch().run_once(100) == 0
    assert hub.gateway.registry.pause(COMMUNE_OFFICE, True, "operator") == []
    route_of_commune(hub)
    assert hub.dispatch().run_once(100) == 1
    assert state(hub, delivery) == "HANDED_OVER"


def test_only_a_route_to_a_system_is_paused(hub: HubUnderTest, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="can be paused"):
        hub.gateway.registry.pause(AGENCY_OFFICE, True, "operator")
    with pytest.raises(Misconfigured, match="can be paused"):
        hub.gateway.registry.pause("B0000999-I", True, "operator")
    table = registry_table(hub.pki, {AGENCY_OFFICE: {"kind": "office", "paused": True}})
    with pytest.raises(Misconfigured, match=r"route\.paused"):
        read_declared(table, tmp_path, hub.gateway.languages, {})


def test_an_office_without_a_route_receives_in_the_hub(hub: HubUnderTest) -> None:
    office = next(one for one in hub.gateway.registry.export()["office"] if one["id"] == COMMUNE_OFFICE)
    del office["route"]
    hub.apply({"office": [office]})
    [delivery] = accept(hub)
    hub.dispatch().run_once(100)
    [ready] = [one for one in receipts(hub, delivery) if one.event is Event.CONTENT_CONSIGNMENT]
    assert (state(hub, delivery), ready.place) == ("AVAILABLE", Place.HUB_OFFICE)


def test_what_waits_long_on_a_paused_route_lies_ready_here(hub: HubUnderTest) -> None:
    early = accept(hub)[0]
    bring(hub, early, "WAITING")
    hub.gateway.registry.pause(COMMUNE_OFFICE, True, "operator")
    hub.clock.forward(hours=3)
    late = accept(hub)[0]
    assert fallback(hub.gateway, "w").run() == 0
    hub.clock.forward(hours=1)
    assert fallback(hub.gateway, "w").run() == 1
    assert (state(hub, early), state(hub, late)) == ("AVAILABLE", "QUEUED")
    [ready] = [one for one in receipts(hub, early) if one.event is Event.CONTENT_CONSIGNMENT]
    assert [reason.code for reason in ready.reasons] == ["WASL-DLV-059"]
    assert events(hub, early)[-1].why == "WASL-DLV-059"


def test_a_paused_route_that_never_falls_back_keeps_letters_for_their_lifetime(hub: HubUnderTest) -> None:
    route_of_commune(hub, paused=True, fallback_seconds=0)
    end = hub.clock() + timedelta(hours=1)
    [forever], [ending] = accept(hub), accept(hub, expires_at=end)
    hub.clock.forward(hours=1)
    assert (fallback(hub.gateway, "w").run(), lifecycle.lapses(hub.gateway, "w").run()) == (0, 1)
    assert (state(hub, forever), state(hub, ending)) == ("QUEUED", "EXPIRED")
    hub.clock.forward(days=5)
    assert fallback(hub.gateway, "w").run() == 1
    assert states(hub, forever) == ["QUEUED", "FAILED"]


def test_the_command_pauses_and_lets_go_on(hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASL_HOME", str(hub.home))
    monkeypatch.setenv("WASL_DATABASE_URL", hub.gateway.settings.database.url)
    run = CliRunner()
    for verb, told, after in (("pause", "changed", "paused"), ("resume", "changed", "open")):
        done = run.invoke(wasl, ["route", verb, COMMUNE_OFFICE, "--as", "operator"])
        assert (done.exit_code, told in done.output) == (0, True), done.output
        listed = run.invoke(wasl, ["route"]).output.splitlines()
        assert next(line for line in listed if line.startswith(COMMUNE_OFFICE)).endswith(after)
    assert "nothing to change" in run.invoke(wasl, ["route", "resume", COMMUNE_OFFICE]).output


# Falling back: told, numbered, and never sent besides -----------------------------------------------


def with_readers(hub: HubUnderTest, *, paused: bool = True) -> None:
    office = next(one for one in hub.gateway.registry.export()["office"] if one["id"] == COMMUNE_OFFICE)
    addresses = {"order-office-1": "one@example.org", "order-office-2": "two@example.org"}
    route = {"kind": "adapter", "adapter": "simulator", "paused": paused}
    hub.apply({"office": [{**office, "reader_addresses": addresses, "route": route}]})


def fallen_back(hub: HubUnderTest) -> str:
    [delivery] = accept(hub)
    hub.clock.forward(hours=4)
    assert fallback(hub.gateway, "w").run() == 1
    return delivery


def test_exactly_the_two_named_readers_are_told_once(hub: HubUnderTest) -> None:
    with_readers(hub)
    [first], [second] = accept(hub), accept(hub)
    hub.clock.forward(hours=4)
    assert fallback(hub.gateway, "w").run() == 2
    assert fallback(hub.gateway, "w").run() == 0
    hub.clock.forward(minutes=2)
    assert telling.teller(hub.gateway, "w").run() == 2
    hub.clock.forward(hours=2)
    assert telling.teller(hub.gateway, "w").run() == 0
    with hub.gateway.store.read() as session:
        told = list(session.scalars(select(NotificationRow).order_by(NotificationRow.address)))
    assert [(one.address, one.state) for one in told] == [
        ("one@example.org", "SENT"),
        ("two@example.org", "SENT"),
    ]
    for delivery in (first, second):
        notified = [one for one in receipts(hub, delivery) if one.event is Event.CONSIGNMENT_NOTIFICATION]
        assert len(notified) == 1


def test_a_letter_numbered_here_is_never_sent_when_the_route_returns(
    hub: HubUnderTest, system: Simulator
) -> None:
    with_readers(hub)
    delivery = fallen_back(hub)
    hub.gateway.services.inbox.acknowledge(delivery, DESK, Registered("7/2026"))
    hub.gateway.registry.pause(COMMUNE_OFFICE, False, "operator")
    hub.clock.forward(days=1)
    hub.dispatch().run_once(100)
    with pytest.raises(Conflict, match="WASL-DLV-019"):
        lifecycle.repair(hub.gateway).requeue(delivery, HOW)
    assert (state(hub, delivery), system.letters) == ("HANDED_OVER", [])
    assert len([one for one in receipts(hub, delivery) if one.event is Event.REGISTERED]) == 1


def test_a_letter_that_lies_here_is_not_sent_by_itself_nor_while_a_reader_has_it(
    hub: HubUnderTest, system: Simulator
) -> None:
    with_readers(hub)
    delivery = fallen_back(hub)
    hub.gateway.registry.pause(COMMUNE_OFFICE, False, "operator")
    hub.clock.forward(days=1)
    assert hub.dispatch().run_once(100) == 0
    hub.gateway.services.inbox.lock(delivery, DESK)
    with pytest.raises(Conflict, match="WASL-DLV-054"):
        lifecycle.repair(hub.gateway).requeue(delivery, HOW)
    hub.gateway.services.inbox.content(delivery, DESK)
    hub.gateway.services.inbox.unlock(delivery, DESK)
    with pytest.raises(Conflict, match="WASL-DLV-052"):  # a reader opened it: it may be numbered on paper
        lifecycle.repair(hub.gateway).requeue(delivery, HOW)
    assert system.letters == []


def test_a_letter_that_was_claimed_at_the_moment_of_falling_back_stays_on_its_route(
    hub: HubUnderTest, system: Simulator
) -> None:
    [delivery] = accept(hub)
    seen = case_of(hub, delivery)
    dispatch = hub.dispatch()
    assert dispatch.claims.claim(1) == [delivery]
    fall = fallback(hub.gateway, "w")
    assert not fall._each(delivery, lambda _: fall._lay_ready(seen, Fault("WASL-DLV-028")))
    dispatch.work(delivery)
    assert (state(hub, delivery), len(system.letters)) == ("HANDED_OVER", 1)


def test_a_letter_that_was_tried_and_came_into_doubt_meanwhile_does_not_fall_back(
    hub: HubUnderTest, system: Searchable
) -> None:
    """It waits again as it did, with no receipt between; only attempts and doubt tell."""
    [delivery] = accept(hub)
    system.script = [BUSY, Ambiguous("WASL-DLV-004", "reset")]
    hub.dispatch().run_once()
    seen = case_of(hub, delivery)
    hub.clock.forward(minutes=10)
    hub.dispatch().run_once()
    assert (state(hub, delivery), row(hub, delivery).doubt) == ("WAITING", True)
    fall = fallback(hub.gateway, "w")
    assert not fall._each(delivery, lambda _: fall._lay_ready(seen, Fault("WASL-DLV-028")))
    assert state(hub, delivery) == "WAITING"


def test_an_expiry_seen_before_an_ambiguous_attempt_does_not_say_that_the_outcome_is_known(
    hub: HubUnderTest, system: Searchable
) -> None:
    [delivery] = accept(hub, expires_at=hub.clock() + timedelta(hours=1))
    system.script = [BUSY, Ambiguous("WASL-DLV-004", "reset")]
    hub.dispatch().run_once()
    seen = case_of(hub, delivery)
    hub.clock.forward(minutes=10)
    hub.dispatch().run_once()
    hub.clock.forward(hours=1)
    lapses = lifecycle.lapses(hub.gateway, "w")
    outcomes = verbs(hub.gateway, "w").outcomes
    with pytest.raises(Overtaken):
        outcomes.expire(seen)
    assert lapses.run() == 1
    [over] = [one for one in receipts(hub, delivery) if one.event is Event.ACCEPTANCE_REJECTION_EXPIRY]
    assert over.outcome is not None
    assert over.outcome.unknown
