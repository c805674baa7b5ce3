"""Chooses the language of an answer from what the caller prefers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_LONGEST_HEADER = 1000


def choose_language(accept_language: str | None, offered: Sequence[str], default: str) -> str:
    """The offered language that the header ``Accept-Language`` prefers, or ``default``.

    A range matches as RFC 4647 3.4 looks up: ``fr-MA`` finds ``fr``. What cannot be read is passed
    over, so that a strange header never fails a page.
    """
    known = {language.lower(): language for language in offered}
    ranges = list(_ranges(accept_language or ""))
    refused = {spoken for quality, spoken in ranges if quality == 0}
    for quality, spoken in sorted(ranges, key=lambda entry: -entry[0]):
        if quality == 0:
            continue
        if spoken == "*":
            return _any(known, refused, default)
        found = _look_up(spoken, known)
        if found is not None:
            return found
    return default


def _ranges(header: str) -> Iterator[tuple[float, str]]:
    for part in header[:_LONGEST_HEADER].split(","):
        spoken, _, parameter = part.partition(";")
        quality = _quality(parameter.strip())
        if spoken.strip() and quality is not None:
            yield quality, spoken.strip().lower()


def _quality(parameter: str) -> float | None:
    if not parameter:
        return 1.0
    name, _, text = parameter.partition("=")
    try:
        quality = float(text)
    except ValueError:
        return None
    return quality if name.strip().lower() == "q" and 0 <= quality <= 1 else None


def _any(known: dict[str, str], refused: set[str], default: str) -> str:
    if default.lower() not in refused:
        return default
    return next((language for lowered, language in known.items() if lowered not in refused), default)


def _look_up(spoken: str, known: dict[str, str]) -> str | None:
    while spoken:
        if spoken in known:
            return known[spoken]
        spoken = spoken.rpartition("-")[0]
    return None
