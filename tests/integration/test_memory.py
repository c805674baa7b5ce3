"""A kind that takes memory without end, or leaks it, is contained and named in a real worker process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import pytest

from adapters.contract import Context, Delivered, Handed, Letter, News
from gateway.bootstrap import dispatcher
from gateway.bootstrap.news import polling
from gateway.domain.transit.breaker import BreakerState
from gateway.exchange.operate.doctor import Mark
from gateway.exchange.operate.fullness import full_workers
from gateway.exchange.transit import memory as module
from gateway.exchange.transit.memory import MIB, Memory, TookTooMuch
from gateway.exchange.transit.underway import Underway
from gateway.store.transit import news_queries, route_queries
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, HubUnderTest
from tests.support.systems import Simulator, accept, attempts, fresh_hub, route_of_commune, row, state
from tests.support.world import copies

PATIENCE_S = 120.0
MOST_MIB = 512
KIND = """
from adapters.contract import Delivered
from gateway.domain.errors import Temporary

KEPT = []


class Hog:
    kind = "hog"
    idempotent = True
    streams = True

    def check_options(self, options):
        return []

    def deliver(self, letter, context):
        return getattr(self, context.options["how"])()

    def by_piece(self):
        taken = []
        while True:
            try:
                taken.append("x" * 1000 + str(len(taken)))
            except Exception:
                taken.append("never minds")

    def at_once(self):
        return Delivered(bytes(10**15))

    def in_one_step(self):
        return Delivered(b"x" * len(list(zip(range(10**12), range(10**12)))))

    def leaking(self):
        KEPT.append(bytearray(b"y") * (20 * 1024 * 1024))
        return Delivered(b"{}", "application/json", f"hog-{len(KEPT)}")

    def well(self):
        return Delivered(b"{}", "application/json", "hog")
"""


@pytest.fixture(autouse=True)
def untraced() -> Iterator[None]:
    """Whoever measures coverage has code of its own called in the thread; it must not be stopped there."""
    traced = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]
    yield
    threading.settrace(traced[1])  # type: ignore[arg-type]
    sys.settrace(traced[0])


@pytest.fixture
def hub(tmp_path: Path) -> HubUnderTest:
    return fresh_hub(tmp_path / "home", Simulator(kind="hog"))


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the kind as its package installs it."""
    folder = tmp_path / "plugins"
    about = folder / "wasl_hog-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "wasl_hog.py").write_text(KIND)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: wasl-hog\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[wasl.adapters]\nhog = wasl_hog:Hog\n")
    return folder


@contextmanager
def worker(hub: HubUnderTest, installed: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of `wasl worker` with the kind; it ends as it should."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("WASL_", "COV_"))},
        "PYTHONPATH": str(installed),
        "WASL_HOME": str(hub.home),
        "WASL_DATABASE_URL": hub.gateway.settings.database.url,
        "WASL_WORKER_THREADS": "2",
        "WASL_WORKER_POLL_SECONDS": "0.1",
        "WASL_WORKER_MEMORY_MIB": str(MOST_MIB),
        "WASL_WEB_OPERATIONS_PORT": "0",
        **more,
    }
    with log_of(hub).open("wb") as log:
        command = [sys.executable, "-m", "gateway", "worker"]
        with subprocess.Popen(command, env=environment, stdout=log, stderr=log) as running:
            try:
                yield running
            finally:
                running.send_signal(signal.SIGTERM)
                ended = running.wait(PATIENCE_S)
    assert ended == 0


def log_of(hub: HubUnderTest) -> Path:
    return hub.home.parent / "worker.log"


