"""The adapter to copy keeps what the contract asks of every kind."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.skeleton import SkeletonAdapter
from gateway.domain.errors import Ambiguous, Permanent, Temporary
from tests.unit.adapters.doubles import ORIGINAL, context, letter, said, sent

OPTIONS = {"url": "https://target.example/in", "token": "t"}
ADAPTER = SkeletonAdapter()


def test_letter_is_posted_as_signed_under_its_delivery_id() -> None:
    used = context(OPTIONS, said(201, b" 42\n", "text/plain; charset=utf-8"))
    assert ADAPTER.deliver(letter(), used).target_reference == "42"
    [call] = sent(used)
    assert call.body == ORIGINAL
    assert call.headers == {
        "Content-Type": "application/xml",
        "Idempotency-Key": letter().delivery_id,
        "Authorization": "Bearer secret of t",
    }


def test_token_is_optional() -> None:
    used = context({"url": "https://target.example/in"}, said(200, b"", "text/plain"))
    assert ADAPTER.deliver(letter(), used).target_reference is None
    assert "Authorization" not in sent(used)[0].headers


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (said(503), Temporary),
        (said(422), Permanent),
        (said(500), Ambiguous),
        (said(200, b"<html>", "text/html"), Ambiguous),
    ],
)
def test_trouble(answer: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        ADAPTER.deliver(letter(), context(OPTIONS, answer))


def test_wrong_options_are_named() -> None:
    assert ADAPTER.check_options(OPTIONS) == []
    faults = ADAPTER.check_options({"url": "x", "token": 5, "colour": "blue"})
    assert [fault.partition(":")[0] for fault in faults] == ["url", "token", "colour"]
