"""Requests are read here: media types, bodies, attachments, tokens, wishes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Protocol, cast

from flask import Request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from gateway.domain.errors import Refused, TooLarge, UnsupportedMedia
from gateway.exchange.evidence.fetch import BASELINE, PDF, TIME_STAMPED
from gateway.exchange.evidence.issue import JWS, XML
from gateway.exchange.transit.judge import MEDIA_TYPES
from gateway.exchange.transit.submission import Part, Submission
from gateway.settings import Limits
from gateway.trust.jws import FLATTENED
from gateway.web import correlation
from gateway.wire.mime import RelatedLimits, RelatedReader

TOO_LARGE = "WASL-REQ-002"
CUT_OFF = "WASL-REQ-004"
COMPRESSED = "WASL-REQ-008"
NOT_ACCEPTABLE = "WASL-REQ-009"
BAD_PARAMETER = "WASL-REQ-010"
RENDERINGS = {BASELINE: (XML, JWS, PDF), TIME_STAMPED: (XML, FLATTENED, PDF)}
"""Media types of the renderings at each level, the default in front."""
RELATED = "multipart/related"
_UNBOUNDED = 1 << 62
_DRAINED = 64 * 1024 * 1024
_CHUNK = 64 * 1024


@contextmanager
def submission(request: Request, limits: Limits, *, for_receipt: bool = True) -> Iterator[Submission]:
    """The submission in a request, streamed; what nobody read is drained at the end, within bounds.

    Args:
        for_receipt: the answer is a receipt, in a rendering that the sender must accept.

    Raises:
        UnsupportedMedia, TooLarge, Refused: the request is not one that the hub takes.
    """
    with body(request) as stream:
        media_type = (request.mimetype or "").lower()
        if media_type == RELATED:
            media_type, root, parts = _related(request, stream, limits)
        elif media_type in MEDIA_TYPES:
            root, parts = whole(request, stream, limits.envelope_bytes), iter(())
        else:
            raise UnsupportedMedia.instead_of(*MEDIA_TYPES, RELATED, found=media_type)
        answer = answer_type(request, media_type) if for_receipt else XML
        yield Submission(root, media_type, parts, answer, correlation.call())


@contextmanager
def body(request: Request) -> Iterator[Body]:
    """A body that has limits of its own, to be read as it arrives; what nobody read is drained at the end.

    Raises:
        UnsupportedMedia: it is compressed.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMedia.because(COMPRESSED)
    request.max_content_length = _UNBOUNDED
    stream = Body(cast("BinaryIO", request.stream))
    try:
        yield stream
    finally:
        drain(stream)


class Readable(Protocol):
    """A body."""

    def read(self, size: int, /) -> bytes: ...


class Body:
    """A request's body; where the client goes away or its chunks break, it ends, and readers notice."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        try:
            return self._stream.read(size)
        except (ClientDisconnected, ParseException):
            return b""


def _related(request: Request, stream: Body, limits: Limits) -> tuple[str, bytes, Iterator[Part]]:
    reader = RelatedReader(
        stream,
        request.headers["Content-Type"],
        RelatedLimits(root=limits.envelope_bytes, parts=limits.request_parts - 1),
    )
    media_type, root = reader.root()
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMedia.instead_of(*MEDIA_TYPES, found=media_type)
    return media_type, root, reader.parts()


def whole(request: Request, stream: Body, limit: int) -> bytes:
    """A body of at most ``limit`` octets.

    Raises:
        TooLarge: it is longer.
        Refused: it was cut off.
    """
    declared = request.content_length
    if declared is not None and declared > limit:
        raise TooLarge.because(TOO_LARGE, expected=str(limit))
    found = stream.read(limit + 1)
    while 0 < len(found) <= limit:
        more = stream.read(limit + 1 - len(found))
        if not more:
            break
        found += more
    if len(found) > limit:
        raise TooLarge.because(TOO_LARGE, expected=str(limit))
    if declared is not None and len(found) < declared:
        raise Refused.because(CUT_OFF)
    return found


def drain(stream: Readable) -> None:
    """Read what nobody read, within bounds.

    A client that is still sending would not read an answer that comes before it has finished.
    """
    left = _DRAINED
    try:
        while left > 0:
            chunk = stream.read(min(_CHUNK, left))
            if not chunk:
                return
            left -= len(chunk)
    except Exception:  # noqa: S110, BLE001 - the answer is decided; the client went away
        pass


def answer_type(request: Request, media_type: str) -> str:
    """The receipt's media type that the sender wants; by default the submission's own syntax.

    Raises:
        Refused: the sender accepts none that exists.
    """
    return _wanted(request, (XML, JWS, PDF) if media_type == XML else (JWS, XML, PDF))


def level_of(request: Request) -> str:
    """The level of a receipt that ``?level=`` asks for: B or T.

    Raises:
        Refused: there is no such level.
    """
    level = request.args.get("level", BASELINE)
    if level not in RENDERINGS or len(request.args.getlist("level")) > 1:
        raise Refused.because(BAD_PARAMETER, "level")
    return level


def receipt_type(request: Request, level: str) -> str:
    """The rendering of a stored receipt that the caller wants; XML by default.

    Raises:
        Refused: the caller accepts none that exists at this level.
    """
    return _wanted(request, RENDERINGS[level])


def _wanted(request: Request, offered: tuple[str, ...]) -> str:
    """What the caller likes best of ``offered``, the first of those that it likes alike (RFC 9110 12.5.1)."""
    accepted = request.accept_mimetypes
    if not accepted:
        return offered[0]
    best = max(offered, key=accepted.quality)
    if accepted.quality(best) <= 0:
        raise Refused.because(NOT_ACCEPTABLE)
    return best


def bearer(request: Request) -> str | None:
    """The access token of a request, or None."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
