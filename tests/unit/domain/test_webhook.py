"""What a webhook is told, and what its answers mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.domain.errors import Temporary
from gateway.domain.transit.webhook import Occurrence, Wanted, trouble_of

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_success_is_taken(status: int) -> None:
    assert trouble_of(status, "10", NOW) is None


@pytest.mark.parametrize("status", [100, 301, 304, 400, 401, 404, 408, 410, 429, 500, 503])
def test_everything_else_is_told_again(status: int) -> None:
    error = trouble_of(status, "", NOW)
    assert isinstance(error, Temporary)
    assert (error.code, error.detail, error.retry_after) == ("WASL-WHK-004", f"HTTP {status}", None)


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [("77", 77.0), ("Sun, 01 Mar 2026 09:01:00 GMT", 60.0), ("soon", None), ("-1", None), ("9" * 400, None)],
)
def test_wish_to_wait_is_read_as_seconds_or_as_a_date(wait: str, seconds: float | None) -> None:
    error = trouble_of(503, wait, NOW)
    assert isinstance(error, Temporary)
    assert error.retry_after == seconds


@pytest.mark.parametrize("test", [True, False])
def test_nothing_named_is_everything_of_tests_or_of_real_letters(test: bool) -> None:
    wanted = Wanted("https://example.org/", test=test)
    assert wanted.wants("delivery", "B0000002-T", test)
    assert not wanted.wants("delivery", "B0000002-T", not test)


def test_whole_letter_is_told_whichever_offices_are_named() -> None:
    wanted = Wanted("https://example.org/", ("acceptance", "delivery"), ("B0000001-V",))
    assert wanted.wants("acceptance", None, test=False)
    assert wanted.wants("delivery", "B0000001-V", test=False)
    assert not wanted.wants("delivery", "B0000002-T", test=False)
    assert not wanted.wants("access", "B0000001-V", test=False)


def test_ping_has_nothing_of_a_letter() -> None:
    assert Occurrence("1", "ping", NOW).members("HUB", "2") == {
        "id": "1",
        "hub": "HUB",
        "subscription": "2",
        "kind": "ping",
        "time": "2026-03-01T09:00:00.000Z",
        "test": False,
    }
