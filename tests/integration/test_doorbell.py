"""Without a broker, web processes ring for the workers of their machine; a lost ring moves only a moment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import structlog

from gateway.bootstrap import sweep
from gateway.bootstrap.waking import wakeups
from gateway.clients.doorbell import Doorbell, Ear
from gateway.workers.bell import BellListener
from gateway.workers.worker import Worker
from tests.support.systems import Simulator, accept, fresh_hub, state

PATIENCE_S = 30
NEVER_S = 3600.0


class Bench:
    """Places that count how often they are woken."""

    def __init__(self, free: bool = True) -> None:
        self.free, self.woken, self.count = Event(), Event(), 0
        if free:
            self.free.set()

    def wait_for_one(self, seconds: float) -> bool:
        return self.free.wait(seconds)

    def wake(self) -> None:
        self.count += 1
        self.woken.set()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "doorbell"


def until(met: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_ring_wakes_a_worker(path: Path) -> None:
    places, bell = Bench(), Doorbell(path)
    with BellListener(path, places):  # type: ignore[arg-type]
        bell.ring()
        assert places.woken.wait(PATIENCE_S)
    bell.close()


def test_a_ring_that_nobody_hears_is_nothing(path: Path) -> None:
    bell = Doorbell(path)
    bell.ring()  # there is no pipe
    os.mkfifo(path)
    bell.ring()  # nobody has it open
    places = Bench()
    with BellListener(path, places):  # type: ignore[arg-type]
        bell.ring()
        assert places.woken.wait(PATIENCE_S)
    bell.ring()  # everybody went home
    bell.close()


def test_a_bell_that_is_rung_too_often_never_waits(path: Path) -> None:
    ear, bell = Ear(path), Doorbell(path)
    for _ in range(70_000):
        bell.ring()
    assert ear.take()
    bell.close()
    ear.close()


def test_a_worker_without_a_free_place_leaves_rings_to_others(path: Path) -> None:
    bell, busy, idle = Doorbell(path), Bench(free=False), Bench()
    with BellListener(path, busy):  # type: ignore[arg-type]
        bell.ring()
        with BellListener(path, idle):  # type: ignore[arg-type]
            assert idle.woken.wait(PATIENCE_S)
        assert busy.count == 0
    bell.close()


def test_what_lies_in_the_way_is_told_and_keeps_nobody_from_working(path: Path) -> None:
    path.write_text("a file")
    with structlog.testing.capture_logs() as told, BellListener(path, Bench()):  # type: ignore[arg-type]
        Doorbell(path).ring()
    assert [line["log_level"] for line in told] == ["warning"]
    assert path.read_text() == "a file"


def test_a_letter_is_delivered_at_once_by_a_worker_that_looks_once_an_hour(tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    worker = Worker(hub.dispatch(), sweep(hub.gateway), 2, NEVER_S, wakeups=wakeups(hub.gateway))
    thread = Thread(target=worker.run)
    thread.start()
    try:
        until((hub.home / "doorbell").exists)
        for _ in range(3):
            delivered = accept(hub)
            until(lambda delivered=delivered: {state(hub, one) for one in delivered} == {"HANDED_OVER"})
    finally:
        worker.stop()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()
