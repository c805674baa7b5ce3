"""Reads the parts of a country pack: names, holidays, identifiers, own texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date as Day
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.domain.errors import Misconfigured
from gateway.domain.evidence.reasons import Reason, catalogue
from gateway.domain.registry.parties import Names
from gateway.i18n.catalogue import FALLBACK, read_catalogue, shipped_languages
from gateway.i18n.country_fields import Fields, number, text, truth
from gateway.i18n.country_files import Files
from gateway.i18n.country_model import Check, FixedHoliday, IdentifierScheme, MovableHoliday, ReasonText
from gateway.i18n.placeholders import placeholders

_REASON = "text and remedy by language of the pack, with the placeholders that the English ones have"
_EVERY_LANGUAGE = "a table with a text in each language of the pack"
_NONE: Mapping[str, ReasonText] = {}


def names(fields: Fields, languages: Sequence[str]) -> Names:
    """The texts of key ``name`` in every language of the pack."""

    def accept(value: Any) -> Names | None:
        complete = set(value) >= set(languages) and all(text(name) for name in value.values())
        return dict(value) if complete else None

    return fields.take("name", _EVERY_LANGUAGE, accept) or {}


def fixed_holidays(head: Fields, languages: Sequence[str]) -> Iterable[FixedHoliday]:
    """Public holidays on the same day every year, ``[[holiday]]`` in ``pack.toml``."""
    for entry in head.tables("holiday"):
        day = entry.take("date", 'a day and month as "MM-DD"', _month_and_day)
        named = names(entry, languages)
        if day is not None:
            yield FixedHoliday(day.month, day.day, named)


def _month_and_day(value: Any) -> Day | None:
    # 2000 is a leap year, so that 29 February is a day.
    return Day.fromisoformat(f"2000-{value}") if re.fullmatch(r"\d\d-\d\d", value) else None


def movable_holidays(files: Files, languages: Sequence[str]) -> Iterable[MovableHoliday]:
    """Public holidays by year, ``[[holiday]]`` in ``holidays.toml``."""
    head = files.fields("holidays.toml")
    for entry in head.tables("holiday"):
        first = entry.take("date", "a date as YYYY-MM-DD, without quotes", _day)
        days = entry.take("days", "a whole number from 1 to 14", number(1, 14), 1)
        announced = entry.take("announced", "true or false", truth)
        named = names(entry, languages)
        if first is not None and days is not None and announced is not None:
            yield MovableHoliday(first, days, named, announced)
    head.close()


def _day(value: Any) -> Day | None:
    return value if isinstance(value, Day) and not isinstance(value, datetime) else None


def identifiers(head: Fields, languages: Sequence[str]) -> Iterable[IdentifierScheme]:
    """Schemes of outside identifiers, ``[[identifier]]`` in ``pack.toml``."""
    for entry in head.tables("identifier"):
        code = entry.take("code", "a code of the letters and digits of identifiers", _scheme_code)
        pattern = entry.take("pattern", "a regular expression", _pattern)
        check = entry.take("check", "one of " + ", ".join(c.value for c in Check), Check, Check.NONE)
        named = names(entry, languages)
        if code is not None and pattern is not None and check is not None:
            yield IdentifierScheme(code, named, pattern, check)


def _pattern(value: Any) -> str | None:
    try:
        re.compile(value)
    except re.error:
        return None
    return value if isinstance(value, str) else None


def _scheme_code(value: Any) -> str | None:
    return value if re.fullmatch(r"[a-z][a-z0-9-]{0,39}", value) else None


def catalogues(files: Files, languages: Sequence[str]) -> Mapping[str, Path]:
    """The pack's own texts, ``messages.<language>.po``."""
    found: dict[str, Path] = {}
    for language in languages:
        path = files.find(f"messages.{language}.po")
        if path is not None:
            found[language] = path
            _check_catalogue(path, files.faults)
        elif language not in shipped_languages():
            files.faults.append(
                f"{files.code}/messages.{language}.po: missing; the gateway has no texts in it"
            )
    return found


def _check_catalogue(path: Path, faults: list[str]) -> None:
    try:
        read_catalogue(path)
    except Misconfigured as fault:
        faults.extend(fault.faults)


def reasons(files: Files, languages: Sequence[str]) -> Mapping[str, Mapping[str, ReasonText]]:
    """The pack's own texts of reasons, ``reasons.toml``."""
    head = files.fields("reasons.toml")
    found: dict[str, Mapping[str, ReasonText]] = {}
    for code, reason in catalogue().items():
        own = head.take(code, _REASON, _reason_texts(reason, languages), _NONE)
        if own:
            found[code] = own
    head.close()
    return found


def _reason_texts(
    reason: Reason, languages: Sequence[str]
) -> Callable[[Any], Mapping[str, ReasonText] | None]:
    expected = placeholders(reason.texts[FALLBACK]), placeholders(reason.remedies[FALLBACK])

    def accept(value: Any) -> Mapping[str, ReasonText] | None:
        texts = {language: ReasonText(**words) for language, words in value.items()}
        right = all((placeholders(own.text), placeholders(own.remedy)) == expected for own in texts.values())
        return texts if right and set(texts) <= set(languages) else None

    return accept
