"""The broker fails: both shapes survive it."""

from __future__ import annotations

import pytest

from tests.faults.matrix import Scene, played
from tests.faults.scenes import broker
from tests.faults.size import Size
from tests.faults.town import Town


@pytest.mark.parametrize(("played_in", "scene"), played(broker), indirect=["played_in"])
def test_nothing_is_lost_doubled_or_told_wrongly(played_in: Town, scene: Scene) -> None:
    print(scene(played_in, Size()))
