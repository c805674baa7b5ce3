"""Parses JSON that every reader understands alike, in the terms of a refusal."""

from __future__ import annotations

from typing import Any

from gateway.domain.errors import Refused
from gateway.strictjson import NotStrict, TooDeep, read_strict

NOT_STRICT = "WASL-JWS-010"
TOO_DEEP = "WASL-JWS-011"
DEEPEST = 32


def parse_json(octets: bytes) -> Any:
    """The value of one JSON text.

    Raises:
        Refused: it is not strict (`gateway.strictjson`), has a number that is not whole, or has more
            than `DEEPEST` levels.
    """
    try:
        return read_strict(octets, DEEPEST, fractions=False)
    except TooDeep as error:
        raise Refused.because(TOO_DEEP, expected=str(DEEPEST)) from error
    except NotStrict as error:
        raise Refused.because(NOT_STRICT, line=error.line, found=str(error)) from error
