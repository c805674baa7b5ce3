"""Processes of the embedded shape die at every point: SQLite, files, no broker."""

from __future__ import annotations

import pytest

from tests.faults.points import SCENES, sides_in, through
from tests.faults.town import Town


@pytest.mark.parametrize("group", SCENES)
def test_who_is_killed_at_a_point_loses_and_doubles_nothing(embedded: Town, group: str) -> None:
    through(embedded, group, sides_in(group))
