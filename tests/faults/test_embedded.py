"""Faults that the embedded shape survives: SQLite, files, no broker."""

from __future__ import annotations

import pytest

from tests.faults.matrix import Scene, Size, scenes
from tests.faults.points import SCENES, sides_in, through
from tests.faults.town import Town


@pytest.mark.parametrize("group", SCENES)
def test_who_is_killed_at_a_point_loses_and_doubles_nothing(embedded: Town, group: str) -> None:
    through(embedded, group, sides_in(group))


@pytest.mark.parametrize("scene", scenes("embedded"), ids=lambda scene: scene.__name__)
def test_nothing_is_lost_doubled_or_told_wrongly(embedded: Town, scene: Scene) -> None:
    print(scene(embedded, Size()))
