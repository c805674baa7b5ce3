"""The faults that a hub must survive: every scenario, and the shapes that it is played in."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from tests.faults.scenes import broker, chance, clocks, database, people, processes, systems
from tests.faults.size import Size
from tests.faults.town import Town

Scene = Callable[[Town, Size], str]
"""Plays a scenario in a town; gives the table of the auditor, who has the last word in all."""

BOTH, SCALED_ONLY = ("embedded", "scaled"), ("scaled",)
MATRIX: dict[Scene, tuple[str, ...]] = {
    processes.killed_in_mid_transfer: BOTH,
    processes.hub_killed_under_load: BOTH,
    processes.rolling_restart: BOTH,
    database.database_stops: BOTH,
    database.connection_lost_on_commit: SCALED_ONLY,
    database.deadlock: SCALED_ONLY,
    database.read_only: SCALED_ONLY,
    database.disk_full: BOTH,
    broker.broker_fails: SCALED_ONLY,
    clocks.two_schedulers: BOTH,
    clocks.clock_jumps: BOTH,
    systems.commune_cut_off: BOTH,
    systems.misbehaving_systems: BOTH,
    systems.dead_among_fifty: BOTH,
    people.hundred_at_once: BOTH,
    people.two_operators: BOTH,
    chance.storm: BOTH,
}


def scenes(shape: str) -> list[Scene]:
    """The scenarios of a shape."""
    return [scene for scene, shapes in MATRIX.items() if shape in shapes]


def played(module: ModuleType) -> list[Any]:
    """The scenarios of a module for the tests of its file: each with the name of each of its shapes."""
    return [
        pytest.param(shape, scene, id=f"{scene.__name__}-{shape}")
        for shape in BOTH
        for scene in scenes(shape)
        if scene.__module__ == module.__name__
    ]
