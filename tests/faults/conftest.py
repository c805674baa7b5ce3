"""Towns for tests of faults: one for each shape and file, since a start takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.town import Town, town
from tests.support.shapes import EMBEDDED, SCALED


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town whose hub needs nothing installed."""
    with town(EMBEDDED, tmp_path_factory.mktemp("embedded")) as made:
        yield made


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town whose hub runs on PostgreSQL, RabbitMQ and an object store of its own."""
    with town(SCALED, tmp_path_factory.mktemp("scaled")) as made:
        yield made
