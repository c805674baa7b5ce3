"""Reads the form of `/verify` as it arrives: small files are kept, the original is only hashed."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from gateway.domain.errors import Refused, TooLarge, UnsupportedMedia
from gateway.web.reading import COMPRESSED, CUT_OFF, TOO_LARGE, drain

MALFORMED = "WASL-REQ-003"
FILES, ORIGINAL = "files", "original"
_CHUNK = 64 * 1024
_READ = 8 * 1024  # the server waits until that much is there, so the deadline is looked at that often
_LONGEST_NAME = 120
_LONGEST_BOUNDARY = 200
_FORM = "multipart/form-data"


@dataclass(frozen=True)
class UploadLimits:
    """Octets of all files together and of the original, how many parts, and seconds for all of it."""

    files: int
    original: int
    parts: int
    seconds: float


@dataclass
class Upload:
    """What came with the form; `original` is a SHA-256 digest in lower-case hexadecimal."""

    files: list[tuple[str, bytes]] = field(default_factory=list)
    original: str | None = None


def read_upload(request: Request, limits: UploadLimits, clock: Callable[[], float]) -> Upload:
    """The files of a ``multipart/form-data`` request; what nobody read is drained, within bounds.

    Args:
        clock: seconds, for the deadline.

    Raises:
        UnsupportedMedia, TooLarge, Refused: not such a request, too large, too slow or cut off.
    """
    boundary = _boundary(request)
    request.max_content_length = limits.files + limits.original + limits.parts * _CHUNK
    reading = _Reading(limits)
    try:
        for event in _events(request, boundary, limits, clock):
            reading.take(event)
        return reading.done()
    except RequestEntityTooLarge as error:
        raise TooLarge.because(TOO_LARGE, expected=str(request.max_content_length)) from error
    except (ValueError, LookupError, AttributeError) as error:
        raise Refused.because(MALFORMED) from error
    finally:
        _drain(request)


def _boundary(request: Request) -> bytes:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMedia.because(COMPRESSED)
    if request.mimetype != _FORM:
        raise UnsupportedMedia.instead_of(_FORM, found=request.mimetype)
    boundary = request.mimetype_params.get("boundary", "")
    if not boundary.isascii() or not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        raise Refused.because(MALFORMED)
    return boundary.encode("ascii")


def _drain(request: Request) -> None:
    with suppress(RequestEntityTooLarge):
        drain(request.stream)


def _events(
    request: Request, boundary: bytes, limits: UploadLimits, clock: Callable[[], float]
) -> Iterator[Event]:
    decoder = MultipartDecoder(boundary, 4 * _CHUNK, max_parts=limits.parts)
    end, stream = clock() + limits.seconds, request.stream
    while True:
        chunk = stream.read(_READ)
        decoder.receive_data(chunk or None)
        yield from _complete(decoder)
        if not chunk:
            return
        if clock() > end:
            raise Refused.because(CUT_OFF)


def _complete(decoder: MultipartDecoder) -> Iterator[Event]:
    event = decoder.next_event()
    while not isinstance(event, NeedData | Epilogue):
        yield event
        event = decoder.next_event()
    if isinstance(event, Epilogue):
        yield event


class _Reading:
    """Puts the parts together, each within what is left of its limit."""

    def __init__(self, limits: UploadLimits) -> None:
        self._limits, self._upload = limits, Upload()
        self._left = {FILES: limits.files, ORIGINAL: limits.original}
        self._field = ""
        self._name = ""
        self._octets = bytearray()
        self._hash: Any = hashlib.sha256()
        self._size = 0
        self._ended = False

    def take(self, event: Event) -> None:
        if isinstance(event, File | Field):
            self._begin(event)
        elif isinstance(event, Data):
            self._add(event.data)
            if not event.more_data:
                self._finish()
        elif isinstance(event, Epilogue):
            self._ended = True

    def done(self) -> Upload:
        """Raises:
        Refused: the form did not end.
        """
        if not self._ended:
            raise Refused.because(CUT_OFF)
        return self._upload

    def _begin(self, part: File | Field) -> None:
        self._field, self._octets, self._size = part.name or "", bytearray(), 0
        self._name = shown_name(part.filename if isinstance(part, File) else None)
        self._hash = hashlib.sha256()

    def _add(self, octets: bytes) -> None:
        kind = ORIGINAL if self._field == ORIGINAL else FILES
        self._left[kind] -= len(octets)
        if self._left[kind] < 0:
            limit = self._limits.original if kind == ORIGINAL else self._limits.files
            raise TooLarge.because(TOO_LARGE, expected=str(limit))
        self._size += len(octets)
        if kind == ORIGINAL:
            self._hash.update(octets)
        elif self._field == FILES:
            self._octets += octets

    def _finish(self) -> None:
        # A field that was left empty comes as a file of no octets.
        if self._size and self._field == ORIGINAL:
            self._upload.original = self._hash.hexdigest()
        elif self._size and self._field == FILES:
            self._upload.files.append((self._name, bytes(self._octets)))


def shown_name(name: str | None) -> str:
    """A file's name without folders and without what could hide or reorder what stands beside it."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    visible = "".join(sign for sign in last if unicodedata.category(sign)[0] != "C")
    return visible[:_LONGEST_NAME] or "—"
