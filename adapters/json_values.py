"""Reads JSON that a target answered, and nothing that only resembles it."""

from __future__ import annotations

import json
import math
from typing import Any

DEEPEST = 100
_CHARSETS = frozenset({"utf-8", "us-ascii", "iso-8859-1", "windows-1252", "windows-1256", "iso-8859-6"})
"""In which old systems write what should be UTF-8 (RFC 8259 8.1), if they say so."""


class NoJsonError(ValueError):
    """The octets are no JSON that can be relied on; never leaves the adapters."""


def read_json(octets: bytes, charset: str = "") -> Any:
    """The value that the octets write.

    Args:
        charset: as the answer's Content-Type names it; UTF-8 where it names none.

    Raises:
        NoJsonError: they are no JSON, repeat a name within one object, write a number that is none or
            beyond measure, or nest deeper than `DEEPEST`.
    """
    name = charset.strip().strip('"').lower() or "utf-8"
    try:
        text = octets.decode(name if name in _CHARSETS else "utf-8").removeprefix("\ufeff")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_none, parse_float=_float)
    except (ValueError, RecursionError) as trouble:
        raise NoJsonError from trouble
    _check_depth(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        # Of two values under one name nobody knows which is the letter's number.
        raise NoJsonError
    return table


def _none(word: str) -> Any:
    raise NoJsonError(word)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NoJsonError
    return number


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            part
            for entry in level
            if isinstance(entry, (dict, list))
            for part in (entry.values() if isinstance(entry, dict) else entry)
        ]
        if not level:
            return
    raise NoJsonError
