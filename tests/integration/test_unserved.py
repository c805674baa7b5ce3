"""A route that nobody here can serve is a failing route: its office receives in the hub's own office."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from adapters.contract import Context, Delivered, Letter
from gateway.bootstrap import fallback, kinds
from gateway.domain.errors import Ambiguous, Misconfigured
from gateway.domain.evidence.receipt import Event, Place
from gateway.exchange.operate.reach import Reach, _names
from gateway.exchange.transit.dispatch import Dispatch
from gateway.store.transit.notice_models import NotificationRow
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, TEST_OFFICE, HubUnderTest
from tests.support.shapes import Shape
from tests.support.systems import (
    TAKEN,
    Searchable,
    Simulator,
    Wire,
    accept,
    events,
    fresh_hub,
    receipts,
    row,
    state,
)

CUT = Ambiguous("WASL-DLV-004", "the connection broke")
READERS = {"order-office-1": "first@commune.test", "order-office-2": "second@commune.test"}


@pytest.fixture
def system() -> Searchable:
    return Searchable()


@pytest.fixture
def hub(shape: Shape, tmp_path: Path, system: Simulator) -> HubUnderTest:
    return fresh_hub(tmp_path, system)


def without(hub: HubUnderTest) -> Dispatch:
    """A worker whose installation lacks the commune's kind."""
    return replace(hub.dispatch(), adapters={})


def change(hub: HubUnderTest, name: str, **members: Any) -> None:
    """Change what is declared of one office."""
    office = next(one for one in hub.gateway.registry.export()["office"] if one["id"] == name)
    hub.apply({"office": [{**office, **members}]})


def readers(hub: HubUnderTest) -> None:
    change(hub, COMMUNE_OFFICE, readers=list(READERS), reader_addresses=READERS)


def numbers(hub: HubUnderTest, deliveries: list[str]) -> list[str | None]:
    return [row(hub, one).register_number for one in deliveries]


def test_letters_wait_without_a_try_and_then_lie_ready_here_and_readers_are_told(
    hub: HubUnderTest, system: Simulator
) -> None:
    readers(hub)
    [delivery] = accept(hub)
    without(hub).run_once()
    waiting = row(hub, delivery)
    assert (waiting.state, waiting.attempts, waiting.failures) == ("WAITING", 0, 1)
    assert events(hub, delivery)[-1].why == "WASL-DLV-061"
    hub.clock.forward(hours=4)
    assert fallback(hub.gateway, "worker").run() == 1
    [ready] = [one for one in receipts(hub, delivery) if one.event is Event.CONTENT_CONSIGNMENT]
    assert (state(hub, delivery), ready.place) == ("AVAILABLE", Place.HUB_OFFICE)
    with hub.gateway.store.read() as session:
        told = set(session.scalars(select(NotificationRow.address)))
    assert (told, system.letters) == (set(READERS.values()), [])


def test_letters_that_nobody_claims_any_more_lie_ready_too(hub: HubUnderTest) -> None:
    laid = [accept(hub)[0] for _ in range(7)]
    without(hub).run_once(100)
    assert [state(hub, one) for one in laid] == ["WAITING"] * 5 + ["QUEUED"] * 2  # the breaker opened
    hub.clock.forward(hours=4)
    assert fallback(hub.gateway, "worker").run() == 7
    assert {state(hub, one) for one in laid} == {"AVAILABLE"}


def test_route_goes_on_when_the_kind_is_back_and_no_letter_is_numbered_twice(
    hub: HubUnderTest, system: Simulator
) -> None:
    system.script += [replace(TAKEN, register_number=f"C-{number}") for number in range(1, 9)]
    laid = [accept(hub)[0] for _ in range(6)]
    without(hub).run_once(100)
    hub.clock.forward(hours=4)
    fallback(hub.gateway, "worker").run()
    late = [accept(hub)[0] for _ in range(2)]
    without(hub).run_once(100)
    hub.clock.forward(hours=1)
    hub.dispatch().run_once(100)
    hub.dispatch().run_once(100)
    assert [state(hub, one) for one in laid + late] == ["AVAILABLE"] * 6 + ["HANDED_OVER"] * 2
    assert sorted(one.delivery_id for one in system.letters) == sorted(late)
    assert numbers(hub, laid) == [None] * 6
    assert set(numbers(hub, late)) == {"C-1", "C-2"}


def test_worker_that_has_the_kind_delivers_what_another_could_not(
    hub: HubUnderTest, system: Simulator
) -> None:
    [delivery] = accept(hub)
    without(hub).run_once()
    hub.clock.forward(seconds=30)
    hub.dispatch("worker-2").run_once()
    assert (state(hub, delivery), len(system.letters)) == ("HANDED_OVER", 1)


def test_letter_in_doubt_waits_for_the_kind_that_can_ask(hub: HubUnderTest, system: Searchable) -> None:
    system.script.append(CUT)
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    hub.clock.forward(seconds=30)
    without(hub).run_once()
    hub.clock.forward(hours=5)
    assert fallback(hub.gateway, "worker").run() == 0
    assert (state(hub, delivery), row(hub, delivery).doubt) == ("WAITING", True)
    system.known.append(TAKEN)
    hub.dispatch().run_once()
    assert (state(hub, delivery), system.asked, len(system.letters)) == ("HANDED_OVER", [delivery], 1)


