"""Towns for tests of faults: one for each shape and process, since a start takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.town import Town, town
from tests.support.shapes import EMBEDDED, SCALED


@pytest.fixture(scope="session")
def town_embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town whose hub needs nothing installed."""
    with town(EMBEDDED, tmp_path_factory.mktemp("embedded")) as made:
        yield made


@pytest.fixture(scope="session")
def town_scaled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town whose hub runs on PostgreSQL, RabbitMQ and an object store of its own."""
    with town(SCALED, tmp_path_factory.mktemp("scaled")) as made:
        yield made


@pytest.fixture
def embedded(town_embedded: Town) -> Iterator[Town]:
    """The same; its hub does not run on beside the next test."""
    yield town_embedded
    town_embedded.stop()


@pytest.fixture
def scaled(town_scaled: Town) -> Iterator[Town]:
    """The same; its hub does not run on beside the next test."""
    yield town_scaled
    town_scaled.stop()


@pytest.fixture
def played_in(request: pytest.FixtureRequest) -> Town:
    """The town of the shape that is the parameter's name."""
    made: Town = request.getfixturevalue(request.param)
    return made
