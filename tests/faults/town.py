"""A hub's real processes over one home, the recipients' systems around it, and ways to make them fail."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.identifiers import directory_id
from tests.faults import killed, target
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, MINISTRY_OFFICE, HubUnderTest, make_hub
from tests.support.shapes import Shape
from tests.support.systems import ROUTES, Simulator
from tools.services import NotStarted, ObjectStore, PostgreSQL, RabbitMQ

ROOT = Path(__file__).parents[2]
PATIENCE_S = 90
LEASE_S = 10  # more than a slow machine lets a living worker wait for its turn
REPEATS, FINDS, NOTHING = (directory_id("B", 2000 + number) for number in range(3))
OFFICE, INBOX = AGENCY_OFFICE, MINISTRY_OFFICE
STORES = {REPEATS: "repeats", FINDS: "finds", NOTHING: "nothing"}


def until(what: str, met: Callable[[], Any], seconds: float = PATIENCE_S) -> Any:
    """What ``met`` gives once it is true."""
    end = time.monotonic() + seconds
    while True:
        found = met()
        if found:
            return found
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:.0f} s: {what}")
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass
class Clock:
    """The real clock, as wrong as the hub's processes are told that it is."""

    folder: Path
    skew: float = 0.0

    def __call__(self) -> datetime:
        return (datetime.now(UTC) + timedelta(seconds=self.skew)).replace(microsecond=0)

    def jump(self, seconds: float) -> None:
        """Let every process's clock jump, forward or back."""
        self.skew += seconds
        fresh = self.folder / "clock.new"
        fresh.write_text(str(self.skew))
        fresh.rename(self.folder / "clock")


class Process:
    """A child of the nursery, as `subprocess.Popen` would show it; ``status`` is None while it lives."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.status: int | None = None
        self.ended = threading.Event()

    def kill(self) -> None:
        """SIGKILL for it and all that it started."""
        self.signal(signal.SIGKILL)
        self.wait()

    def signal(self, number: int, group: bool = True) -> None:
        if self.status is None:
            try:
                (os.killpg if group else os.kill)(self.pid, number)
            except ProcessLookupError:
                return

    def wait(self, seconds: float = PATIENCE_S) -> int:
        if not self.ended.wait(seconds):
            pytest.fail(f"process {self.pid} did not end within {seconds:.0f} s")
        assert self.status is not None
        return self.status


class Nursery:
    """Bears processes that have everything loaded: a start costs a tenth of a second instead of three.

    Args:
        environment: of a hub that is there.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._error = (folder / "nursery.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.killed", "--nursery"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._error,
            env=dict(environment),
            start_new_session=True,  # whoever interrupts the tests leaves it the time to end its children
        )
        self._one_at_a_time = threading.Lock()
        self._born: list[Process] = []
        self._news = threading.Condition()
        self.children: dict[int, Process] = {}
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def bear(self, arguments: list[str], environment: Mapping[str, str], out: Path, err: Path) -> Process:
        order = {
            "arguments": arguments,
            "environment": dict(environment),
            "out": str(out),
            "err": str(err),
        }
        assert self._process.stdin is not None
        with self._one_at_a_time, self._news:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            assert self._news.wait_for(lambda: self._born, PATIENCE_S), "the nursery is dead"
            return self._born.pop()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            with self._news:
                if "born" in told:
                    process = Process(told["born"])
                    self.children[process.pid] = process
                    self._born.append(process)
                    self._news.notify_all()
                elif told["dead"] in self.children:
                    process = self.children.pop(told["dead"])
                    process.status = told["status"]
                    process.ended.set()

    def close(self) -> None:
        """End it and its children; nothing of it stays open, however a scenario ended."""
        for child in list(self.children.values()):
            child.signal(signal.SIGKILL)
        with self._error, self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._listener.join()  # it reads to the end, before the pipe is closed under it


