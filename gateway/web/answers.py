"""Answers that several doors give: members as JSON, fresh or stable, and a file in pieces."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from typing import Any, BinaryIO
from urllib.parse import quote

from flask import Request, Response, jsonify

from gateway.domain.transit.quota import Allowance

_CHUNK = 256 * 1024


def fresh(members: dict[str, Any]) -> Response:
    """Members that may be others at the next call."""
    answer = jsonify(members)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def stable(request: Request, members: dict[str, Any]) -> Response:
    """Members that are often the same at the next call: whoever has them is told so (RFC 9110 13.1.2)."""
    return conditional(request, jsonify(members))


def conditional(request: Request, answer: Response, cached: str = "private, no-cache") -> Response:
    """An answer that is not sent again to whoever has the same octets.

    Args:
        cached: what caches may do; by default keep it and ask each time.
    """
    answer.set_etag(sha256(answer.get_data()).hexdigest()[:32])
    answer.headers["Cache-Control"] = cached
    answer.make_conditional(request)
    return answer


def tell_allowance(answer: Response, allowance: Allowance | None) -> None:
    """What is left of a quota (draft-ietf-httpapi-ratelimit-headers)."""
    if allowance is not None:
        policy = f'"letters";q={allowance.limit};w={allowance.window}'
        answer.headers["RateLimit-Policy"] = policy
        answer.headers["RateLimit"] = f'"letters";r={allowance.left};t={allowance.seconds}'


def attached_as(name: str) -> str:
    """``Content-Disposition`` of a file with a name in any script (RFC 6266 4.3, RFC 8187 3.2.1).

    A field's value is ASCII: servers refuse to send any other.
    """
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_. ") else "_" for sign in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


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
