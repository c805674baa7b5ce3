"""What integration tests may ask for by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.shapes import EMBEDDED, SCALED, Shape, chosen


@pytest.fixture(scope="module", params=[EMBEDDED, SCALED], ids=lambda shape: shape.name)
def shape(request: pytest.FixtureRequest) -> Iterator[Shape]:
    """Both shapes, one after the other; the fixture that builds the hub must ask for it."""
    if request.param.scaled:
        _say(request)
    with chosen(request.param) as shape:
        yield shape


@pytest.fixture(scope="module")
def scaled(request: pytest.FixtureRequest) -> Iterator[Shape]:
    """The scaled shape alone."""
    _say(request)
    with chosen(SCALED) as shape:
        yield shape


def _say(request: pytest.FixtureRequest) -> None:
    """Tell once which server the tests use; skip them where there is none."""
    from tests.support.postgres import server

    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    told = server().told
    if reporter is not None and not hasattr(request.config, "wasl_told"):
        request.config.wasl_told = True  # type: ignore[attr-defined]
        reporter.write_line(f"PostgreSQL: {told}")
