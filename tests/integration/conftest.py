"""What integration tests may ask for by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import past_the_session, postgres
from tests.support.shapes import EMBEDDED, SCALED, Shape, chosen


@pytest.fixture(scope="module", params=[EMBEDDED, SCALED], ids=lambda shape: shape.name)
def shape(request: pytest.FixtureRequest) -> Iterator[Shape]:
    """Both shapes, one after the other; the fixture that builds the hub must ask for it."""
    if request.param.scaled:
        postgres.server()  # the tests are skipped, and say so, where there is none
    with chosen(request.param) as shape:
        yield shape


@pytest.fixture(scope="module")
def scaled() -> Iterator[Shape]:
    """The scaled shape alone."""
    postgres.server()
    with chosen(SCALED) as shape:
        yield shape


@pytest.fixture(scope="session", autouse=True)
def steps_look_nothing_up() -> Iterator[None]:
    """Every step that is taken together with others is watched, in whatever test."""
    with past_the_session.watched():
        yield
