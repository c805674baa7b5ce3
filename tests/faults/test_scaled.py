"""Faults that the scaled shape survives: PostgreSQL, RabbitMQ, an object store, all of our own."""

from __future__ import annotations

import pytest

from tests.faults.matrix import Scene, Size, scenes
from tests.faults.points import SCENES, sides_in, through
from tests.faults.town import Town


@pytest.mark.parametrize("group", SCENES)
def test_who_is_killed_at_a_point_loses_and_doubles_nothing(scaled: Town, group: str) -> None:
    through(scaled, group, sides_in(group))


@pytest.mark.parametrize("scene", scenes("scaled"), ids=lambda scene: scene.__name__)
def test_nothing_is_lost_doubled_or_told_wrongly(scaled: Town, scene: Scene) -> None:
    print(scene(scaled, Size()))
