"""Reads a country pack: a folder ``<code>/`` with ``pack.toml`` and what it brings along.

The folder may hold ``holidays.toml`` (movable holidays), ``messages.<language>.po`` (own texts),
``reasons.toml`` (own texts of reasons), ``retention.toml`` (terms of content), ``procedures.toml`` (time
limits) and an emblem. Each file is looked for in every directory in order, so that an operator's own
list of holidays wins over the one that came with the hub.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.domain.content import Kind
from gateway.domain.errors import Misconfigured
from gateway.i18n import country_parts as parts
from gateway.i18n.catalogue import FALLBACK
from gateway.i18n.country_fields import Fields, truth
from gateway.i18n.country_files import Files
from gateway.i18n.country_model import (
    Check,
    CountryPack,
    FixedHoliday,
    IdentifierScheme,
    MovableHoliday,
    ReasonText,
)
from gateway.i18n.country_procedures import procedures
from gateway.i18n.country_retention import retention_rules

__all__ = [
    "Check",
    "CountryPack",
    "FixedHoliday",
    "IdentifierScheme",
    "MovableHoliday",
    "ReasonText",
    "load_country",
]


def load_country(code: str, directories: Iterable[Path]) -> CountryPack:
    """The pack of country ``code``.

    Args:
        directories: where folders of packs lie; a file in an earlier one hides that of a later one.

    Raises:
        Misconfigured: one sentence for each fault, naming file and key.
    """
    files = Files(code, tuple(directories))
    if re.fullmatch("[a-z]{2}", code) is None or files.find("pack.toml") is None:
        searched = ", ".join(str(directory) for directory in files.directories)
        raise Misconfigured([f"hub.country: no country pack {code!r} in {searched}"])
    pack = _pack(code, files)
    if files.faults or pack is None:
        raise Misconfigured(files.faults)
    return pack


def _pack(code: str, files: Files) -> CountryPack | None:
    head = files.fields("pack.toml")
    languages = head.take("languages", "a list of different language tags, the default first", _languages)
    if languages is None:
        return None
    pack = CountryPack(
        code=code,
        names=parts.names(head, languages),
        languages=languages,
        fallback=head.take("fallback", f"a language of the pack or {FALLBACK}", _one_of(languages), FALLBACK)
        or FALLBACK,
        time_zone=head.take("time_zone", "a time zone such as Africa/Casablanca", _zone) or ZoneInfo("UTC"),
        working_week=head.take("working_week", "a list of ISO weekdays, 1 (Monday) to 7", _week)
        or frozenset(),
        confirmed=head.take("confirmed", "true or false", truth, False) or False,
        fixed_holidays=tuple(parts.fixed_holidays(head, languages)),
        identifiers={scheme.code: scheme for scheme in parts.identifiers(head, languages)},
        emblem=_emblem(head, files),
        movable_holidays=tuple(parts.movable_holidays(files, languages)),
        catalogues=parts.catalogues(files, languages),
        reasons=parts.reasons(files, languages),
        procedures=tuple(procedures(files, languages)),
        retention=tuple(retention_rules(files, languages)),
    )
    head.close()
    return pack


def _languages(value: Any) -> tuple[str, ...] | None:
    pattern = re.compile(Kind.LANGUAGE.pattern or "")
    good = all(pattern.fullmatch(tag) for tag in value) and len(set(value)) == len(value) > 0
    return tuple(value) if good else None


def _one_of(languages: Sequence[str]) -> Any:
    return lambda value: value if value in (*languages, FALLBACK) else None


def _zone(value: Any) -> ZoneInfo | None:
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, OSError):
        return None


def _week(value: Any) -> frozenset[int] | None:
    days = frozenset(value)
    return days if days and days <= set(range(1, 8)) and len(days) == len(value) else None


def _emblem(head: Fields, files: Files) -> Path | None:
    name = head.take("emblem", "the name of an SVG or PNG file in the pack", _picture, "")
    if not name:
        return None
    found = files.find(name)
    if found is None:
        head.note("emblem", f"there is no file {name}")
    return found


def _picture(value: Any) -> str | None:
    return value if re.fullmatch(r"[A-Za-z0-9_-]+\.(svg|png)", value) else None
