"""Answers that several doors give: fresh members as JSON, and a file in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

from flask import Response, jsonify

_CHUNK = 256 * 1024


def fresh(members: dict[str, Any]) -> Response:
    """Members that may be others at the next call."""
    answer = jsonify(members)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def in_pieces(file: BinaryIO, size: int, content_type: str) -> Response:
    """A file of so many octets, so that its length costs no memory; it is closed with the answer."""
    answer = Response(_pieces(file), content_type=content_type)
    answer.call_on_close(file.close)  # also when nobody reads to the end
    answer.content_length = size
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        yield from iter(partial(file.read, _CHUNK), b"")
