"""Parameters of an address, each at most once, and the size of a page."""

from __future__ import annotations

from flask import Request

from gateway.domain.errors import Refused
from gateway.web.reading import BAD_PARAMETER


def once(request: Request, name: str) -> str | None:
    """The value of a parameter, or None.

    Raises:
        Refused: it is there twice.
    """
    values = request.args.getlist(name)
    if len(values) > 1:
        raise Refused.because(BAD_PARAMETER, name)
    return values[0] if values else None


def limit(request: Request, usual: int, most: int) -> int:
    """How many entries a page is to have: ``limit``, from 1 to ``most``.

    Raises:
        Refused: it is no such number.
    """
    return size_of(once(request, "limit"), usual, most)


def size_of(text: str | None, usual: int, most: int) -> int:
    """The size of a page that ``text`` asks for, if it does.

    Raises:
        Refused: it is no such number.
    """
    if text is None:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= most):
        raise Refused.because(BAD_PARAMETER, "limit")
    return int(text)