def until(hub: HubUnderTest, what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end, log_of(hub).read_text()
        time.sleep(0.1)


def most_taken(process: subprocess.Popen[bytes]) -> int:
    """Octets that a process had of memory at its highest."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024


@pytest.mark.parametrize("how", ["by_piece", "at_once", "in_one_step"])
def test_a_call_that_takes_without_end_is_stopped_and_named_and_others_go(
    hub: HubUnderTest, installed: Path, how: str
) -> None:
    route_of_commune(hub, adapter="hog", options={"how": how})
    [mine], [neighbours] = accept(hub), accept(hub, AGENCY_OFFICE)
    with worker(hub, installed) as running:
        until(hub, lambda: row(hub, mine).failures == 1)
        until(hub, lambda: state(hub, neighbours) == "AVAILABLE")
        [attempt] = attempts(hub, mine)
        assert (attempt.code, attempt.detail[:5]) == ("WASL-DLV-110", "hog: ")
        assert most_taken(running) < (MOST_MIB + 256) * MIB
        route_of_commune(hub, adapter="hog", options={"how": "well"})  # begins anew: it goes at once
        until(hub, lambda: state(hub, mine) == "HANDED_OVER")
    assert "adapter took too much memory" in log_of(hub).read_text()


def test_the_breaker_opens_for_a_kind_that_takes_too_much(hub: HubUnderTest, installed: Path) -> None:
    route_of_commune(hub, adapter="hog", options={"how": "at_once"})
    [first] = accept(hub)
    copies(hub, first, COMMUNE_OFFICE, 5)

    def is_open() -> bool:
        with hub.gateway.store.read() as session:
            return route_queries.breaker(session, COMMUNE_OFFICE).state is BreakerState.OPEN

    with worker(hub, installed):
        until(hub, is_open)


def test_a_worker_that_leaks_begins_anew_and_names_the_kind(hub: HubUnderTest, installed: Path) -> None:
    route_of_commune(hub, adapter="hog", options={"how": "leaking"})
    [first] = accept(hub)
    copies(hub, first, COMMUNE_OFFICE, 14)
    with worker(hub, installed, WASL_WORKER_MEMORY_MIB="2048", WASL_WORKER_FULL_MIB="128") as running:

        def has_begun_anew() -> bool:
            return log_of(hub).read_text().count("delivering as") == 2

        until(hub, has_begun_anew)
        said = log_of(hub).read_text()
        [line] = [one for one in said.splitlines() if "worker is full" in one]
        assert "hog" in line
        assert "MiB in" in line
        [later] = accept(hub)
        until(hub, lambda: state(hub, later) == "HANDED_OVER")
        [found] = full_workers(hub.gateway.store, datetime.now(UTC))
        assert found.mark is Mark.LOOK
        assert f":{running.pid} was full" in found.said
        assert "hog" in found.said
        assert running.poll() is None  # the same process, for whoever started it
        assert row(hub, later).target_reference == "hog-1"  # and a fresh one


class Figures:
    """A process whose memory is as it is said to be."""

    def __init__(self) -> None:
        self.mib, self.seconds = 100, 0.0
        self.memory = Memory(1000 * MIB, 500 * MIB, lambda: self.mib * MIB, lambda: self.seconds)

    def look(self, mib: int, after: float = 1.0) -> bool:
        self.mib, self.seconds = mib, self.seconds + after
        return self.memory.look()


def test_a_process_is_full_when_it_stays_so_and_says_so_once() -> None:
    own = Figures()
    assert [own.look(mib) for mib in (600, 600, 400, 600, 600, 600, 600, 600)] == [False] * 8
    assert own.look(600)
    assert own.memory.is_full
    assert not own.look(700, 100)


def test_what_calls_left_behind_is_added_up_by_kind() -> None:
    own = Figures()
    for kind, after in (("a", 130), ("b", 130), ("a", 145)):
        with own.memory.stretch(kind):
            own.mib = after
    assert {kind: (one.octets // MIB, one.calls) for kind, one in own.memory.left.items()} == {
        "a": (45, 2),
        "b": (0, 1),
    }


def test_only_the_call_that_took_most_is_stopped() -> None:
    own = Figures()
    with own.memory.stretch("slow") as slow:
        own.mib = 900
        with own.memory.stretch("innocent") as innocent:
            with pytest.raises(TookTooMuch):
                own.look(1100)
            assert (slow.is_stopped, innocent.is_stopped) == (True, False)
    with own.memory.stretch("next"):
        assert sum(range(1000)) == 499_500  # nothing is raised afterwards


def test_the_hubs_own_part_of_a_call_is_not_stopped_in_its_midst() -> None:
    own = Figures()
    with own.memory.stretch("busy") as busy:
        with busy.hub():
            own.look(1200)
        assert not busy.is_stopped
        with pytest.raises(TookTooMuch):
            own.look(1200)
        with pytest.raises(TookTooMuch), busy.hub():
            pass


def test_nothing_is_raised_once_a_call_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped again and again, at whatever place: what comes after the call never sees it."""
    monkeypatch.setattr(module, "_AGAIN_S", 0.002)
    own, stopped, ended = Figures(), 0, Event()

    def watch() -> None:
        while not ended.wait(0.0003):
            own.look(1200, 0.0003)

    watching = Thread(target=watch)
    watching.start()
    try:
        while stopped < 200:
            own.mib = 100
            stretch = own.memory.stretch("kind")
            try:
                with stretch:
                    own.mib = 1200
                    with stretch.hub():
                        sum(range(50))
                    sum(range(2000))
            except TookTooMuch:
                stretch.end()
                stopped += 1
            assert sum(number for number in range(300)) == 44_850
    finally:
        ended.set()
        watching.join()


class Asked(Simulator):
    """A kind that takes too much while it is asked for news."""

    def __init__(self, own: Figures) -> None:
        super().__init__()
        self.own = own

    def can_poll(self, options: object) -> bool:
        return True

    def poll(self, letters: Sequence[Handed], context: Context) -> Sequence[News]:
        for _ in range(100):
            with suppress(Exception):
                self.own.look(1200)
        return ()


def test_a_kind_that_takes_too_much_while_it_is_asked_for_news_is_stopped(tmp_path: Path) -> None:
    own = Figures()
    hub = fresh_hub(tmp_path, Asked(own))
    accept(hub)
    hub.dispatch().run_once()
    assert polling(hub.gateway, "worker-1", own.memory).run_once() == 1
    with hub.gateway.store.read() as session:
        asked = news_queries.asked(session, [COMMUNE_OFFICE])[COMMUNE_OFFICE]
    assert (asked.code, asked.failures) == ("WASL-DLV-110", 1)
    assert (asked.said or "").startswith("simulator: TookTooMuch")


class Growing(Simulator):
    """A kind that says it grows, and minds nothing that is raised."""

    def __init__(self, own: Figures) -> None:
        super().__init__()
        self.own = own

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        for _ in range(100):
            with suppress(Exception):
                self.own.look(1200)
        return Delivered(b"ok")


def test_a_kind_of_the_project_is_not_stopped_and_one_from_outside_is(tmp_path: Path) -> None:
    own = Figures()
    growing = Growing(own)
    hub = fresh_hub(tmp_path, growing)
    dispatch = dispatcher(hub.gateway, "worker-1")
    object.__setattr__(dispatch, "underway", Underway(memory=own.memory))
    [delivery] = accept(hub)
    dispatch.run_once()
    assert [one.code for one in attempts(hub, delivery)] == ["WASL-DLV-110"]
    Growing.__module__, before = "adapters.growing", Growing.__module__
    try:
        [other] = accept(hub)
        dispatch.run_once()
    finally:
        Growing.__module__ = before
    assert state(hub, other) == "HANDED_OVER"


DYING = """
import sys, threading, time
from pathlib import Path
from gateway.workers.bounds import anew_without_memory

starts = Path(sys.argv[1])
before = starts.read_text() if starts.exists() else ""
starts.write_text(before + "x")
if before:
    sys.exit(0)
anew_without_memory()

def end():
    raise {raised}

thread = threading.Thread(target=end)
thread.start()
thread.join()
time.sleep(0.5)
sys.exit(3)
"""


@pytest.mark.parametrize(("raised", "started", "status"), [("MemoryError", "xx", 0), ("ValueError", "x", 3)])
def test_a_worker_whose_own_thread_ends_for_lack_of_memory_begins_anew(
    tmp_path: Path, raised: str, started: str, status: int
) -> None:
    program = tmp_path / "dying.py"
    program.write_text(DYING.replace("{raised}", raised))
    ended = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "starts")], capture_output=True, text=True, timeout=60
    )
    assert ((tmp_path / "starts").read_text(), ended.returncode) == (started, status), ended.stderr
    assert ("begins anew" in ended.stderr) is (raised == "MemoryError")
