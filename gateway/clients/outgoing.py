"""A request as it may leave the hub: nothing in it can be read as a second request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway import __version__
from gateway.clients.address import Target
from gateway.domain.errors import Ambiguous, GatewayFault, Permanent

NO_FORM = "WASL-DLV-007"
ADAPTER_FAULT = "WASL-DLV-014"
CONTENT_GONE = "WASL-DLV-015"

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 5.6.2
_METHOD = re.compile(r"[A-Z]{1,20}")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 5.5
_FRAMING = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_PIECE = 64 * 1024


@dataclass(frozen=True)
class Outgoing:
    """One request, checked; ``pieces`` can be sent once and are None without a body."""

    method: str
    path: str
    headers: Mapping[str, str]
    pieces: Iterator[bytes] | None


def checked(
    target: Target,
    method: str,
    headers: Mapping[str, str] | None,
    body: bytes | Iterator[bytes] | None,
    content_length: int | None,
) -> Outgoing:
    """The request with the headers that frame it.

    Raises:
        Permanent: method or headers could be read as something else.
        ValueError: the body's length is not known, or not the one stated.
    """
    if not _METHOD.fullmatch(method) or method in ("CONNECT", "TRACE"):
        raise Permanent(NO_FORM, "the method is not one")
    wanted = dict(headers or {})
    _check_headers(wanted)
    length = _length(method, body, content_length)
    framing = {"Host": target.authority, "Connection": "close", "Accept-Encoding": "identity"}
    if length is not None:
        framing["Content-Length"] = str(length)
    if not any(name.lower() == "user-agent" for name in wanted):
        framing["User-Agent"] = f"wasl/{__version__}"
    pieces = None if body is None else _pieces(body, length or 0)
    return Outgoing(method, target.path, framing | wanted, pieces)


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Permanent(NO_FORM, "a header has characters that no header may have")
        if name.lower() in _FRAMING:
            raise Permanent(NO_FORM, f"the header {name} is the client's own")
    if len({name.lower() for name in headers}) < len(headers):
        raise Permanent(NO_FORM, "a header stands twice")


def _length(method: str, body: bytes | Iterator[bytes] | None, stated: int | None) -> int | None:
    if isinstance(body, bytes):
        found: int | None = len(body)
    elif body is None:
        found = 0 if stated is not None or method in ("POST", "PUT", "PATCH") else None
    else:
        found = stated
        if stated is None or stated < 0:
            raise ValueError("a streamed body needs its length")
    if stated not in (None, found):
        raise ValueError(f"the body has {found} octets, not {stated}")
    return found


def _pieces(body: bytes | Iterator[bytes], length: int) -> Iterator[bytes]:
    """The body in pieces, and not one octet more or less than stated."""
    sent = 0
    for chunk in (body,) if isinstance(body, bytes) else _content(body):
        sent += len(chunk)
        if sent > length:
            raise Ambiguous(ADAPTER_FAULT, "the streamed body is longer than stated")
        for start in range(0, len(chunk), _PIECE):
            yield chunk[start : start + _PIECE]
    if sent < length:
        raise Ambiguous(ADAPTER_FAULT, "the streamed body is shorter than stated")


def _content(body: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from body
    except GatewayFault as error:
        raise Ambiguous(CONTENT_GONE, "the content broke off while it was sent") from error
