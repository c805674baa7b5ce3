"""What health, metrics and the examination say is what was set up, to the letter and to the second."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.bootstrap.evidence import counting, sequencer, stamping
from gateway.bootstrap.telling import presence
from gateway.cli.doctor import _checks
from gateway.domain.errors import Ambiguous, Temporary
from gateway.domain.transit.envelope import Lane
from gateway.exchange.operate.doctor import examine
from gateway.web.operations import create_operations_app
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, MINISTRY_OFFICE, HubUnderTest
from tests.support.shapes import Shape
from tests.support.systems import TAKEN, Simulator, accept, fresh_hub

BUSY = Temporary("WASL-DLV-002", "HTTP 503")
CUT = Ambiguous("WASL-DLV-004", "the connection broke")
DELIVERED, HELD, LAID, GROWN, FAILED, LATER, NOW = (0, 100, 150, 160, 175, 195, 1095)
"""What happens at which second."""


class Day:
    """The hub's first minutes, and the figures that must come of them."""

    def __init__(self, hub: HubUnderTest, system: Simulator) -> None:
        self.hub, self.start = hub, hub.clock()
        system.script += [TAKEN, CUT, BUSY, BUSY, BUSY, BUSY]
        self.send(DELIVERED, COMMUNE_OFFICE)
        self.send(HELD, COMMUNE_OFFICE)
        self.send(LAID, MINISTRY_OFFICE, lane=Lane.BULK, count=2)
        self.send(LAID, AGENCY_OFFICE)
        self.at(GROWN)
        sequencer(hub.gateway).run()
        self.send(FAILED, COMMUNE_OFFICE, count=4)
        self.send(LATER, COMMUNE_OFFICE, work=False)
        self.send(LATER, COMMUNE_OFFICE, lane=Lane.BULK, work=False)
        self.at(NOW)
        presence(hub.gateway, "worker-1").beat()

    def at(self, second: int) -> datetime:
        self.hub.clock.moment = self.start + timedelta(seconds=second)
        return self.hub.clock.moment

    def when(self, second: int) -> str:
        return (self.start + timedelta(seconds=second)).isoformat(timespec="seconds")

    def send(
        self, second: int, office: str, lane: Lane = Lane.SINGLE, count: int = 1, work: bool = True
    ) -> None:
        self.at(second)
        for _ in range(count):
            accept(self.hub, office, lane=lane)
        if work:
            self.hub.dispatch().run_once(100)


@pytest.fixture
def day(tmp_path: Path, shape: Shape) -> Day:
    system = Simulator()
    return Day(fresh_hub(tmp_path, system, WASL_TIMESTAMPS_LARGEST_LAG_HOURS="0.25"), system)


