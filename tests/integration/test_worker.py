"""The embedded worker delivers with several threads, survives trouble, and ends what it began."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest
import structlog

from adapters.contract import Context, Delivered, Letter
from gateway import logs
from gateway.bootstrap import sweep
from gateway.domain.errors import Unavailable
from gateway.exchange.transit.dispatch import Dispatch
from gateway.exchange.transit.letters import Case
from gateway.settings import Log
from gateway.workers.places import Places
from gateway.workers.worker import Worker
from tests.support.hub import HubUnderTest
from tests.support.systems import TAKEN, Simulator, accept, events, fresh_hub, state

PATIENCE_S = 20
POLL_S = 0.02


@pytest.fixture
def system() -> Simulator:
    return Simulator()


@pytest.fixture
def hub(tmp_path: Path, system: Simulator) -> HubUnderTest:
    return fresh_hub(tmp_path, system)


@contextmanager
def working(dispatch: Dispatch, hub: HubUnderTest, threads: int = 2) -> Iterator[Worker]:
    """A worker that runs for the length of the block; afterwards it must have ended."""
    worker = Worker(dispatch, sweep(hub.gateway), threads, POLL_S)
    thread = Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


def telling(count: int, then: Callable[[Letter], Delivered] = lambda _: TAKEN) -> tuple[list[Any], Event]:
    """Steps of a script, and an event set when the last of them was reached."""
    reached, left = Event(), [count]

    def step(letter: Letter, _: Context) -> Delivered:
        left[0] -= 1
        if left[0] == 0:
            reached.set()
        return then(letter)

    return [step] * count, reached


def test_letters_are_delivered_while_it_runs(hub: HubUnderTest, system: Simulator) -> None:
    steps, reached = telling(3)
    system.script += steps
    early = accept(hub)
    with working(hub.dispatch(), hub):
        late = [*accept(hub), *accept(hub)]
        assert reached.wait(PATIENCE_S)
    assert {state(hub, one) for one in (*early, *late)} == {"HANDED_OVER"}
    assert len(system.letters) == 3


def test_several_letters_are_delivered_at_once(hub: HubUnderTest, system: Simulator) -> None:
    together = Barrier(3)

    def meet(letter: Letter, _: Context) -> Delivered:
        together.wait(PATIENCE_S)
        return TAKEN

    system.script += [meet, meet]
    both = [*accept(hub), *accept(hub)]
    with working(hub.dispatch(), hub, threads=2):
        together.wait(PATIENCE_S)
    assert {state(hub, one) for one in both} == {"HANDED_OVER"}


def test_what_is_under_way_is_finished_before_it_ends(hub: HubUnderTest, system: Simulator) -> None:
    begun, go_on = Event(), Event()

    def slow(letter: Letter, _: Context) -> Delivered:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        return TAKEN

    system.script.append(slow)
    [delivery] = accept(hub)
    with working(hub.dispatch(), hub) as worker:
        assert begun.wait(PATIENCE_S)
        worker.stop()
        go_on.set()
    assert state(hub, delivery) == "HANDED_OVER"


def test_a_letter_that_hangs_holds_up_no_other(hub: HubUnderTest, system: Simulator) -> None:
    go_on, through = Event(), Event()

    def hang(letter: Letter, _: Context) -> Delivered:
        assert go_on.wait(PATIENCE_S)
        return TAKEN

    def last(letter: Letter, _: Context) -> Delivered:
        through.set()
        return TAKEN

    system.script += [hang, TAKEN, TAKEN, last]
    every = [one for _ in range(4) for one in accept(hub)]
    with working(hub.dispatch(), hub, threads=2):
        assert through.wait(PATIENCE_S)
        go_on.set()
    assert {state(hub, one) for one in every} == {"HANDED_OVER"}


def test_it_goes_on_when_the_database_comes_back(
    hub: HubUnderTest, system: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch = hub.dispatch()
    steps, reached = telling(1)
    system.script += steps
    failures, enough, claim = [0], Event(), type(dispatch.claims).claim

    def out_for_a_while(self: Any, limit: int) -> list[str]:
        failures[0] += 1
        if failures[0] < 6:
            raise Unavailable("database busy") if failures[0] % 2 else KeyError("a defect")
        enough.set()
        return claim(self, limit)

    monkeypatch.setattr(type(dispatch.claims), "claim", out_for_a_while)
    accept(hub)
    # with more failures than threads: a claim that fails must not keep its threads
    with structlog.testing.capture_logs() as told, working(dispatch, hub, threads=2):
        assert enough.wait(PATIENCE_S)
        assert reached.wait(PATIENCE_S)
    assert {one["event"] for one in told} >= {"job interrupted", "job failed"}


def test_a_defect_in_the_work_is_logged_and_frees_its_thread(
    hub: HubUnderTest, system: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch = hub.dispatch()
    steps, reached = telling(1)
    system.script += steps
    work, failed = Dispatch.work, [0]

    def sometimes(self: Dispatch, delivery: str, case: Case | None) -> None:
        failed[0] += 1
        if failed[0] <= 2:
            raise SystemError("a defect of the hub")
        work(self, delivery, case)

    monkeypatch.setattr(Dispatch, "work", sometimes)
    for _ in range(3):
        accept(hub)
    with structlog.testing.capture_logs() as told, working(dispatch, hub, threads=1):
        assert reached.wait(PATIENCE_S)
    assert [one["event"] for one in told].count("delivery failed inside the hub") == 2


def test_logs_name_the_place_of_a_defect_and_not_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    before = structlog.get_config()
    try:
        logs.configure(Log(level="INFO", format="json"))
        try:
            try:
                raise KeyError("a secret")
            except KeyError as cause:
                raise ValueError("a whole letter") from cause
        except ValueError:
            structlog.get_logger().exception("job failed", job="sweep")
    finally:
        structlog.configure(**before)
    told = json.loads(stream.getvalue())
    assert (told["event"], told["job"], told["level"]) == ("job failed", "sweep", "error")
    assert "ValueError at test_worker.py" in told["exception"]
    assert "KeyError at test_worker.py" in told["exception"]
    assert "secret" not in stream.getvalue()
    assert "letter" not in stream.getvalue()


def test_logs_for_people_keep_the_words_back_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    before = structlog.get_config()
    try:
        logs.configure(Log(level="WARNING", format="console"))
        log = structlog.get_logger()
        log.info("too small")
        log.error("delivery failed inside the hub", exc_info=ValueError("a whole letter"))
    finally:
        structlog.configure(**before)
    assert "delivery failed inside the hub" in stream.getvalue()
    assert "builtins.ValueError at nowhere" in stream.getvalue()
    assert "letter" not in stream.getvalue()
    assert "too small" not in stream.getvalue()


def test_what_was_claimed_ahead_goes_back_to_all_workers_when_it_gets_no_place(tmp_path: Path) -> None:
    inside, go = Event(), Event()

    def hang(letter: Letter, context: Context) -> Delivered:
        inside.set()
        assert go.wait(60)
        return TAKEN

    system = Simulator([hang])
    hub = fresh_hub(tmp_path, system)
    letters = [one for _ in range(2) for one in accept(hub)]
    with Places(hub.dispatch(), 1, 3600.0):
        try:
            assert inside.wait(30)
            [slow] = [one.delivery_id for one in system.letters]
            [ahead] = [one for one in letters if one != slow]
            end = time.monotonic() + 30
            while state(hub, ahead) != "QUEUED":
                assert time.monotonic() < end
                time.sleep(0.02)
            assert hub.dispatch().run_once() == 1  # another worker
            assert (state(hub, ahead), state(hub, slow)) == ("HANDED_OVER", "DELIVERING")
        finally:
            go.set()
    assert state(hub, slow) == "HANDED_OVER"
    assert [event.now for event in events(hub, ahead)].count("QUEUED") == 2