@dataclass
class Town:
    """Everything that scenarios share.

    Attributes:
        environment: of every process of the hub.
        port: on which the hub serves, unless a scenario starts more.
        elsewhere: stores, by office, of systems that are not the target.
    """

    folder: Path
    shape: Shape
    hub: HubUnderTest
    clock: Clock
    target: target.Target
    nursery: Nursery
    environment: dict[str, str]
    port: int
    services: Services | None = None
    web: Process | None = None
    workers: list[Process] = field(default_factory=list)
    counter: int = 0
    elsewhere: dict[str, str] = field(default_factory=dict)

    # processes

    def start(self, *arguments: str, **environment: str) -> Process:
        log = self.folder / "processes.log"
        return self.nursery.bear(list(arguments), {**self.environment, **environment}, log, log)

    def command(self, *arguments: str, expect: int | None = 0) -> str:
        """What a command of the operator says."""
        process, out = self.begin(*arguments)
        status = process.wait()
        assert expect is None or status == expect, f"{arguments} ended with {status}: {self.last_words()}"
        return out.read_text("utf-8")

    def begin(self, *arguments: str) -> tuple[Process, Path]:
        self.counter += 1
        out = self.folder / f"command-{self.counter}.out"
        return self.nursery.bear(list(arguments), self.environment, out, self.folder / "processes.log"), out

    def serve(self, port: int | None = None, **environment: str) -> Process:
        """A web process, ready."""
        port = port or self.port
        # the first process of those that were killed here is gone, others may hold the port a moment longer
        until("the port is free", lambda: _is_free(port))
        process = self.start("serve", WASL_WEB_PORT=str(port), **environment)
        until("the hub serves", lambda: self.lives(port) or process.status is not None)
        assert process.status is None, self.last_words()
        if port == self.port:
            self.web = process
        return process

    def lives(self, port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=10) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def work(self, **environment: str) -> Process:
        process = self.start("worker", **environment)
        self.workers.append(process)
        return process

    def rest(self) -> None:
        """Let no worker work: SIGTERM, and each finishes what it sends."""
        for process in self.workers:
            process.signal(signal.SIGTERM)
        for process in self.workers:
            process.wait()
        self.workers.clear()

    def stop(self) -> None:
        """Let nothing of the hub run."""
        for process in list(self.nursery.children.values()):
            process.kill()
        self.workers.clear()
        self.web = None

    def at_work(self) -> None:
        """One worker at least, and the hub serves; leases of the dead run out when nobody lives."""
        alive = [one for one in self.workers if one.status is None]
        if self.workers and not alive:
            self.clock.jump(LEASE_S + 1)
        self.workers = alive
        if not self.workers:
            self.work()
        if self.web is None or self.web.status is not None:
            self.serve()

    def last_words(self) -> str:
        """The end of what the hub's processes said, but for a scheduler's complaints of being late."""
        path = self.folder / "processes.log"
        lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
        return "\n".join(line for line in lines[-400:] if "skipped: maximum number" not in line)[-3000:]

    # points

    def arm(self, point: str, nth: int = 1) -> None:
        """The next process that comes there for the ``nth`` time dies."""
        path = self.folder / "fuses" / f".{point}"
        path.write_text(str(nth))
        path.rename(self.folder / "fuses" / point)

    def disarm(self) -> None:
        """Nobody dies any more, wherever a fuse still burns."""
        for fuse in (self.folder / "fuses").iterdir():
            fuse.unlink(missing_ok=True)

    def struck(self, point: str) -> bool:
        """Whether somebody died there since `arm`."""
        return not (self.folder / "fuses" / point).exists()

    def wait_for_death(self, point: str) -> None:
        """Wait until somebody died at the point; it must be its own hand that did it."""

        def dead() -> bool:
            self.at_work()
            return self.struck(point)

        until(f"somebody dies at {point}", dead)
        assert (self.folder / "spent" / point).exists()
        (self.folder / "spent" / point).unlink()

    def dies(self, point: str, *command: str) -> None:
        """Run a command that kills itself at the point."""
        self.arm(point)
        process, out = self.begin(*command)
        assert process.wait() == -signal.SIGKILL, f"{command} lived: {out.read_text()}{self.last_words()}"
        (self.folder / "spent" / point).unlink()

    # the registry

    def route(self, *offices: dict[str, Any]) -> None:
        """Give offices their routes; new ones belong to the commune."""
        self.hub.apply({"office": [self._office(one) for one in offices]})

    def _office(self, change: dict[str, Any]) -> dict[str, Any]:
        known = {one["id"]: one for one in self.hub.gateway.registry.export()["office"]}
        like = known.get(change["id"]) or {**known[COMMUNE_OFFICE], "default": False}
        return {**like, **change}


@contextmanager
def town(shape: Shape, folder: Path, **settings: str) -> Iterator[Town]:
    """A hub in a shape, nothing running yet but the recipients' systems."""
    folder.mkdir(parents=True, exist_ok=True)
    killed.prepare(folder)
    with ExitStack() as stack:
        clock, port = Clock(folder), free_port()
        services = Services.start(stack) if shape.scaled else None
        given = {**_settings(port), **(services.environment if services else {}), **settings}
        _lay_secrets(folder / "home", given)
        hub = make_hub(folder / "home", ROUTES, {"simulator": Simulator()}, clock, **_options(given))  # type: ignore[arg-type]
        stack.callback(hub.gateway.store.engine.dispose)
        system = target.Target(folder / "stores")
        system.start()
        stack.callback(system.stop)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("WASL_", "COV_"))},
            **given,
            "WASL_HOME": str(hub.home),
            killed.FOLDER: str(folder),
        }
        nursery = Nursery(folder, environment)
        stack.callback(nursery.close)
        made = Town(folder, shape, hub, clock, system, nursery, environment, port, services)
        _settle_offices(made)
        yield made