def figures(hub: HubUnderTest, *beginnings: str) -> dict[str, float]:
    """Every figure whose name begins so, by the rest of its name and the values of its labels."""
    app = create_operations_app(hub.gateway.services.health, counting(hub.gateway), hub.gateway.languages)
    text = app.test_client().get("/metrics").text
    named = {
        ".".join((sample.name, *sample.labels.values())).removeprefix("wasl_"): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    return {name: value for name, value in named.items() if name.startswith(beginnings)}


def said(hub: HubUnderTest, *checks: str) -> Iterator[tuple[str, str, str]]:
    for one in examine(_checks(hub.gateway)):
        if one.check in checks:
            yield one.check, one.mark.value, one.said


def test_metrics_tell_depth_and_age_of_every_lane_and_office(day: Day) -> None:
    assert figures(day.hub, "lane_") == {
        "lane_deliveries.single.HELD": 1,
        "lane_oldest_seconds.single.HELD": NOW - HELD,
        "lane_deliveries.bulk.AVAILABLE": 2,
        "lane_oldest_seconds.bulk.AVAILABLE": NOW - LAID,
        "lane_deliveries.single.AVAILABLE": 1,
        "lane_oldest_seconds.single.AVAILABLE": NOW - LAID,
        "lane_deliveries.single.WAITING": 4,
        "lane_oldest_seconds.single.WAITING": NOW - FAILED,
        "lane_deliveries.single.QUEUED": 1,
        "lane_oldest_seconds.single.QUEUED": NOW - LATER,
        "lane_deliveries.bulk.QUEUED": 1,
        "lane_oldest_seconds.bulk.QUEUED": NOW - LATER,
    }
    assert figures(day.hub, "office_") == {
        f"office_deliveries.{COMMUNE_OFFICE}.HELD": 1,
        f"office_oldest_seconds.{COMMUNE_OFFICE}.HELD": NOW - HELD,
        f"office_deliveries.{COMMUNE_OFFICE}.WAITING": 4,
        f"office_oldest_seconds.{COMMUNE_OFFICE}.WAITING": NOW - FAILED,
        f"office_deliveries.{COMMUNE_OFFICE}.QUEUED": 2,
        f"office_oldest_seconds.{COMMUNE_OFFICE}.QUEUED": NOW - LATER,
        f"office_deliveries.{MINISTRY_OFFICE}.AVAILABLE": 2,
        f"office_oldest_seconds.{MINISTRY_OFFICE}.AVAILABLE": NOW - LAID,
        f"office_deliveries.{AGENCY_OFFICE}.AVAILABLE": 1,
        f"office_oldest_seconds.{AGENCY_OFFICE}.AVAILABLE": NOW - LAID,
    }


def test_metrics_tell_each_route_and_the_lags(day: Day) -> None:
    assert figures(day.hub, "route_") == {
        f"route_breaker.{COMMUNE_OFFICE}": 2,
        f"route_paused.{COMMUNE_OFFICE}": 0,
        f"route_last_success_seconds.{COMMUNE_OFFICE}": NOW - DELIVERED,
        f"route_breaker.{MINISTRY_OFFICE}": 0,
        f"route_paused.{MINISTRY_OFFICE}": 0,
        f"route_last_success_seconds.{MINISTRY_OFFICE}": NOW - LAID,
        f"route_breaker.{AGENCY_OFFICE}": 0,
        f"route_paused.{AGENCY_OFFICE}": 0,
        f"route_last_success_seconds.{AGENCY_OFFICE}": NOW - LAID,
    }
    assert figures(
        day.hub, "oldest_", "overdue_", "sequencer_", "timestamp_", "workers", "ledger_checkp"
    ) == {
        "oldest_undelivered_seconds": NOW - HELD,
        "overdue_seconds": NOW - LATER,
        "sequencer_lag_seconds": NOW - FAILED,
        "timestamp_lag_seconds": NOW - GROWN,
        "ledger_checkpoint_age_seconds.real": NOW - GROWN,
        "workers": 1,
    }


def test_readiness_warns_of_what_is_late_and_says_since_when(day: Day) -> None:
    answer = day.hub.client.get("/health/ready")
    assert set(answer.json["checks"].values()) == {"ok"}
    warned = {name: text for name, text in answer.json["warnings"].items() if name != "readers"}
    assert set(warned) == {"deliveries", "sequencer", "timestamps"}
    assert warned["deliveries"] == "letters are due since 15 minutes and nobody delivers them"
    assert warned["sequencer"] == "receipts wait for the ledger since 15 minutes"
    with day.hub.clock.moved(seconds=-200):  # 895 seconds after the checkpoint, of 900 that are allowed
        assert "timestamps" not in day.hub.gateway.services.health.warnings()


def test_what_was_late_and_is_made_good_is_told_no_more(day: Day) -> None:
    sequencer(day.hub.gateway).run()
    stamping(day.hub.gateway).run()
    day.hub.dispatch().run_once(100)
    found = figures(day.hub, "sequencer_", "timestamp_", "overdue_")
    assert found["timestamp_lag_seconds"] == 0
    assert found["overdue_seconds"] == 0
    assert set(day.hub.gateway.services.health.warnings()) == {"readers"}


def test_the_examination_says_the_same_in_words(day: Day) -> None:
    checks = ("timestamps", "sequencer", "workers", "routes", "deliveries", "deepest offices")
    assert list(said(day.hub, *checks)) == [
        ("timestamps", "look", day.hub.gateway.services.health.warnings()["timestamps"]),
        ("deliveries", "look", "letters are due since 15 minutes and nobody delivers them"),
        ("sequencer", "look", "receipts wait for the ledger since 15 minutes"),
        ("workers", "good", "1 alive"),
        (
            "routes",
            "look",
            f"{COMMUNE_OFFICE}: fails since {day.when(HELD)} and is left alone for now;"
            f" last answer {day.when(DELIVERED)}",
        ),
        ("deliveries", "good", f"bulk AVAILABLE: 2, the oldest accepted {day.when(LAID)}"),
        ("deliveries", "good", f"bulk QUEUED: 1, the oldest accepted {day.when(LATER)}"),
        ("deliveries", "good", f"single AVAILABLE: 1, the oldest accepted {day.when(LAID)}"),
        ("deliveries", "look", f"single HELD: 1, the oldest accepted {day.when(HELD)}"),
        ("deliveries", "good", f"single QUEUED: 1, the oldest accepted {day.when(LATER)}"),
        ("deliveries", "good", f"single WAITING: 4, the oldest accepted {day.when(FAILED)}"),
        ("deepest offices", "good", f"{COMMUNE_OFFICE} WAITING: 4, the oldest accepted {day.when(FAILED)}"),
        ("deepest offices", "good", f"{MINISTRY_OFFICE} AVAILABLE: 2, the oldest accepted {day.when(LAID)}"),
        ("deepest offices", "good", f"{COMMUNE_OFFICE} QUEUED: 2, the oldest accepted {day.when(LATER)}"),
        ("deepest offices", "good", f"{COMMUNE_OFFICE} HELD: 1, the oldest accepted {day.when(HELD)}"),
        ("deepest offices", "good", f"{AGENCY_OFFICE} AVAILABLE: 1, the oldest accepted {day.when(LAID)}"),
    ]
