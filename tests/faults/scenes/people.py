"""Faults of people: senders and operators who do the same thing at the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.faults.scenario import NOWHERE, WHY, Scenario
from tests.faults.size import Size
from tests.faults.town import NOTHING, REPEATS, Town


def hundred_at_once(town: Town, size: Size) -> str:
    """A hundred identical submissions at the same moment: one letter, one receipt."""
    town.at_work()
    scenario = Scenario(town, "hundred")
    sent, refused, start = scenario.letter(REPEATS, NOTHING), scenario.letter(NOWHERE), threading.Barrier(100)

    def one_of_many() -> None:
        start.wait()
        scenario.submit(sent)
        scenario.submit(refused)

    with ThreadPoolExecutor(100) as pool:
        for done in [pool.submit(one_of_many) for _ in range(100)]:
            done.result()
    good = [answer for answer in sent.answers if answer["status"] in (200, 201)]
    assert (len(good), len({one["octets"] for one in good})) == (100, 1)
    assert len({one["octets"] for one in refused.answers if one["status"] == 422}) == 1
    return scenario.judge()


def two_operators(town: Town, size: Size) -> str:
    """Two operators have the same letter sent again in the same moment: one of them is told no."""
    town.at_work()
    scenario = Scenario(town, "operators")
    town.target.faults["nothing"].extend(["taken-then-resets"] * 3)
    letters = scenario.send(NOTHING, count=3)
    scenario.wait_for("HELD", *letters)
    for sent in letters:
        command = ("delivery", "requeue", scenario.delivery(sent).id, "--possible-duplicate", *WHY)
        both = [town.begin(*command)[0] for _ in range(2)]
        assert sorted(one.wait() for one in both) == [0, 1]
    return scenario.judge()
