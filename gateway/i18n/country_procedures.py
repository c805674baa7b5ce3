"""Reads the procedures of a country that set a time limit: ``procedures.toml``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

from gateway.domain.content import Kind
from gateway.domain.evidence.receipt import DayKind, Silence
from gateway.domain.evidence.timelimit import ClockStart, LimitRule, Procedure
from gateway.i18n.country_fields import Fields, number, truth
from gateway.i18n.country_files import Files
from gateway.i18n.country_parts import names

LONGEST_DAYS = 3660
_NO_TYPES: frozenset[str] = frozenset()
_CODE = re.compile(Kind.CODE.pattern or "")


def procedures(files: Files, languages: Sequence[str]) -> Iterable[Procedure]:
    """The procedures, ``[[procedure]]``; no code and no document type stands in two of them."""
    head = files.fields("procedures.toml")
    codes: set[str] = set()
    types: set[str] = set()
    for entry in head.tables("procedure"):
        title = names(entry, languages)
        listed = entry.take("document_types", "a list of different codes", _codes, _NO_TYPES) or _NO_TYPES
        rule = _rule(entry)
        for twice in sorted(types & listed):
            entry.note("document_types", f"{twice} has a procedure already")
        if rule is not None and rule.code in codes:
            entry.note("code", f"{rule.code} is taken")
        elif rule is not None:
            codes.add(rule.code)
            yield Procedure(rule, title, listed)
        types |= listed
    head.close()


def _rule(entry: Fields) -> LimitRule | None:
    code = entry.take("code", "a code", _code)
    start = entry.take("starts", _one_of(ClockStart), ClockStart)
    days = entry.take("days", f"a whole number from 1 to {LONGEST_DAYS}", number(1, LONGEST_DAYS))
    day_kind = entry.take("counts", _one_of(DayKind), DayKind)
    silence = entry.take("silence", _one_of(Silence), Silence)
    request = entry.take("completion_request", "true or false", truth)
    extension = entry.take(
        "extension_days", f"a whole number to {LONGEST_DAYS}, 0 for none", number(0, LONGEST_DAYS)
    )
    first = entry.take("counts_first_day", "true or false", truth, False)
    ends = entry.take("ends_on_working_day", "true or false", truth, False)
    if code is None or start is None or days is None or day_kind is None or silence is None:
        return None
    return LimitRule(
        code=code,
        start=start,
        days=days,
        day_kind=day_kind,
        silence=silence,
        completion_request=bool(request),
        extension_days=extension or None,
        counts_first_day=bool(first),
        ends_on_working_day=bool(ends),
    )


def _one_of(choices: type[Enum]) -> str:
    return "one of " + ", ".join(choice.value for choice in choices)


def _code(value: Any) -> str | None:
    return value if _CODE.fullmatch(value) and len(value) <= Kind.CODE.max_length else None


def _codes(value: Any) -> frozenset[str] | None:
    codes = frozenset(value) if isinstance(value, list) else frozenset()
    good = all(_code(code) for code in codes) and len(codes) == len(value)
    return codes if good else None
