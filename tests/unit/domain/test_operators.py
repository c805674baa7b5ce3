"""Operators are told cause and next action of everything that an attempt can end with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.domain.evidence.operators import Advice, advice, advised
from gateway.domain.evidence.reasons import catalogue
from gateway.domain.transit.grounds import GROUNDS

ROOT = Path(__file__).resolve().parents[3]
LANGUAGES = {"ar", "fr", "en"}
WHERE_ATTEMPTS_END = (
    *sorted((ROOT / "adapters").rglob("*.py")),
    *sorted((ROOT / "gateway" / "clients").rglob("*.py")),
    *(
        ROOT / "gateway" / "exchange" / "transit" / f"{name}.py"
        for name in ("attempt", "claim", "dispatch", "routes", "sound", "underway")
    ),
)
NO_ATTEMPT = {"WASL-DLV-059"}
"""Said of receipts that are told to senders: no attempt at a letter ends so."""


def ends() -> set[str]:
    """Every code that the parts write which end attempts."""
    text = "\n".join(path.read_text("utf-8") for path in WHERE_ATTEMPTS_END)
    return set(re.findall(r"WASL-DLV-\d{3}", text)) - set(GROUNDS) - NO_ATTEMPT


def test_every_end_of_an_attempt_has_a_cause_and_a_next_action() -> None:
    assert len(ends()) > 15
    assert sorted(ends() - set(advised())) == []
    assert sorted(set(advised()) - set(catalogue())) == []


@pytest.mark.parametrize("code", sorted(advised()))
def test_advice_exists_in_every_language_in_its_own_script(code: str) -> None:
    found = advised()[code]
    assert set(found) == LANGUAGES
    for words in (lambda one: one.cause, lambda one: one.action):
        ar, fr, en = (words(found[language]) for language in ("ar", "fr", "en"))
        assert len({ar, fr, en}) == 3
        assert re.search(r"[\u0620-\u064a]", ar)
        assert not re.search(r"[\u0600-\u06ff]", fr + en)
        assert all(text.strip() == text and text.endswith(".") for text in (ar, fr, en))


def test_advice_is_given_in_english_where_a_language_is_missing() -> None:
    assert isinstance(advice("WASL-DLV-001", "en"), Advice)
    assert advice("WASL-DLV-001", "xx") == advice("WASL-DLV-001", "en")
    assert advice("WASL-REQ-001", "en") is None
