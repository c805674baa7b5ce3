"""The demonstration's processes are started in order and never left behind."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from gateway.cli.demo import world
from gateway.cli.demo.world import Program, World
from gateway.domain.errors import Misconfigured

SERVER = """
import http.server, sys
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
SLEEPER = "import time; time.sleep(60)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    made: list[Program] = []
    yield made
    for one in made:
        if one.process is not None and one.running:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait(10)


def program(made: list[Program], folder: Path, code: str, url: str | None = None, *arguments: str) -> Program:
    name = f"program-{len(made)}"
    one = Program(name, [sys.executable, "-c", code, *arguments], url, folder / "logs" / f"{name}.log")
    made.append(one)
    return one


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_a_program_has_started_when_it_answers(programs: list[Program], tmp_path: Path) -> None:
    port = free_port()
    one = program(programs, tmp_path, SERVER, f"http://127.0.0.1:{port}/", str(port))
    one.start()
    assert one.running
    first = one.process
    one.start()
    assert one.process is first
    one.stop()
    assert not one.running
    one.stop()
    one.start()
    assert one.running


def test_a_program_that_ends_at_once_is_told_with_its_log(programs: list[Program], tmp_path: Path) -> None:
    one = program(programs, tmp_path, "raise SystemExit('no such option')", "http://127.0.0.1:9/")
    with pytest.raises(Misconfigured, match=r"program-0 did not start; see .*program-0\.log"):
        one.start()
    assert "no such option" in one.log.read_text()


def test_a_program_that_never_answers_is_told(
    programs: list[Program], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "_READY_S", 0.3)
    one = program(programs, tmp_path, SLEEPER, f"http://127.0.0.1:{free_port()}/")
    with pytest.raises(Misconfigured, match="did not answer"):
        one.start()
    one.stop()
    assert not one.running


def test_a_program_that_does_not_listen_is_killed(
    programs: list[Program], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "_STOP_S", 0.3)
    one = program(programs, tmp_path, STUBBORN)
    one.start()
    while "deaf" not in one.log.read_text():
        assert one.running
    one.stop()
    assert one.process is not None
    assert one.process.returncode == -signal.SIGKILL


def test_everything_is_stopped_the_last_started_first(
    programs: list[Program], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = World()
    for _ in range(3):
        everything.add(program(programs, tmp_path, SLEEPER))
    everything.start(Event())
    assert all(one.running for one in programs)
    order: list[str] = []
    stop = Program.stop
    monkeypatch.setattr(Program, "stop", lambda one: (order.append(one.name), stop(one)))
    everything.stop()
    assert order == ["program-2", "program-1", "program-0"]
    assert not any(one.running for one in programs)


def test_nothing_more_is_started_after_a_stop_was_asked_for(programs: list[Program], tmp_path: Path) -> None:
    everything, stopped = World(), Event()
    for _ in range(2):
        everything.add(program(programs, tmp_path, SLEEPER))
    stopped.set()
    everything.start(stopped)
    assert [one.process for one in programs] == [None, None]
    everything.stop()
