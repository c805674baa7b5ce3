"""Faults that chance chooses: processes die anywhere while letters come in."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.faults.points import SCENES
from tests.faults.scenario import Scenario
from tests.faults.size import Size
from tests.faults.town import FINDS, NOTHING, PATIENCE_S, REPEATS, STORES, Town


def storm(town: Town, size: Size) -> str:
    """Letters come in, systems misbehave, and processes die at points that chance chooses."""
    chance = random.Random(size.seed)
    town.at_work()
    scenario = Scenario(town, f"storm-{size.seed}")
    fatal = [
        point
        for group in ("intake", "dispatch", "trouble")
        for scene in SCENES[group]
        for point in scene.all
        if point.partition(":")[0] in _OFTEN
    ]

    def load(share: int) -> None:
        own = random.Random(size.seed * 100 + share)
        for _ in range(size.storm_letters // 3):
            offices = own.sample([REPEATS, FINDS, NOTHING], own.randint(1, 3))
            assert scenario.submit(scenario.letter(*offices)) in (200, 201)

    with ThreadPoolExecutor(3) as pool:
        loads = [pool.submit(load, share) for share in range(3)]

        def calm() -> bool:
            return all(one.done() for one in loads)

        deaths, missed = 0, 0
        while not calm() or deaths < size.storm_deaths:
            point = chance.choice(fatal)
            town.target.faults[chance.choice(list(STORES.values()))].append(chance.choice(_FAULTS))
            town.arm(point, chance.randint(1, 3))
            struck = _struck(town, scenario, point, calm)
            deaths, missed = deaths + struck, missed + (not struck)
            assert missed <= size.storm_deaths, f"nobody comes to {point}; {town.last_words()}"
        for one in loads:
            one.result()
    for faults in town.target.faults.values():
        faults.clear()
    town.disarm()
    for (
        worker
    ) in town.workers:  # a clock that jumps takes their leases from the living too: here nobody lives
        worker.kill()
    scenario.settle(seconds=PATIENCE_S + size.storm_letters)
    scenario.resolve()
    return scenario.judge()


_OFTEN = (
    "intake._write",
    "claim.claim",
    "claim.mark_sending",
    "outcomes.hand_over",
    "adapter",
    "routes._keep",
)


_FAULTS = ("busy", "resets-midway", "html", "taken-then-resets", "taken-then-html")


def _struck(town: Town, scenario: Scenario, point: str, calm: Callable[[], bool]) -> bool:
    """Whether somebody died at the point before long; where no letters come any more, some are sent."""
    end = time.monotonic() + 10
    while not town.struck(point):
        town.at_work()
        if calm():
            scenario.submit(scenario.letter(*STORES))
            time.sleep(0.4)  # a few, not a load of its own
        if time.monotonic() > end:
            town.disarm()
            return False
        time.sleep(0.02)
    (town.folder / "spent" / point).unlink(missing_ok=True)
    return True
