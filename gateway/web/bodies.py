"""Small JSON bodies of requests, read member by member: what nobody knows is refused, not passed over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, TypeVar

from flask import Request

from gateway.domain.errors import Refused, UnsupportedMedia
from gateway.domain.lines import is_line
from gateway.web.reading import BAD_PARAMETER, COMPRESSED
from gateway.wire.strict_json import parse_json

JSON = "application/json"
Value = TypeVar("Value")
_LONGEST = 240
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Members:
    """The members of one JSON object.

    Each getter raises Refused where the member is there and is not what it has to be.
    """

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = members

    def line(self, name: str, longest: int = _LONGEST) -> str | None:
        """A text in one line, not empty."""
        value = self._members.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip() or len(value) > longest or not is_line(value):
            raise Refused.because(BAD_PARAMETER, name)
        return value

    def needed(self, name: str, longest: int = _LONGEST) -> str:
        """A text in one line that must be there."""
        value = self.line(name, longest)
        if value is None:
            raise Refused.because(BAD_PARAMETER, name)
        return value

    def day(self, name: str) -> date | None:
        """A day, ``YYYY-MM-DD``."""
        text = self.line(name)
        if text is None:
            return None
        if not _DAY.fullmatch(text):
            raise Refused.because(BAD_PARAMETER, name)
        return _read(date.fromisoformat, text, name)

    def moment(self, name: str) -> datetime | None:
        """A moment with its zone (RFC 3339)."""
        text = self.line(name)
        if text is None:
            return None
        moment = _read(datetime.fromisoformat, text, name)
        if moment.tzinfo is None:
            raise Refused.because(BAD_PARAMETER, name)
        return moment

    def switch(self, name: str) -> bool | None:
        """True or false."""
        value = self._members.get(name)
        if value is not None and not isinstance(value, bool):
            raise Refused.because(BAD_PARAMETER, name)
        return value

    def texts(self, name: str, most: int) -> tuple[str, ...] | None:
        """A list of at most so many different texts, each in one line; it may be empty."""
        values = self._members.get(name)
        if values is None:
            return None
        if not isinstance(values, list) or len(values) > most:
            raise Refused.because(BAD_PARAMETER, name)
        found = tuple(Members({name: value}).needed(name) for value in values)
        if len(set(found)) < len(found):
            raise Refused.because(BAD_PARAMETER, name)
        return found


def members(request: Request, *known: str) -> Members:
    """The JSON object in a request's body, or none at all.

    Args:
        known: the members that there may be.

    Raises:
        UnsupportedMedia: the body is compressed, or no JSON by its own word.
        Refused: it is no strict JSON object, or has other members.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMedia.because(COMPRESSED)
    octets = request.get_data(cache=False)
    if not octets:
        return Members({})
    if request.mimetype != JSON:
        raise UnsupportedMedia.instead_of(JSON, found=request.mimetype)
    value = parse_json(octets)
    if not isinstance(value, dict):
        raise Refused.because(BAD_PARAMETER, "/")
    for name in value:
        if name not in known:
            raise Refused.because(BAD_PARAMETER, name[:_LONGEST])
    return Members(value)


def _read(read: Callable[[str], Value], text: str, name: str) -> Value:
    try:
        return read(text)
    except ValueError as error:
        raise Refused.because(BAD_PARAMETER, name) from error
