"""A route's pace holds in sum over several worker processes, as the recipient's system sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

from sqlalchemy import func, select

from gateway.exchange.operate.flow import Watch
from gateway.store.transit.models import DeliveryEvent, DeliveryRow
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, fresh_hub, route_of_commune
from tests.support.world import copies

PER_MINUTE, LETTERS = 120, 24
PER_SECOND = PER_MINUTE / 60
AT_ONCE = 2 * PER_SECOND
"""So many may go at once: the letters of two seconds (`gateway.domain.transit.pace`)."""
BUSY_S = 0.55
"""So long the system takes for each letter: one worker with one place cannot keep the pace alone."""
SLACK_S = 1.5
"""Between a worker's claim and the arrival, which is longer for one letter than for the next."""
PATIENCE_S = 120.0


class Target:
    """A recipient's system that stamps arrivals and knows who asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.arrivals: list[tuple[float, str]] = []
        self._lock = Lock()

    def arrived(self, key: str) -> None:
        with self._lock:
            self.arrivals.append((time.monotonic(), key))


@contextmanager
def target() -> Iterator[Target]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.arrived(self.headers["Idempotency-Key"])
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(BUSY_S)
            body = json.dumps({"id": f"C-{len(made.arrivals)}"}).encode()
            self.send_response(201)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Target(f"http://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def worker(hub: HubUnderTest, folder: Path, number: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process of `wasl worker` at the hub's home, with one place; it ends as it should."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("WASL_", "COV_"))},
        "WASL_HOME": str(hub.home),
        "WASL_DATABASE_URL": hub.gateway.settings.database.url,
        "WASL_OUTGOING_ALLOW": "127.0.0.1",
        "WASL_WORKER_THREADS": "1",
        "WASL_WORKER_POLL_SECONDS": "0.1",
        "WASL_WEB_OPERATIONS_PORT": "0",
    }
    with (folder / f"worker-{number}.log").open("wb") as log:
        command = [sys.executable, "-m", "gateway", "worker"]
        with subprocess.Popen(command, env=environment, stdout=log, stderr=log) as running:
            try:
                yield running
            finally:
                running.send_signal(signal.SIGTERM)
                ended = running.wait(PATIENCE_S)
    assert ended == 0


def until(what: Callable[[], bool], folder: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end, [one.read_text() for one in sorted(folder.glob("worker-*.log"))]
        time.sleep(0.05)


def delivered(hub: HubUnderTest) -> int:
    with hub.gateway.store.read() as session:
        query = select(func.count()).select_from(DeliveryRow).where(DeliveryRow.state == "HANDED_OVER")
        return session.scalar(query) or 0


def workers_of(hub: HubUnderTest) -> set[str]:
    """Who took letters."""
    with hub.gateway.store.read() as session:
        query = select(DeliveryEvent.by).where(DeliveryEvent.now == "DELIVERING").distinct()
        return set(session.scalars(query))


def test_two_processes_keep_one_pace(tmp_path: Path, shape: Shape) -> None:
    hub = fresh_hub(tmp_path / "home", Simulator())
    watch = Watch(hub.gateway.store, hub.gateway.ambient)
    with target() as system, ExitStack() as running:
        options = {
            "base_url": system.url,
            "idempotency_header": "Idempotency-Key",
            "create": {
                "path": "/letters",
                "body": {"subject": "envelope.subject"},
                "reads": {"target_reference": "id"},
            },
        }
        route_of_commune(hub, adapter="rest", options=options, per_minute=PER_MINUTE, paused=True)
        [first] = accept(hub)
        copies(hub, first, COMMUNE_OFFICE, LETTERS - 1)
        for number in (1, 2):
            running.enter_context(worker(hub, tmp_path, number))

        def both_there() -> bool:
            hub.clock.moment = datetime.now(UTC)
            return watch.flow().workers == 2

        until(both_there, tmp_path)
        assert system.arrivals == []
        hub.gateway.registry.pause(COMMUNE_OFFICE, False, "operator")
        until(lambda: delivered(hub) == LETTERS, tmp_path)
    assert len(workers_of(hub)) == 2
    assert len({key for _, key in system.arrivals}) == len(system.arrivals) == LETTERS
    moments = sorted(moment for moment, _ in system.arrivals)
    for place, begin in enumerate(moments):
        for count, end in enumerate(moments[place:], 1):  # every window, not only one of a minute
            assert count <= AT_ONCE + PER_SECOND * (end - begin + SLACK_S) + 1, (place, count, end - begin)
    assert moments[-1] - moments[0] >= (LETTERS - AT_ONCE) / PER_SECOND - SLACK_S