def _settle_offices(made: Town) -> None:
    made.route(
        *(
            {"id": office, "route": {"kind": "adapter", "adapter": "rest",
                                     "options": target.options(made.target.port, store)}}
            for office, store in STORES.items()
        ),
        {"id": OFFICE, "reader_addresses": {"order-office-1": "reader@agency.test"}},
    )  # fmt: skip


def _settings(port: int) -> dict[str, str]:
    return {
        "WASL_WEB_PORT": str(port),
        "WASL_WEB_PROCESSES": "2",
        "WASL_WEB_THREADS": "3",
        "WASL_HUB_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WASL_OUTGOING_ALLOW": "127.0.0.1",
        "WASL_OUTGOING_TOTAL_SECONDS": "2",
        "WASL_OUTGOING_READ_SECONDS": "1",
        "WASL_OUTGOING_CONNECT_SECONDS": "1",
        "WASL_WORKER_LEASE_SECONDS": str(LEASE_S),
        "WASL_WORKER_POLL_SECONDS": "0.1",
        "WASL_WORKER_THREADS": "6",
        "WASL_WORKER_LOST_LEASES": "100",  # many die here that no letter is to blame for
        "WASL_RETRY_FIRST_SECONDS": "0.2",
        "WASL_RETRY_CAP_SECONDS": "1",
        "WASL_RETRY_LIFETIME_SECONDS": "36000",
        "WASL_ROUTES_BREAKER_FIRST_SECONDS": "0.3",
        "WASL_ROUTES_BREAKER_CAP_SECONDS": "1",
        "WASL_LEDGER_POLL_SECONDS": "0.25",
        "WASL_LEDGER_CHECKPOINT_SECONDS": "0.5",
        "WASL_TIMESTAMPS_RETRY_SECONDS": "0.5",
        "WASL_EVIDENCE_LONG_TERM_SECONDS": "1",
        "WASL_NEWS_POLL_SECONDS": "0.25",
        "WASL_NEWS_EVERY_SECONDS": "0.2",
        "WASL_NEWS_FIRST_SECONDS": "0.2",
        "WASL_MAIL_POLL_SECONDS": "0.25",
        "WASL_MAIL_GATHER_SECONDS": "0",
        "WASL_MAIL_EVERY_SECONDS": "60",
        "WASL_LIMITS_REFUSALS_PER_HOUR": "10000",
        "WASL_SECRET_COMMUNE_KEY": "key-of-the-test",
    }


def _options(given: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in given.items()
        if name.startswith("WASL_") and not name.startswith("WASL_SECRET_")
    }


def _lay_secrets(home: Path, given: Mapping[str, str]) -> None:
    """Secrets as files, for the hub that this process builds."""
    (home / "secrets").mkdir(parents=True, exist_ok=True)
    for name, value in given.items():
        if name.startswith("WASL_SECRET_"):
            file = home / "secrets" / name.removeprefix("WASL_SECRET_").lower().replace("_", "-")
            file.write_text(value)


@dataclass(frozen=True)
class Services:
    """Servers that nobody else uses, so that they may be stopped."""

    database: PostgreSQL
    broker: RabbitMQ
    objects: ObjectStore

    @classmethod
    def start(cls, stack: ExitStack) -> Services:
        """All three, for the length of a block; skipped, and said so, where one cannot be had."""
        started = []
        # a server that is stopped at once must know what it committed; only the machine does not fail here
        quick = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
        for begin in (lambda: PostgreSQL(quick), RabbitMQ, ObjectStore):
            try:
                started.append(begin())
            except NotStarted as error:
                pytest.skip(str(error))
            stack.callback(started[-1].close)
        return cls(*started)  # type: ignore[arg-type]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "WASL_PROFILE": "scaled",
            "WASL_DATABASE_URL": self.database.url,
            "WASL_BROKER_URL": self.broker.url,
            "WASL_PAYLOADS_KIND": "s3",
            "WASL_PAYLOADS_S3_ENDPOINT": self.objects.url,
            "WASL_PAYLOADS_S3_BUCKET": self.objects.bucket,
            "WASL_PAYLOADS_S3_ATTEMPTS": "1",
            "WASL_SECRET_S3_ACCESS_KEY": self.objects.access_key,
            "WASL_SECRET_S3_SECRET_KEY": self.objects.secret_key,
        }
