"""Reads how long a country keeps the content of letters: ``retention.toml``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from gateway.domain.content import Kind
from gateway.domain.evidence.retention import DEFAULT_RULE, RetentionRule
from gateway.i18n.country_fields import number, truth
from gateway.i18n.country_files import Files
from gateway.i18n.country_parts import names

LONGEST_DAYS = 36_600
_CODE = re.compile(Kind.CODE.pattern or "")


def retention_rules(files: Files, languages: Sequence[str]) -> Iterable[RetentionRule]:
    """The rules, ``[[rule]]``; no code and no document type stands in two of them."""
    head = files.fields("retention.toml")
    codes: set[str] = {DEFAULT_RULE}
    named: set[str] = set()
    for entry in head.tables("rule"):
        code = entry.take("code", "a code", _code)
        types = entry.take("document_types", "a list of different codes", _codes)
        days = entry.take("days", f"a whole number from 1 to {LONGEST_DAYS}", number(1, LONGEST_DAYS))
        confirmed = entry.take("confirmed", "true or false", truth)
        title = names(entry, languages)
        if code in codes:
            entry.note("code", f"{code} is taken")
        for twice in sorted(named & (types or frozenset())):
            entry.note("document_types", f"{twice} has a rule already")
        if code is not None and types is not None and days is not None and confirmed is not None:
            codes.add(code)
            named |= types
            yield RetentionRule(code, days, types, title, confirmed)
    head.close()


def _code(value: Any) -> str | None:
    return value if _CODE.fullmatch(value) and len(value) <= Kind.CODE.max_length else None


def _codes(value: Any) -> frozenset[str] | None:
    codes = frozenset(value) if isinstance(value, list) else frozenset()
    good = all(_code(code) for code in codes) and len(codes) == len(value) > 0
    return codes if good else None
