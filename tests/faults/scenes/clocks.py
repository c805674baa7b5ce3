"""Faults of time and of leaders: clocks that jump, and two schedulers that both believe they lead."""

from __future__ import annotations

from tests.faults.scenario import Scenario
from tests.faults.size import Size
from tests.faults.town import FINDS, NOTHING, OFFICE, PATIENCE_S, REPEATS, Town


def two_schedulers(town: Town, size: Size) -> str:
    """Two workers that both believe they lead run every job side by side."""
    town.at_work()
    town.rest()
    scenario = Scenario(town, "two-schedulers")
    for _ in range(2):
        town.work(FAULTS_ALL_LEAD="1")
    scenario.send(REPEATS, FINDS, NOTHING, count=size.letters)
    scenario.send(OFFICE, count=2)
    # they get in each other's way: three times slower than one of them
    scenario.until("the office has its mail", lambda: _rested(scenario), PATIENCE_S + size.letters)
    table = scenario.judge({"state": "AVAILABLE"})
    town.rest()
    town.command("ledger", "verify")
    return table


def _rested(scenario: Scenario) -> bool:
    return all(row.state in ("HANDED_OVER", "AVAILABLE") for row in scenario.deliveries())


def clock_jumps(town: Town, size: Size) -> str:
    """Every process's clock jumps hours ahead and back while letters are on their way."""
    town.at_work()
    scenario = Scenario(town, "clock")
    for jump in (7200, -3600, 1800, -5000, 4, 5600):
        town.target.faults["finds"].append("taken-then-resets")
        town.target.faults["repeats"].append("busy")
        scenario.send(REPEATS, FINDS, NOTHING, count=2)
        town.clock.jump(jump)
    # leases that a clock which was ahead gave run out when the clock is there again
    town.clock.jump(3000)
    scenario.resolve()
    return scenario.judge()
