"""The operations port tells figures of the evidence and health, and nothing else."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from gateway.bootstrap.evidence import counting, holds, self_check, sequencer
from gateway.cli.process import operations
from gateway.domain.errors import Misconfigured
from gateway.domain.evidence.retention import Retention
from gateway.exchange.operate.figures import Counting
from gateway.store.engine import make_engine
from gateway.store.sessions import Store
from gateway.store.transit.models import DeliveryRow, Message
from gateway.web.operations import Operations, create_operations_app
from tests.support.hub import HubUnderTest
from tests.support.systems import Simulator, accept, fresh_hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator())


def client(hub: HubUnderTest, figures: Counting | None = None) -> FlaskClient:
    figures = figures or counting(hub.gateway)
    return create_operations_app(hub.gateway.services.health, figures, hub.gateway.languages).test_client()


def figures(hub: HubUnderTest, counted: Counting | None = None) -> dict[str, float]:
    """Every figure by its name, with the ledger's name where it has one."""
    answer = client(hub, counted).get("/metrics")
    assert answer.status_code == 200
    return {
        ".".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_figures_of_a_new_hub_say_what_is_known(hub: HubUnderTest) -> None:
    assert figures(hub) == {
        "wasl_ledger_pending": 0,
        "wasl_ledger_untimestamped": 0,
        "wasl_timestamp_lag_seconds": 0,
        "wasl_retention_due": 0,
        "wasl_legal_holds": 0,
        "wasl_payload_objects": 0,
        "wasl_oldest_undelivered_seconds": 0,
        "wasl_overdue_seconds": 0,
        "wasl_workers": 0,
        "wasl_notifications_waiting": 0,
        "wasl_notification_lag_seconds": 0,
        "wasl_sequencer_lag_seconds": 0,
    }


def test_figures_follow_what_happens(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    waiting = figures(hub)["wasl_ledger_pending"]
    assert waiting >= 2
    hub.clock.forward(seconds=61)
    sequencer(hub.gateway).run()
    hub.clock.forward(seconds=9)
    with hub.gateway.store.read() as session:
        message = session.get_one(Message, session.get_one(DeliveryRow, delivery).message)
    holds(hub.gateway).place(message.reference or "", "archivist", "DEMONSTRATION")
    with hub.gateway.store.write() as session:
        session.get_one(DeliveryRow, delivery).state = "FAILED"
    report = self_check(hub.gateway).run()
    hub.clock.forward(seconds=5)
    found = figures(hub)
    assert {
        "wasl_ledger_pending": 0,
        "wasl_ledger_size.real": waiting,
        "wasl_ledger_checkpoint_age_seconds.real": 14,
        "wasl_ledger_untimestamped": 1,
        "wasl_timestamp_lag_seconds": 14,
        "wasl_legal_holds": 1,
        "wasl_payload_objects": 1,
        "wasl_self_check_findings": report.count,
        "wasl_self_check_age_seconds": 5,
    }.items() <= found.items()
    assert report.count > 0
    answer = client(hub).get("/health/ready")
    assert (answer.status_code, set(answer.json["warnings"])) == (200, {"evidence", "readers"})


def test_what_counts_all_letters_is_counted_once_an_hour(hub: HubUnderTest) -> None:
    soon = replace(counting(hub.gateway).purge, retention=Retention.of((), 1))
    counted = Counting(hub.gateway.store, soon, hub.gateway.ambient)
    before = figures(hub, counted)
    accept(hub)
    hub.dispatch().run_once()
    with hub.clock.moved(minutes=59):
        assert figures(hub, counted)["wasl_payload_objects"] == before["wasl_payload_objects"]
    with hub.clock.moved(days=2):
        after = figures(hub, counted)
    assert after["wasl_payload_objects"] == before["wasl_payload_objects"] + 1
    assert (before["wasl_retention_due"], after["wasl_retention_due"]) == (0, 1)


def test_figures_name_nobody(hub: HubUnderTest) -> None:
    accept(hub)
    text = client(hub).get("/metrics").text
    labels = {label for found in re.findall(r"\{([^}]*)\}", text) for label in found.split(",")}
    public = re.compile(
        r'ledger="(real|test)"|lane="(single|bulk)"|state="[A-Z_]+"|office="B[0-9]{7}-[0-9A-Z]"'
    )
    assert [label for label in labels if not public.fullmatch(label)] == []
    assert not re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{3}|[0-9a-f]{32}", text)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/api/v1/envelopes", 404),
        ("POST", "/metrics", 405),
        ("GET", "/health/live", 200),
    ],
)
def test_nothing_else_is_offered(hub: HubUnderTest, method: str, path: str, status: int) -> None:
    assert client(hub).open(path, method=method).status_code == status


def test_without_the_database_there_are_no_figures_and_no_details(hub: HubUnderTest) -> None:
    gone = Store(make_engine(f"sqlite:///{hub.home}/gone/none.sqlite3", None))
    answer = client(hub, replace(counting(hub.gateway), store=gone)).get("/metrics")
    assert (answer.status_code, answer.json["code"]) == (503, "WASL-HUB-002")
    assert "none.sqlite3" not in answer.text


def test_the_port_is_served_while_the_worker_runs_and_a_silent_caller_blocks_nobody(
    hub: HubUnderTest,
) -> None:
    app = create_operations_app(hub.gateway.services.health, counting(hub.gateway), hub.gateway.languages)
    with Operations(app, "127.0.0.1", 0) as served:
        port = served.port
        silent = socket.create_connection(("127.0.0.1", port))
        with silent, urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert b"wasl_legal_holds" in answer.read()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_port_zero_offers_nothing_and_a_taken_port_is_told(tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path / "off", Simulator())
    with operations(hub.gateway) as offered:
        assert offered is None
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        hub = fresh_hub(tmp_path / "on", Simulator(), WASL_WEB_OPERATIONS_PORT=str(port))
        with pytest.raises(Misconfigured, match=f"web.operations_port: port {port}"):
            operations(hub.gateway)


def test_every_route_of_the_port_declares_that_it_is_public(hub: HubUnderTest) -> None:
    app = create_operations_app(hub.gateway.services.health, counting(hub.gateway), hub.gateway.languages)
    declared = {
        str(rule): getattr(app.view_functions[rule.endpoint], "authentication", None)
        for rule in app.url_map.iter_rules()
    }
    assert declared == {"/metrics": "public", "/health/live": "public", "/health/ready": "public"}
