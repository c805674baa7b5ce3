"""Faults of processes: killed in the middle of something, or replaced one after the other."""

from __future__ import annotations

import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tests.faults.scenario import Scenario, Sent
from tests.faults.size import Size
from tests.faults.town import LEASE_S, NOTHING, REPEATS, STORES, Process, Town, free_port, until


def killed_in_mid_transfer(town: Town, size: Size) -> str:
    """SIGKILL while the recipient has the letter and its answer is under way."""
    town.at_work()
    scenario = Scenario(town, "mid-transfer")
    town.target.gate.clear()
    for office, store in STORES.items():
        scenario.settle()
        town.target.at_gate.clear()
        town.target.faults[store].append("gate")
        scenario.send(office)
        until("it is taken", town.target.at_gate.is_set)
        for worker in town.workers:
            worker.kill()
        town.clock.jump(LEASE_S + 1)
    town.target.gate.set()
    scenario.resolve()
    assert sum(len(_taken(town, scenario, one)) for one in scenario.letters) == 4
    return scenario.judge()


def _taken(town: Town, scenario: Scenario, sent: Sent) -> list[str]:
    """The lines of all stores about a letter's deliveries that were taken."""
    ids = [row.id for row in scenario.deliveries(sent)]
    logs = [path.read_text() for path in town.target.folder.glob("*.jsonl")]
    return [
        line
        for log in logs
        for line in log.splitlines()
        if '"took"' in line and any(one in line for one in ids)
    ]


def hub_killed_under_load(town: Town, size: Size) -> str:
    """SIGKILL for all web processes while letters come in; senders repeat what was not answered."""
    town.at_work()
    scenario = Scenario(town, "hub-killed")
    letters = [scenario.letter(REPEATS, NOTHING) for _ in range(size.letters)]
    with ThreadPoolExecutor(4) as pool:
        sending = [pool.submit(scenario.submit, one) for one in letters]
        until("some are in", lambda: sum(bool(one.answers) for one in letters) >= 3)
        assert town.web is not None
        town.web.kill()
        town.serve()
        assert {one.result() for one in sending} <= {200, 201}
    scenario.resolve()  # on a slow machine a system's answer may come too late
    return scenario.judge()


def rolling_restart(town: Town, size: Size) -> str:
    """SIGTERM for one web process and worker after the other under load; new ones take their places."""
    scenario, ports = Scenario(town, "rolling"), [free_port(), free_port()]
    webs = [town.serve(port) for port in ports]
    workers = [town.work(), town.work()]
    over = threading.Event()

    def load() -> None:
        while not over.is_set():
            sent = scenario.letter(REPEATS)
            assert scenario.submit(sent, random.sample(ports, len(ports))) in (200, 201)
            # every letter is fetched and judged at the end: where restarts take long, fewer come in a second
            time.sleep(0.1 + len(scenario.letters) / 60)

    with ThreadPoolExecutor(3) as pool:
        loads = [pool.submit(load) for _ in range(3)]
        try:
            for at, port in enumerate(ports):
                _replaced(webs[at])
                webs[at] = town.serve(port)
                _replaced(workers[at])
                workers[at] = town.work()
        finally:
            over.set()
        for one in loads:
            one.result()
    _nothing_was_broken_off(scenario)
    table = scenario.judge()
    for one in webs:
        one.signal(signal.SIGTERM, group=False)
    assert [one.wait() for one in webs] == [0, 0]
    assert not any(attempt for row in scenario.deliveries() for attempt in range(row.attempts - 1))
    return table


def _replaced(process: Process) -> None:
    time.sleep(0.3)  # some load for it to finish
    process.signal(signal.SIGTERM, group=False)
    assert process.wait() == 0


def _nothing_was_broken_off(scenario: Scenario) -> None:
    """Only connections that nobody took were lost, and what is sent once more is new to the hub.

    Those that wait in the system's queue when a process stops listening are reset by it.
    """
    for one in scenario.letters:
        *lost, last = one.answers
        assert {answer["why"] for answer in lost} <= {"ConnectionRefusedError", "ConnectionResetError"}, lost
        assert last["status"] == 201, one.answers
