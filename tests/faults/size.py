"""How much of everything a scenario plays with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """How much of everything; ``make soak`` has more."""

    letters: int = 12
    dead_letters: int = 120
    storm_letters: int = 24
    storm_deaths: int = 6
    seed: int = 1
