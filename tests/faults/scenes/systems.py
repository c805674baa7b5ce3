"""Faults of recipients' systems: they hang, lie, cut off, or are dead among many that live."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from gateway.domain.identifiers import directory_id
from tests.faults import target
from tests.faults.scenario import Scenario
from tests.faults.size import Size
from tests.faults.town import NOTHING, ROOT, STORES, Town, free_port
from tests.support.hub import COMMUNE_OFFICE, XML

COMMUNE = ROOT / "examples/systems/commune_rest"


OFFICES = 50


def commune_cut_off(town: Town, size: Size) -> str:
    """A document system registers each letter and its answer is cut off, once for each."""
    scenario = Scenario(town, "commune")
    with _commune(town, "--cut-every", "1", "--outage-every", "2"):
        town.at_work()
        for media_type in (XML, "application/jose"):
            scenario.send(COMMUNE_OFFICE, count=2, media_type=media_type)
        town.clock.jump(5)  # it asks for some patience
        return scenario.judge()


@contextmanager
def _commune(town: Town, *flags: str) -> Iterator[None]:
    port, data = free_port(), town.target.folder / "commune"
    command = [sys.executable, COMMUNE / "server.py", "--port", str(port), "--data", data, *flags]
    environment = {**os.environ, "COMMUNE_CLE": town.environment["WASL_SECRET_COMMUNE_KEY"]}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None
            assert b"ready" in process.stdout.readline()
            options = tomllib.loads((COMMUNE / "route.toml").read_text("utf-8"))
            options["base_url"] = f"http://127.0.0.1:{port}/api/v2"
            route = {"kind": "adapter", "adapter": "rest", "options": options}
            town.route({"id": COMMUNE_OFFICE, "route": route})
            town.elsewhere[COMMUNE_OFFICE] = "commune"
            yield
        finally:
            process.kill()


def misbehaving_systems(town: Town, size: Size) -> str:
    """Recipients' systems hang, reset, drip, answer with pages, or take a letter and say nothing."""
    town.at_work()
    scenario = Scenario(town, "systems")
    for fault in target.FAULTS:
        if fault == "gate":
            continue
        for office, store in STORES.items():
            town.target.faults[store].append(fault)
            scenario.send(office)
    scenario.settle()
    held = [row for row in scenario.deliveries() if row.state == "HELD"]
    assert {row.office for row in held} == {NOTHING}
    scenario.resolve()  # whoever was held may meet the next fault
    return scenario.judge()


def dead_among_fifty(town: Town, size: Size) -> str:
    """One of fifty systems hangs, and the letters of all others arrive as if it were not there."""
    town.at_work()
    scenario = Scenario(town, "dead-among-fifty")
    offices = [directory_id("B", 3000 + number) for number in range(OFFICES)]
    stores = [f"repeats-{number:02}" for number in range(OFFICES)]
    town.route(
        *(
            {"id": office, "route": {"kind": "adapter", "adapter": "rest",
                                     "options": target.options(town.target.port, store)}}
            for office, store in zip(offices, stores, strict=True)
        )
    )  # fmt: skip
    town.target.always[stores[0]] = "hangs"
    dead = scenario.send(offices[0], count=max(6, size.dead_letters // OFFICES))
    with ThreadPoolExecutor(4) as pool:
        others = [
            scenario.letter(offices[1 + at % (OFFICES - 1)]) for at in range(size.dead_letters - len(dead))
        ]
        assert set(pool.map(scenario.submit, others)) <= {200, 201}
    begun = time.monotonic()
    scenario.wait_for("HANDED_OVER", *others, seconds=60 + size.dead_letters / 20)
    taken = time.monotonic() - begun
    print(f"{len(others)} letters to {OFFICES - 1} systems: {taken:.1f} s after the last was sent")
    assert not any(row.state == "HANDED_OVER" for row in scenario.deliveries(*dead))
    del town.target.always[stores[0]]
    scenario.settle(seconds=120)
    return scenario.judge()