def test_letter_in_doubt_is_a_person_s_once_the_kind_that_cannot_ask_is_back(tmp_path: Path) -> None:
    system = Simulator()
    hub = fresh_hub(tmp_path, system)
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    dispatch.claims.claim(1)
    dispatch.claims.mark_sending(row(hub, delivery))
    hub.clock.forward(minutes=6)  # its worker is gone
    without(hub).run_once()
    assert (state(hub, delivery), row(hub, delivery).doubt) == ("WAITING", True)
    hub.clock.forward(minutes=1)
    hub.dispatch().run_once()
    assert (state(hub, delivery), system.letters) == ("HELD", [])


@dataclass
class Renewed(Simulator):
    """A kind whose new version wants another option."""

    def check_options(self, options: Any) -> list[str]:
        return [] if "address" in options else ["address: is missing"]

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        context.options["address"]
        return super().deliver(letter, context)


@dataclass
class Careful(Renewed):
    """The same, which says so itself."""

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        if faults := self.check_options(context.options):
            raise Misconfigured(faults)
        return super().deliver(letter, context)


@dataclass
class TooLate(Renewed):
    """The same, which finds out after a request."""

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        context.http.request("POST", "http://127.0.0.1:9/")
        return super().deliver(letter, context)


@pytest.mark.parametrize("kind", [Renewed, Careful])
def test_options_that_a_renewed_kind_does_not_take_are_a_failing_route(
    tmp_path: Path, kind: type[Renewed]
) -> None:
    system = kind()
    hub = fresh_hub(tmp_path, system)
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    waiting = row(hub, delivery)
    assert (waiting.state, waiting.doubt, events(hub, delivery)[-1].why) == ("WAITING", False, "WASL-DLV-018")
    hub.clock.forward(hours=4)
    assert fallback(hub.gateway, "worker").run() == 1
    assert state(hub, delivery) == "AVAILABLE"
    assert hub.gateway.services.health.warnings()["routes"] == (
        f"the adapter does not take the options of {COMMUNE_OFFICE}: wasl apply says why"
    )
    change(
        hub, COMMUNE_OFFICE, route={"kind": "adapter", "adapter": "simulator", "options": {"address": "x"}}
    )
    assert "routes" not in hub.gateway.services.health.warnings()
    [other] = accept(hub)
    hub.clock.forward(hours=1)
    hub.dispatch().run_once()
    assert (state(hub, other), state(hub, delivery)) == ("HANDED_OVER", "AVAILABLE")


def test_defect_after_a_request_is_doubt_whatever_the_options(tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, TooLate())
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    context = dispatch.contexts
    replace(dispatch, contexts=lambda route: replace(context(route), http=Wire())).run_once()
    assert (state(hub, delivery), row(hub, delivery).doubt) == ("HELD", True)


def test_health_names_the_missing_kind_and_its_offices(hub: HubUnderTest) -> None:
    health = hub.gateway.services.health
    assert "adapters" not in health.warnings()
    bare = replace(health, reach=Reach(hub.gateway.store, {}))
    said = f"no adapter 'simulator' is installed, which serves {COMMUNE_OFFICE}"
    assert bare.warnings()["adapters"] == said
    with hub.using(health=bare):
        answer = hub.client.get("/health/ready")
    assert (answer.status_code, answer.json["warnings"]["adapters"]) == (200, said)
    change(hub, COMMUNE_OFFICE, active=False)
    assert "adapters" not in bare.warnings()


class Entry(EntryPoint):
    """A kind whose module cannot be imported."""

    def load(self) -> Any:
        raise ImportError("no module named soapy")


def test_kind_that_cannot_be_loaded_is_absent_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    real = kinds.find_adapters()
    broken = Entry("broken", "soapy:Adapter", "wasl.adapters")
    found = kinds.installed()
    monkeypatch.setattr(kinds, "installed", lambda: (broken, *found))
    with capture_logs() as logs:
        assert set(kinds.find_adapters()) == set(real) != set()
    assert [(one["event"], one["adapter"]) for one in logs] == [("adapter cannot be loaded", "broken")]


def test_offices_without_two_readers_who_can_be_told_are_warned_of(hub: HubUnderTest) -> None:
    health = hub.gateway.services.health
    wanting = ", ".join([COMMUNE_OFFICE, AGENCY_OFFICE, TEST_OFFICE])  # the ministry has its own inbox
    assert health.warnings()["readers"] == f"two readers with e-mail addresses are wanting for {wanting}"
    readers(hub)
    same = {"order-office-1": "one@agency.test", "order-office-2": "ONE@agency.test"}
    change(hub, AGENCY_OFFICE, reader_addresses=same)
    change(hub, TEST_OFFICE, active=False)
    assert health.warnings()["readers"].endswith(f"wanting for {AGENCY_OFFICE}")
    change(hub, AGENCY_OFFICE, reader_addresses={**same, "order-office-2": "two@agency.test"})
    assert "readers" not in health.warnings()


def test_many_offices_are_counted_not_listed() -> None:
    assert _names(f"B{n}" for n in range(22)).endswith("B19 and 2 more")
