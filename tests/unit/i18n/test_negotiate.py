"""The language of an answer follows what the caller prefers."""

from __future__ import annotations

import time

import pytest

from gateway.i18n import choose_language

OFFERED = ("ar", "fr", "en")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "ar"),
        ("", "ar"),
        ("fr", "fr"),
        ("FR-ma", "fr"),
        ("zgh, fr-MA;q=0.8, en;q=0.9", "en"),
        ("zgh", "ar"),
        ("*", "ar"),
        ("*;q=0, fr", "fr"),
        ("*;q=0", "ar"),
        ("zgh, *;q=0.5", "ar"),
        ("ar;q=0, *", "fr"),
        ("ar;q=0, fr;q=0, en;q=0, *", "ar"),
        ("fr;q=0, en;q=0.1", "en"),
        ("en;q=0.5, fr;q=0.5", "en"),
        ("en; q=1.0", "en"),
        ("fr;q=2, en", "en"),
        ("fr;q=x, en", "en"),
        ("fr;v=1, en", "en"),
        ("fr;q=nan", "ar"),
        (";;;,,,=q", "ar"),
        ("en-", "en"),
    ],
)
def test_choice(header: str | None, expected: str) -> None:
    assert choose_language(header, OFFERED, "ar") == expected


def test_a_regional_offer_is_found_exactly() -> None:
    assert choose_language("pt-br", ["pt", "pt-BR"], "pt") == "pt-BR"


def test_a_huge_header_is_bounded() -> None:
    start = time.perf_counter()
    assert choose_language("a-" * 500_000 + ",fr", OFFERED, "en") == "en"
    assert time.perf_counter() - start < 1
