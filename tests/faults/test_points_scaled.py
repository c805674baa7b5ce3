"""Processes of the scaled shape die at every point: PostgreSQL, RabbitMQ, an object store, all of our own."""

from __future__ import annotations

import pytest

from tests.faults.points import SCENES, sides_in, through
from tests.faults.town import Town


@pytest.mark.parametrize("group", SCENES)
def test_who_is_killed_at_a_point_loses_and_doubles_nothing(scaled: Town, group: str) -> None:
    through(scaled, group, sides_in(group))
