"""Parses JSON that every reader understands alike (RFC 7493, I-JSON)."""

from __future__ import annotations

import json
import math
from typing import Any

from gateway.domain.errors import Refused
from gateway.wire.shapes import LARGEST_INTEGER

NOT_STRICT = "WASL-JWS-010"
TOO_DEEP = "WASL-JWS-011"
DEEPEST = 32


def parse_json(octets: bytes) -> Any:
    """The value of one JSON text.

    Raises:
        Refused: no UTF-8, a byte order mark, a repeated member, NaN, a lone surrogate, a number that
            readers disagree about, or more than `DEEPEST` levels.
    """
    try:
        text = octets.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_members, parse_int=_number, parse_float=_number, parse_constant=_constant
        )
    except RecursionError:
        raise Refused.because(TOO_DEEP, expected=str(DEEPEST)) from None
    except ValueError as error:
        raise _not_strict(error) from error
    _inspect(value)
    return value


def _not_strict(error: ValueError) -> Refused:
    if isinstance(error, json.JSONDecodeError):
        return Refused.because(NOT_STRICT, line=error.lineno, found=error.msg)
    return Refused.because(NOT_STRICT, found="no UTF-8" if isinstance(error, UnicodeError) else str(error))


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _number(text: str) -> int | float:
    """A whole number however it is written, 5 or 5.0 or 5e0; JSON knows no other difference."""
    value = float(text)
    if not math.isfinite(value) or abs(value) > LARGEST_INTEGER:
        raise ValueError("a number beyond 2^53")
    return int(value) if value.is_integer() else value


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _inspect(value: Any) -> None:
    """Walks level by level, so that depth costs no stack."""
    level, depth = [value], 0
    while level:
        depth += 1
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                below.extend(one)
                below.extend(one.values())
            elif isinstance(one, list):
                below.extend(one)
            elif isinstance(one, str) and not _encodable(one):
                raise Refused.because(NOT_STRICT, found="a lone surrogate")
        if depth > DEEPEST and below:
            raise Refused.because(TOO_DEEP, expected=str(DEEPEST))
        level = below


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
