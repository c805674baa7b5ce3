"""Patterns that both schema languages share, and what they mean in words."""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import Enum

from gateway.domain.content import Kind
from gateway.wire.scalars import forms
from gateway.wire.shapes import Shape, bounds, entries, shapes

# Years 1900 to 2999: a moment near datetime's own ends cannot be moved to another zone.
_DAY = "(19|2[0-9])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
_ZONE = "(Z|[+\\-](0[0-9]|1[0-3]):[0-5][0-9]|[+\\-]14:00)"

PATTERNS: dict[type, str] = {
    bool: "true|false",
    date: _DAY,
    datetime: f"{_DAY}T{_TIME}{_ZONE}",
    int: "0|-?[1-9][0-9]*",
    bytes: "([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/][AQgw]==)?",
}

MEANINGS: dict[type, str] = {
    bool: "true or false",
    date: "a calendar date YYYY-MM-DD of the years 1900 to 2999",
    datetime: "a moment with seconds and zone (RFC 3339), at most six digits of a fraction, years 1900-2999",
    int: "a whole number",
    bytes: "base64",
}


def expectation(shape: Shape, *, one: bool = False) -> str:
    """What a field may hold, as a short phrase; of ``one`` entry when the field is a list."""
    if shape.many and not one:
        fewest, most = entries(shape)
        return f"a list of {fewest} to {most} entries" if most else f"a list of at least {fewest} entry"
    if shape.is_model:
        return known(shape.leaf)
    if issubclass(shape.leaf, Enum):
        return _shortened("one of " + ", ".join(str(member.value) for member in shape.leaf))
    low, high = bounds(shape) if shape.leaf in (str, int, bytes) else (0, 0)
    if shape.leaf is str and shape.item.kind is not None:
        return _text(shape.item.kind, low, high)
    if shape.leaf is int:
        return f"a whole number from {low} to {high}"
    return f"base64 of {low} to {high} octets" if shape.leaf is bytes else MEANINGS[shape.leaf]


def known(model: type, mark: str = "") -> str:
    """Which fields a content model has, the required ones first, each name between ``mark``."""
    named = shapes(model)
    must = [f"{mark}{shape.json_name}{mark}" for shape in named if shape.required]
    may = [f"{mark}{shape.json_name}{mark}" for shape in named if not shape.required]
    if not must:
        return "any of the fields " + ", ".join(may)
    return "the fields " + ", ".join(must) + (" and optionally " + ", ".join(may) if may else "")


def _text(kind: Kind, low: int, high: int) -> str:
    if kind is Kind.VERSION:
        return "1.0"
    phrase = kind.doc[0].lower() + kind.doc[1:].rstrip(".")
    return f"{phrase}; at most {high} characters" if kind.pattern else f"{phrase}; {low} to {high} characters"


def _shortened(text: str, longest: int = 300) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


_LINE = r"[^\x00-\x1f\x7f]*"


def accepts(shape: Shape, text: str) -> bool:
    """Whether ``text``, from an XML document, is a value of a scalar field or of one of its entries."""
    if shape.leaf is str and shape.item.kind is not None:
        return _is_kind(shape.item.kind, text) and _within(shape, len(text))
    if issubclass(shape.leaf, Enum):
        return text in {member.value for member in shape.leaf}
    text = "".join(text.split()) if shape.leaf is bytes else text.strip(" \t\r\n")
    if re.fullmatch(PATTERNS[shape.leaf], text) is None:
        return False
    try:
        value = forms(shape.leaf)[1](text)
    except ValueError:  # a day that its month does not have, an endless number
        return False
    return shape.leaf not in (int, bytes) or _within(shape, value if shape.leaf is int else len(value))


def _is_kind(kind: Kind, text: str) -> bool:
    pattern = kind.pattern or (None if kind is Kind.TEXT else _LINE)
    return pattern is None or re.fullmatch(pattern, text) is not None


def _within(shape: Shape, size: int) -> bool:
    low, high = bounds(shape)
    return low <= size <= high
