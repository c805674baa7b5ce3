"""Faults that the scaled shape survives: PostgreSQL, RabbitMQ, an object store, all of our own."""

from __future__ import annotations

import pytest

from tests.faults.matrix import Scene, Size, scenes
from tests.faults.points import AFTER, SCENES, through
from tests.faults.town import Town

BOTH_SIDES = ("intake", "dispatch", "trouble")
"""What people decide and what makes evidence dies on both sides embedded, and on all of them in the soak."""


@pytest.mark.parametrize("group", SCENES)
def test_who_is_killed_at_a_point_loses_and_doubles_nothing(scaled: Town, group: str) -> None:
    if group in BOTH_SIDES:
        through(scaled, group)
    else:
        through(scaled, group, (AFTER,))


@pytest.mark.parametrize("scene", scenes("scaled"), ids=lambda scene: scene.__name__)
def test_nothing_is_lost_doubled_or_told_wrongly(scaled: Town, scene: Scene) -> None:
    print(scene(scaled, Size()))
