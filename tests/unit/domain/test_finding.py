"""Findings have words in every language, and every code that the checks use has them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain.evidence.finding import Finding, texts

ROOT = Path(__file__).resolve().parents[3]
AREAS = ("ledger", "receipt", "rendering", "chain", "letter", "delivery", "content", "purge", "check")
CODE = re.compile(rf"(?:{'|'.join(AREAS)})\.[a-z-]+")
CHECKS = (
    "exchange/evidence/ledger_check.py",
    "exchange/evidence/ledger_walk.py",
    "exchange/evidence/lineage.py",
    "exchange/evidence/selfcheck.py",
    "exchange/evidence/reconcile.py",
    "exchange/evidence/receipt_check.py",
    "exchange/evidence/content_check.py",
    "domain/evidence/reconcile.py",
)


def used() -> Iterator[str]:
    """Every text in the checks that looks like a code."""
    for name in CHECKS:
        for node in ast.walk(ast.parse((ROOT / "gateway" / name).read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                yield node.value


def test_every_code_has_words_and_all_words_are_used() -> None:
    assert set(used()) == set(texts())


def test_every_text_exists_in_every_language_with_the_same_placeholders() -> None:
    for code, words in texts().items():
        assert set(words) == {"ar", "fr", "en"}, code
        named = [set(re.findall(r"\{(\w+)\}", text)) for text in words.values()]
        assert named[0] == named[1] == named[2], code


@pytest.mark.parametrize(("language", "word"), [("ar", "مفقودة"), ("fr", "manquent"), ("xx", "missing")])
def test_finding_tells_its_values(language: str, word: str) -> None:
    said = Finding("ledger.gap", {"origin": "o.test", "first": "3"}).text(language)
    assert word in said
    assert "3" in said
    assert "…" in said
