"""The catalogue of reasons is complete, in every language."""

from __future__ import annotations

import re
import string

import pytest

from gateway.domain.errors import Fault
from gateway.domain.evidence.reasons import Actor, Reason, catalogue, explain

LANGUAGES = {"ar", "fr", "en"}
REASONS = sorted(catalogue().values(), key=lambda reason: reason.code)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.code)
class TestEveryReason:
    def test_has_a_code_of_the_form(self, reason: Reason) -> None:
        assert re.fullmatch(r"WASL-[A-Z]{3}-[0-9]{3}", reason.code)

    def test_has_text_and_remedy_in_every_language(self, reason: Reason) -> None:
        assert set(reason.texts) == set(reason.remedies) == LANGUAGES
        assert all(text.strip() == text != "" for text in (*reason.texts.values(), *reason.remedies.values()))

    def test_has_the_same_placeholders_in_every_language(self, reason: Reason) -> None:
        for language in LANGUAGES:
            assert placeholders(reason.texts[language]) == placeholders(reason.texts["en"]), language
            assert placeholders(reason.remedies[language]) == placeholders(reason.remedies["en"]), language

    def test_is_written_in_the_script_of_its_language(self, reason: Reason) -> None:
        for words in (reason.texts, reason.remedies):
            assert re.search(r"[\u0620-\u064a]", words["ar"])
            assert not re.search(r"[\u0600-\u06ff]", words["fr"] + words["en"])
            assert len({words["ar"], words["fr"], words["en"]}) == 3

    def test_blames_the_right_side(self, reason: Reason) -> None:
        if reason.http is not None:
            assert 400 <= reason.http < 600
            assert (reason.act is Actor.HUB) == (reason.http >= 500)


def test_explaining_fills_placeholders_from_the_fault() -> None:
    fault = Fault("WASL-ATT-003", found="3", expected="4", values={"name": "a.pdf"})
    text, remedy = explain(fault, "en")
    assert text == "Attachment a.pdf has 3 octets instead of 4."
    assert remedy == catalogue()["WASL-ATT-003"].remedies["en"]


def test_explaining_in_another_language() -> None:
    assert explain(Fault("WASL-XML-001"), "fr")[0] == catalogue()["WASL-XML-001"].texts["fr"]


def test_explaining_in_an_unknown_language_is_in_english() -> None:
    assert explain(Fault("WASL-XML-001"), "zgh") == explain(Fault("WASL-XML-001"), "en")


def test_a_value_that_nobody_gave_is_a_gap() -> None:
    assert explain(Fault("WASL-ATT-001"), "en")[0] == "The content of attachment … is missing."


def test_a_value_cannot_bring_placeholders_of_its_own() -> None:
    fault = Fault("WASL-ATT-001", values={"name": "{found.__class__}"})
    assert explain(fault, "en")[0] == "The content of attachment {found.__class__} is missing."


def test_an_unknown_code_is_an_error() -> None:
    with pytest.raises(KeyError):
        explain(Fault("WASL-XXX-999"), "en")
