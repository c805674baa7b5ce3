"""A letter delivered without a number gets it later from the demonstration's commune, which really runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from gateway.bootstrap.news import polling
from gateway.domain.evidence.receipt import Event
from tests.integration.test_adapters_contract import ready_line
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest
from tests.support.live import Running, _Silent, free_port
from tests.support.systems import Simulator, accept, fresh_hub, receipts, row

SYSTEM = Path(__file__).parents[2] / "examples/systems/commune_rest"
KEY, REPORT_KEY = "cle-de-test-0001", "rapport-de-test-0001"


@dataclass(frozen=True)
class Town:
    """A hub that listens, and the commune's system beside it."""

    hub: HubUnderTest
    system: str

    def agent(self, key: str, act: str) -> dict[str, Any]:
        """What an agent of the commune does with a folder."""
        call = urllib.request.Request(
            f"{self.system}/api/v2/dossiers/{key}/{act}", b"", {"X-Api-Key": KEY}, method="POST"
        )
        with urllib.request.urlopen(call, timeout=20) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def delivered(self) -> tuple[str, str]:
        """A letter that the commune took without a number, and what it calls it."""
        [delivery] = accept(self.hub, COMMUNE_OFFICE, subject="طلب رخصة بناء", body="نص تجريبي.")
        self.hub.dispatch().run_once(100)
        found = row(self.hub, delivery)
        assert (found.state, found.register_number) == ("HANDED_OVER", None)
        assert found.target_reference is not None
        return delivery, found.target_reference


@contextmanager
def commune(folder: Path, report_to: str) -> Iterator[str]:
    flags = ["--port", "0", "--data", str(folder), "--agent", "--rapport", report_to]
    environment = {**os.environ, "COMMUNE_CLE": KEY, "COMMUNE_RAPPORT_CLE": REPORT_KEY}
    command = [sys.executable, str(SYSTEM / "server.py"), *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        try:
            yield ready_line(running).split()[-1].rstrip("/")
        finally:
            running.terminate()
            running.wait(10)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder, port = tmp_path_factory.mktemp("town"), free_port()
    hub = fresh_hub(folder / "hub", Simulator(), Running(), WASL_OUTGOING_ALLOW="127.0.0.1")
    secrets = hub.home / "secrets"
    secrets.mkdir(exist_ok=True)
    (secrets / "commune-key").write_text(KEY)
    (secrets / "commune-report").write_text(REPORT_KEY)
    server = make_server("127.0.0.1", port, hub.app, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.05))
    thread.start()
    report_to = f"http://127.0.0.1:{port}/api/v1/offices/{COMMUNE_OFFICE}/reports"
    try:
        with commune(folder / "commune", report_to) as system:
            options = {
                **tomllib.loads((SYSTEM / "route.toml").read_text("utf-8")),
                **tomllib.loads((SYSTEM / "later.toml").read_text("utf-8")),
                "base_url": f"{system}/api/v2",
            }
            office = next(
                one for one in hub.gateway.registry.export()["office"] if one["id"] == COMMUNE_OFFICE
            )
            route = {"kind": "adapter", "adapter": "rest", "options": options}
            types = {"request": "GENERAL"}
            hub.apply({"office": [{**office, "document_types": types, "route": route}]})
            yield Town(hub, system)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_number_comes_by_the_communes_own_call(town: Town) -> None:
    delivery, key = town.delivered()
    done = town.agent(key, "numeroter")
    assert done["rapport"] == 200
    registered = [one for one in receipts(town.hub, delivery) if one.event is Event.REGISTERED]
    assert registered[0].registered is not None
    assert registered[0].registered.number == done["dossier"]["numero"]
    assert town.agent(key, "numeroter")["rapport"] == 200
    assert town.agent(key, "clore")["rapport"] == 200
    assert row(town.hub, delivery).processing == "CLOSED"
    kinds = [one.kind.value for one in receipts(town.hub, delivery) if one.kind.value != "time limit"]
    assert kinds == ["delivery", "registration", "progress"]


def test_the_number_comes_by_asking(town: Town) -> None:
    delivery, key = town.delivered()
    turns = polling(town.hub.gateway, "worker-1")
    assert turns.run_once() == 1
    assert row(town.hub, delivery).register_number is None
    number = number_without_telling(town, key)
    due_again(town.hub, delivery)
    assert polling(town.hub.gateway, "worker-1").run_once() == 1
    assert row(town.hub, delivery).register_number == number
    feed = town.hub.get("/api/v1/events?limit=100").json["events"]
    mine = [one["kind"] for one in feed if one["delivery"] == delivery]
    assert [kind for kind in mine if kind != "time limit"] == ["delivery", "registration"]


def number_without_telling(town: Town, key: str) -> str:
    """The agent gives a number while the hub cannot be called."""
    secret = town.hub.home / "secrets" / "commune-report"
    secret.write_text("another-key-for-a-while")
    done = town.agent(key, "numeroter")
    secret.write_text(REPORT_KEY)
    assert done["rapport"] == 401
    return str(done["dossier"]["numero"])


def due_again(hub: HubUnderTest, delivery: str) -> None:
    """As if the waits of the letter and of its route were over."""
    from gateway.store.transit import news_queries

    with hub.gateway.store.write() as session:
        news_queries.locked(session, COMMUNE_OFFICE, hub.clock()).due_at = hub.clock()
        news_queries.put_off(session, delivery, hub.clock(), 1)
