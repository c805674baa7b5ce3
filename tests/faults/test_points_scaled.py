"""The same points on PostgreSQL, RabbitMQ and an object store."""

from __future__ import annotations

import pytest

from tests.faults.points import SCENES
from tests.faults.test_points import through
from tests.faults.town import Town


@pytest.mark.parametrize("group", SCENES)
def test_who_is_killed_at_a_point_loses_and_doubles_nothing_scaled(scaled: Town, group: str) -> None:
    through(scaled, group)
