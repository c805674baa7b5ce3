"""The long form of the matrix: everything with more letters, then storms until the time is over.

What the time does not suffice for is named. Some minutes more than that may pass: what was begun is ended.

python -m tests.faults.soak --minutes 60 [--shape embedded|scaled] [--seed 1] [--letters 10000]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.faults.matrix import scenes
from tests.faults.points import SCENES, through
from tests.faults.scenes.chance import storm
from tests.faults.size import Size
from tests.faults.town import Town, town
from tests.support.shapes import EMBEDDED, SCALED, Shape

Play = Callable[[Town], str]
"""Plays something in a town; gives the auditor's table."""

MOST_LETTERS, LETTERS_IN_A_MINUTE = 10_000, 200


def main(arguments: list[str]) -> int:
    """0 when nothing is wrong; what is wrong ends it with the auditor's table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--shape", choices=("embedded", "scaled"), help="both in turn by default")
    parser.add_argument("--seed", type=int, help="one storm with this seed, and nothing else")
    parser.add_argument(
        "--letters", type=int, help="with one dead system among fifty; as many as the time allows by default"
    )
    wanted = parser.parse_args(arguments)
    shapes = [one for one in (EMBEDDED, SCALED) if wanted.shape in (None, one.name)]
    end = time.monotonic() + 60 * wanted.minutes
    for shape in shapes:
        share = (end - time.monotonic()) / (len(shapes) - shapes.index(shape))
        letters = wanted.letters or min(MOST_LETTERS, round(LETTERS_IN_A_MINUTE * wanted.minutes))
        _soak(shape, time.monotonic() + share, wanted.seed, letters)
    return 0


def _soak(shape: Shape, end: float, seed: int | None, letters: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix=f"wasl-soak-{shape.name}-"))
    print(f"{shape.name}: evidence in {folder}", flush=True)
    with town(shape, folder) as made:
        for what, play in _plays(shape, letters) if seed is None else ():
            if time.monotonic() > end:
                print(f"{shape.name}: no time for {what}", flush=True)
            else:
                _told(made, what, play)
        number = seed or 1
        while seed == number or (seed is None and time.monotonic() < end):
            size = Size(storm_letters=600, storm_deaths=60, seed=number)
            _told(made, f"storm, seed {number}", partial(storm, size=size))
            number += 1


def _plays(shape: Shape, letters: int) -> Iterator[tuple[str, Play]]:
    """Everything in the matrix once."""
    for group in SCENES:
        yield f"points of {group}", partial(through, group=group)
    size = Size(letters=100, dead_letters=letters)
    for scene in scenes(shape.name):
        yield scene.__name__, partial(scene, size=size)


def _told(made: Town, what: str, play: Play) -> None:
    begun = time.monotonic()
    table = play(made)
    print(f"\n{made.shape.name}: {what}, {time.monotonic() - begun:.0f} s\n{table}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
