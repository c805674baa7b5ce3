"""The one text form of every scalar value, shared by XML and JSON."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

Write = Callable[[Any], str]
Read = Callable[[str], Any]

_MINUTE = timedelta(minutes=1)


def timestamp(moment: datetime) -> str:
    """RFC 3339 with its own offset; a fraction of six digits only where there is one.

    Raises:
        ValueError: no zone, or an offset that is not of whole minutes.
    """
    offset = moment.utcoffset()
    if offset is None or offset % _MINUTE:
        raise ValueError(f"{moment!r} cannot be told in RFC 3339")
    text = moment.isoformat()
    return text.removesuffix("+00:00") + "Z" if not offset else text


def flag(text: str) -> bool:
    """The truth value that ``true`` and ``false`` stand for.

    Raises:
        ValueError: anything else.
    """
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def octets(text: str) -> bytes:
    """Base64 with its padding; white space may stand anywhere, as XML Schema allows.

    Raises:
        ValueError: anything else.
    """
    return base64.b64decode("".join(text.split()), validate=True)


def text_of(octets: bytes) -> str:
    """Base64 on one line."""
    return base64.b64encode(octets).decode("ascii")


_FORMS: dict[type, tuple[Write, Read]] = {
    str: (str, str),
    bool: (lambda value: "true" if value else "false", flag),
    int: (str, int),
    datetime: (timestamp, datetime.fromisoformat),
    date: (date.isoformat, date.fromisoformat),
    bytes: (text_of, octets),
}


def forms(leaf: type) -> tuple[Write, Read]:
    """How a value of type ``leaf`` is written as text and read again."""
    if issubclass(leaf, Enum):
        return (lambda member: str(member.value)), leaf
    return _FORMS[leaf]
