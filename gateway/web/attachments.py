"""The door of contents that are uploaded before their letters: by digest, and resumable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from flask import Blueprint, Request, Response, after_this_request, request, url_for

from gateway.domain.errors import NotFound, Refused
from gateway.domain.transit.uploading import Progress, Span
from gateway.exchange.registry.tokens import SUBMIT
from gateway.exchange.transit.uploads import NOT_FOUND, Uploads
from gateway.web import attachments_described as words
from gateway.web.access import Access
from gateway.web.openapi.described import described
from gateway.web.reading import BAD_PARAMETER, Readable, body

NO_LENGTH = "WASL-REQ-020"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)  # RFC 9110 14.4
_CHUNK = 256 * 1024


def blueprint(uploads: Uploads, access: Access) -> Blueprint:
    """The routes of ``/api/v1/attachments``."""
    door = Blueprint("attachments", __name__, url_prefix="/api/v1/attachments")

    @door.put("/<digest>")
    @access.token(SUBMIT)
    @described(words.PUT)
    def put(party: str, digest: str) -> Response:
        if _DIGEST.fullmatch(digest) is None:
            raise Refused.because(BAD_PARAMETER, "sha256")
        with body(request) as stream:
            try:
                done = uploads.put(party, digest, span_of(request), _chunks(stream))
            except Refused:
                _tell_offset(uploads, party, digest)
                raise
        answer = _told(_empty(201 if done.complete else 202), done)
        answer.headers["Location"] = url_for("attachments.put", digest=digest)
        return answer

    @door.route("/<digest>", methods=["HEAD"])
    @access.token(SUBMIT)
    @described(words.HEAD)
    def head(party: str, digest: str) -> Response:
        if _DIGEST.fullmatch(digest) is None:
            raise NotFound.because(NOT_FOUND)
        return _told(_empty(200), uploads.progress(party, digest))

    return door


def span_of(request: Request) -> Span:
    """Which octets a request brings; a ``PUT`` without ``Content-Range`` brings the whole content.

    Raises:
        Refused: it does not say, or contradicts itself.
    """
    stated, length = request.headers.get("Content-Range"), request.content_length
    if length is None and "Transfer-Encoding" not in request.headers:
        length = 0  # RFC 9112 6.3: then there is no body
    if stated is None:
        if length is None:
            raise Refused.because(NO_LENGTH)
        return Span(None, length, length)
    found = _RANGE.fullmatch(stated)
    if found is None:
        raise Refused.because(BAD_PARAMETER, "Content-Range")
    first, last, size = map(int, found.groups())
    if not first <= last < size or length not in (None, last - first + 1):
        raise Refused.because(BAD_PARAMETER, "Content-Range")
    return Span(first, last - first + 1, size)


def _chunks(stream: Readable) -> Iterator[bytes]:
    yield from iter(partial(stream.read, _CHUNK), b"")


def _tell_offset(uploads: Uploads, party: str, digest: str) -> None:
    """Let a refusal say where the content goes on."""
    try:
        here = uploads.progress(party, digest)
    except NotFound:
        return
    after_this_request(lambda answer: _told(answer, here))


def _empty(status: int) -> Response:
    answer = Response(status=status)
    del answer.headers["Content-Type"]  # there is no content
    return answer


def _told(answer: Response, here: Progress) -> Response:
    """How far the content is, in the fields of draft-ietf-httpbis-resumable-upload."""
    answer.headers["Upload-Offset"] = str(here.received)
    answer.headers["Upload-Length"] = str(here.size)
    answer.headers["Upload-Complete"] = "?1" if here.complete else "?0"
    answer.headers["Cache-Control"] = "no-store"
    if not answer.get_data():
        answer.headers.pop("Content-Type", None)  # of nothing
    return answer
