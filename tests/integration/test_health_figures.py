"""Health tells what waits where and since when, by lane and office, and warns before anybody complains."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gateway.bootstrap.evidence import counting, sequencer
from gateway.bootstrap.telling import presence
from gateway.domain.errors import Temporary
from gateway.domain.transit.envelope import Lane
from gateway.exchange.operate.flow import Depth, Flow, Watch
from gateway.store.transit.notice_models import NotificationRow
from gateway.store.transit.route_models import RouteState
from gateway.web.flow_figures import MOST_OFFICES, add_flow
from gateway.web.operations import create_operations_app
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, MINISTRY_OFFICE, HubUnderTest
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, fresh_hub


@pytest.fixture
def hub(tmp_path: Path, shape: Shape) -> HubUnderTest:
    return fresh_hub(tmp_path, Simulator([Temporary("WASL-DLV-001")]))


def figures(hub: HubUnderTest) -> dict[str, float]:
    """Every figure by its name and the values of its labels."""
    app = create_operations_app(hub.gateway.services.health, counting(hub.gateway), hub.gateway.languages)
    return read(app.test_client().get("/metrics").text)


def read(text: str) -> dict[str, float]:
    return {
        ".".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def warned(hub: HubUnderTest) -> dict[str, str]:
    """What health warns of besides readers, who have no addresses here."""
    answer = hub.client.get("/health/ready")
    assert answer.status_code == 200
    return {name: said for name, said in answer.json["warnings"].items() if name != "readers"}


def test_depth_and_age_are_told_by_lane_office_and_state(hub: HubUnderTest) -> None:
    accept(hub, COMMUNE_OFFICE, AGENCY_OFFICE)
    accept(hub, MINISTRY_OFFICE, lane=Lane.BULK)
    hub.dispatch().run_once()
    hub.clock.forward(seconds=10)
    accept(hub)
    hub.clock.forward(seconds=5)
    found = figures(hub)
    assert {
        "wasl_lane_deliveries.single.WAITING": 1,
        "wasl_lane_deliveries.single.AVAILABLE": 1,
        "wasl_lane_deliveries.single.QUEUED": 1,
        "wasl_lane_deliveries.bulk.AVAILABLE": 1,
        "wasl_lane_oldest_seconds.single.WAITING": 15,
        "wasl_lane_oldest_seconds.single.QUEUED": 5,
        f"wasl_office_deliveries.{COMMUNE_OFFICE}.WAITING": 1,
        f"wasl_office_deliveries.{COMMUNE_OFFICE}.QUEUED": 1,
        f"wasl_office_oldest_seconds.{AGENCY_OFFICE}.AVAILABLE": 15,
        "wasl_oldest_undelivered_seconds": 15,
        "wasl_overdue_seconds": 5,
    }.items() <= found.items()


def test_last_success_and_breaker_of_each_route_are_told(hub: HubUnderTest) -> None:
    with hub.gateway.store.write() as session:
        session.add(RouteState(office=COMMUNE_OFFICE, state="OPEN", failures=5, last_success_at=hub.clock()))
    hub.clock.forward(seconds=30)
    found = figures(hub)
    assert found[f"wasl_route_breaker.{COMMUNE_OFFICE}"] == 2
    assert found[f"wasl_route_last_success_seconds.{COMMUNE_OFFICE}"] == 30


def test_letters_that_nobody_delivers_are_warned_of(hub: HubUnderTest) -> None:
    accept(hub)
    hub.clock.forward(minutes=4)
    assert warned(hub) == {}
    hub.clock.forward(minutes=2)
    assert warned(hub) == {
        "deliveries": "letters are due since 6 minutes and nobody delivers them",
        "workers": "no worker has given a sign of life",
    }
    presence(hub.gateway, "worker-1").beat()
    assert set(warned(hub)) == {"deliveries"}
    assert figures(hub)["wasl_workers"] == 1


def test_worker_that_is_silent_or_has_left_does_not_count(hub: HubUnderTest) -> None:
    first, second = presence(hub.gateway, "worker-1"), presence(hub.gateway, "worker-2")
    for _ in range(2):
        first.beat()
        second.beat()
    assert figures(hub)["wasl_workers"] == 2
    second.leave()
    assert figures(hub)["wasl_workers"] == 1
    hub.clock.forward(seconds=91)
    assert figures(hub)["wasl_workers"] == 0
    hub.clock.forward(days=1)
    presence(hub.gateway, "worker-3").beat()
    assert figures(hub)["wasl_workers"] == 1


def test_ledger_that_does_not_grow_is_warned_of(hub: HubUnderTest) -> None:
    accept(hub, AGENCY_OFFICE)
    hub.dispatch().run_once()
    hub.clock.forward(minutes=11)
    assert set(warned(hub)) == {"sequencer"}
    assert figures(hub)["wasl_sequencer_lag_seconds"] == 660
    sequencer(hub.gateway).run()
    assert warned(hub) == {}
    assert figures(hub)["wasl_sequencer_lag_seconds"] == 0


def test_people_who_cannot_be_told_are_warned_of(hub: HubUnderTest) -> None:
    now = hub.clock()
    row = NotificationRow(
        key="k", template="mail-waits", channel="email", office=AGENCY_OFFICE, role="r",
        address="a@b.test", language="ar", first_due=now, due_at=now, created_at=now,
    )  # fmt: skip
    with hub.gateway.store.write() as session:
        session.add(row)
    hub.clock.forward(minutes=61)
    assert warned(hub) == {"notifications": "people could not be told since 61 minutes"}
    assert figures(hub)["wasl_notification_lag_seconds"] == 3660
    assert "a@b.test" not in hub.client.get("/health/ready").text


def test_offices_that_are_named_are_bounded_and_the_deepest(hub: HubUnderTest) -> None:
    now = hub.clock()
    offices = {(f"office-{n}", "HELD"): Depth(n, now) for n in range(MOST_OFFICES + 50)}
    registry = CollectorRegistry()
    add_flow(Flow(now, {}, offices, (), None, 0, 0, None, None), registry)
    named = [name for name in read(generate_latest(registry).decode()) if "wasl_office_deliveries" in name]
    assert len(named) == MOST_OFFICES
    assert f"wasl_office_deliveries.office-{MOST_OFFICES + 49}.HELD" in named
    assert "wasl_office_deliveries.office-0.HELD" not in named


def test_clock_that_was_set_back_makes_no_negative_age(hub: HubUnderTest) -> None:
    accept(hub)
    with hub.clock.moved(hours=-2):
        flow = Watch(hub.gateway.store, hub.gateway.ambient).flow()
        assert (flow.due_since, figures(hub)["wasl_oldest_undelivered_seconds"]) == (None, 0)
