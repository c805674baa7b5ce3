"""Whatever is killed whenever: what was accepted is delivered, once, and nothing else is."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from gateway.domain.transit.envelope import Recipient
from gateway.store.transit import queries
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest, SignedLetter
from tests.support.systems import Simulator, attempts, events, fresh_hub, receipts, row

# one after the other: they wait for processes
ROOT = Path(__file__).parents[2]
COMMUNE = ROOT / "examples/systems/commune_rest"
KEY = "key-of-the-test"
PATIENCE_S = 60
LEASE_S = 3


def until(what: str, met: Callable[[], Any]) -> Any:
    """What ``met`` gives once it is true."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = met()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail(f"waited too long: {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answer_of(url: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except (urllib.error.URLError, ConnectionError):
        return 0, b""


@dataclass
class Town:
    """A hub's processes over one home, a foreign system, and a sender."""

    folder: Path
    hub: HubUnderTest
    web_port: int
    environment: dict[str, str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "processes.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def serve(self) -> subprocess.Popen[bytes]:
        process = self.start("-m", "gateway", "serve")
        until("the hub", lambda: answer_of(f"{self.url}/health/live")[0] == 200)
        return process

    def work(self) -> subprocess.Popen[bytes]:
        return self.start("-m", "gateway", "worker")

    def commune(self, port: int, *flags: str) -> subprocess.Popen[bytes]:
        data = str(self.folder / "commune")
        process = self.start(str(COMMUNE / "server.py"), "--port", str(port), "--data", data, *flags)
        until("the commune", lambda: answer_of(f"http://127.0.0.1:{port}/")[0] == 200)
        return process

    def send(self, letter: SignedLetter) -> tuple[int, bytes]:
        return answer_of(f"{self.url}/api/v1/envelopes", letter.root, **{"Content-Type": letter.media_type})

    def delivery(self, message_id: str) -> str:
        with self.hub.gateway.store.read() as session:
            accepted = queries.accepted_by_id(session, self.hub.envelope().sender.party, message_id)
            assert accepted is not None
            [delivery] = queries.deliveries(session, accepted.id)
            return delivery.id


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL for a process and all that it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE_S)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    hub = fresh_hub(tmp_path / "home", Simulator())
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WASL_")},
        "COMMUNE_CLE": KEY,
        "WASL_HOME": str(hub.home),
        "WASL_WEB_PORT": str(port),
        "WASL_WEB_PROCESSES": "1",
        "WASL_HUB_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WASL_OUTGOING_ALLOW": "127.0.0.1",
        "WASL_OUTGOING_TOTAL_SECONDS": "2",
        "WASL_OUTGOING_CONNECT_SECONDS": "1",
        "WASL_WORKER_LEASE_SECONDS": str(LEASE_S),
        "WASL_WORKER_POLL_SECONDS": "0.05",
        "WASL_RETRY_FIRST_SECONDS": "0.2",
        "WASL_RETRY_CAP_SECONDS": "1",
        "WASL_SECRET_COMMUNE_KEY": KEY,
    }
    town = Town(tmp_path, hub, port, environment)
    try:
        yield town
    finally:
        for process in town.running:
            if process.poll() is None:
                kill(process)


def route_to(town: Town, url: str) -> None:
    options = tomllib.loads((COMMUNE / "route.toml").read_text("utf-8"))
    options["base_url"] = url
    office = next(one for one in town.hub.gateway.registry.export()["office"] if one["id"] == COMMUNE_OFFICE)
    route = {"kind": "adapter", "adapter": "rest", "options": options}
    town.hub.apply({"office": [{**office, "route": route}]})


def letters(town: Town, count: int) -> dict[str, SignedLetter]:
    """Signed letters to the commune by message id."""
    commune = (Recipient(office=COMMUNE_OFFICE),)
    made = [town.hub.envelope(recipients=commune, document_type=None) for _ in range(count)]
    return {envelope.message_id: town.hub.signed(envelope) for envelope in made}


def registered(port: int) -> list[str]:
    """The external references that the commune has registered, sorted."""
    status, body = answer_of(f"http://127.0.0.1:{port}/api/v2/dossiers", **{"X-Api-Key": KEY})
    assert status == 200
    return sorted(one["ref_externe"] for one in json.loads(body)["dossiers"] if one["etat"] == "enregistre")


def test_what_was_accepted_before_a_kill_is_delivered_once_and_nothing_else(town: Town) -> None:
    port = free_port()
    route_to(town, f"http://127.0.0.1:{port}/api/v2")
    hub = town.serve()
    first = letters(town, 2)
    answers = {name: town.send(letter) for name, letter in first.items()}
    assert {status for status, _ in answers.values()} == {201}

    under_way = letters(town, 8)
    sending = Thread(target=lambda: [town.send(letter) for letter in under_way.values()])
    sending.start()
    kill(hub)
    sending.join(PATIENCE_S)

    town.serve()
    for name, letter in first.items():
        assert town.send(letter) == (200, answers[name][1])
    # the sender that got no answer repeats, and has it afterwards, whatever became of the first try
    repeated = {name: town.send(letter) for name, letter in under_way.items()}
    assert {status for status, _ in repeated.values()} <= {200, 201}

    town.commune(port)
    town.work()
    every = {name: town.delivery(name) for name in first | under_way}
    until("ten folders", lambda: len(registered(port)) >= 10)
    until("ten receipts", lambda: all(row(town.hub, one).state == "HANDED_OVER" for one in every.values()))
    assert registered(port) == sorted(every.values())


def test_a_worker_killed_between_claim_and_sending_loses_nothing(town: Town) -> None:
    port = free_port()
    route_to(town, f"http://127.0.0.1:{port}/api/v2")
    hub, worker = town.serve(), town.work()
    made = letters(town, 3)
    for letter in made.values():
        assert town.send(letter)[0] == 201
    every = [town.delivery(name) for name in made]
    until("an attempt", lambda: any(row(town.hub, one).attempts for one in every))
    kill(worker)
    kill(hub)
    town.commune(port)
    town.work()
    until("handed over", lambda: all(row(town.hub, one).state == "HANDED_OVER" for one in every))
    assert registered(port) == sorted(every)
    for one in every:
        assert sum(receipt.outcome is not None for receipt in receipts(town.hub, one)) == 1


def test_an_answer_cut_off_after_the_letter_was_registered_makes_no_second_one(town: Town) -> None:
    port = free_port()
    route_to(town, f"http://127.0.0.1:{port}/api/v2")
    town.serve()
    town.commune(port, "--cut-every", "1")
    town.work()
    made = letters(town, 2)
    for letter in made.values():
        assert town.send(letter)[0] == 201
    every = [town.delivery(name) for name in made]
    until("handed over", lambda: all(row(town.hub, one).state == "HANDED_OVER" for one in every))
    assert registered(port) == sorted(every)
    assert [attempt.code for one in every for attempt in attempts(town.hub, one)] == [
        "WASL-DLV-004",
        None,
    ] * 2


class _Slow:
    """Passes requests on to the commune and keeps every confirmation's answer until told to go on."""

    def __init__(self, commune: int) -> None:
        self.confirmed, self.go_on = Event(), Event()
        slow = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self._pass_on(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

            def do_GET(self) -> None:
                self._pass_on(None)

            def _pass_on(self, body: bytes | None) -> None:
                headers = {
                    name: self.headers[name]
                    for name in ("X-Api-Key", "Content-Type", "Idempotency-Key")
                    if self.headers[name]
                }
                status, answer = answer_of(f"http://127.0.0.1:{commune}{self.path}", body, **headers)
                if self.path.endswith("/valider") and not slow.go_on.is_set():
                    slow.confirmed.set()
                    slow.go_on.wait(PATIENCE_S)
                    return
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]

    def __enter__(self) -> _Slow:
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()


def test_a_worker_killed_while_the_system_registers_makes_no_second_letter(town: Town) -> None:
    port = free_port()
    town.commune(port)
    with _Slow(port) as slow:
        route_to(town, f"http://127.0.0.1:{slow.port}/api/v2")
        town.serve()
        worker = town.work()
        [(name, letter)] = letters(town, 1).items()
        assert town.send(letter)[0] == 201
        delivery = town.delivery(name)
        assert slow.confirmed.wait(PATIENCE_S)
        kill(worker)
        assert registered(port) == [delivery]
        assert row(town.hub, delivery).state == "DELIVERING"
        slow.go_on.set()
        town.work()
        until("handed over", lambda: row(town.hub, delivery).state == "HANDED_OVER")
    assert registered(port) == [delivery]
    found = row(town.hub, delivery)
    assert (found.attempts, found.register_number is not None) == (2, True)
    assert [event.why for event in events(town.hub, delivery) if event.why] == ["WASL-DLV-010"]
