"""Reads JSON that means the same to every reader (RFC 7493, I-JSON), and refuses all other."""

from __future__ import annotations

import json
import math
import re
from typing import Any

LARGEST_INTEGER = 2**53 - 1
"""Beyond it a reader with binary64 numbers sees another number (RFC 7493 2.2)."""

# An unterminated string runs to the end, so that no input makes the expression try twice.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class NotStrict(ValueError):
    """The octets are no strict JSON; ``line`` counts from 1, where the parser knows it."""

    def __init__(self, found: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(found)


class TooDeep(NotStrict):
    """Nested deeper than allowed."""


def read_strict(octets: bytes, max_depth: int = 32, *, fractions: bool = True) -> Any:
    """The value that ``octets`` hold.

    Args:
        max_depth: how many objects and lists may lie within one another.
        fractions: whether a number may have a fraction or an exponent; where every number is a whole
            one, readers differ about ``5.0``.

    Raises:
        TooDeep: nested deeper.
        NotStrict: not UTF-8, a byte order mark, not JSON, a member written twice in one object
            (escapes undone), NaN or an infinity, an integer beyond 2^53 - 1, a lone surrogate.
    """
    if _depth(octets) > max_depth:
        raise TooDeep(f"nested deeper than {max_depth}")
    try:
        text = octets.decode("utf-8", "strict")
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_number if fractions else _fraction,
            parse_constant=_constant,
        )
    except NotStrict:
        raise
    except json.JSONDecodeError as error:
        raise NotStrict(error.msg, error.lineno) from error
    except ValueError as error:
        raise NotStrict("no UTF-8" if isinstance(error, UnicodeError) else "no JSON") from error
    if _ESCAPED_SURROGATE.search(text):
        _refuse_surrogates(value)
    return value


def _depth(octets: bytes) -> int:
    # Counted before parsing, because the parser recurses.
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", octets)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotStrict("a member stands twice in one object")
    return members


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > LARGEST_INTEGER:
        raise NotStrict("an integer beyond 2^53")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value) or (value.is_integer() and abs(value) > LARGEST_INTEGER):
        raise NotStrict("a number that not every reader can hold")
    return value


def _fraction(digits: str) -> float:
    raise NotStrict("a number with a fraction or an exponent")


def _constant(name: str) -> None:
    raise NotStrict(f"{name} is no JSON")


def _refuse_surrogates(value: Any) -> None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise NotStrict("a lone surrogate") from error
    elif isinstance(value, dict):
        for name, member in value.items():
            _refuse_surrogates(name)
            _refuse_surrogates(member)
    elif isinstance(value, list):
        for entry in value:
            _refuse_surrogates(entry)
