"""Reads multipart/related (RFC 2387) in constant memory: the root first, then part after part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.domain.errors import Refused, TooLarge, UnsupportedMedia
from gateway.wire.media_types import MediaType, parse_media_type
from gateway.wire.mime_events import Head, Readable, RelatedLimits, events, malformed
from gateway.wire.mime_writer import OutgoingPart, write_related

__all__ = ["OutgoingPart", "Part", "RelatedLimits", "RelatedReader", "write_related"]

ROOT_TOO_LARGE = "WASL-REQ-002"
TWICE = "WASL-ATT-005"

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")  # RFC 2046 5.1.1
_CONTENT_ID = re.compile(r"<?([!-;=?-~]{1,255})>?")
_IDENTITIES = frozenset({"binary", "8bit", "7bit"})


@dataclass(frozen=True)
class Part:
    """A part after the root.

    ``chunks`` give its content while it is the current one, once; asking for the next part discards
    what was not read.
    """

    content_id: str
    media_type: str
    chunks: Iterator[bytes]


class RelatedReader:
    """One multipart/related body: call `root` once, then iterate over `parts` once."""

    def __init__(self, stream: Readable, content_type: str, limits: RelatedLimits) -> None:
        """Reads nothing yet.

        Raises:
            UnsupportedMedia: ``content_type`` is not multipart/related.
            Refused: its parameters are malformed.
        """
        media_type = parse_media_type(content_type)
        if media_type is None or media_type.essence != "multipart/related":
            raise UnsupportedMedia.instead_of("multipart/related", found=content_type)
        boundary = boundary_of(media_type)
        self._parameters = media_type.parameters
        self._limits = limits
        self._events = events(stream, boundary, limits)
        self._seen: set[str] = set()
        self._current = 0
        self._count = 0

    def root(self) -> tuple[str, bytes]:
        """Media type, without parameters, and content of the first part.

        Raises:
            TooLarge: it is over the limit.
            Refused: the body is malformed or cut off.
        """
        fields = self._next_head()
        if fields is None:
            raise malformed("no part at all")
        media_type = media_type_of(fields, None)
        self._check_root(media_type, _content_id(fields))
        content = bytearray()
        for chunk in self._chunks(self._current):
            content += chunk
            if len(content) > self._limits.root:
                raise TooLarge.because(ROOT_TOO_LARGE, expected=str(self._limits.root))
        return media_type.essence, bytes(content)

    def _check_root(self, media_type: MediaType, content_id: str | None) -> None:
        """RFC 2387 3.1 and 3.2: ``type`` and ``start``, where stated, must mean the first part."""
        stated = self._parameters.get("type")
        if stated is not None and stated.lower() != media_type.essence:
            raise malformed(f"a root of {media_type.essence}", f"a root of {stated[:100]}")
        start = self._parameters.get("start")
        if start is not None and (content_id is None or start.strip("<>") != content_id):
            raise malformed("another part first", f"the part {start[:100]} first")
        if content_id is not None:
            self._seen.add(content_id)

    def parts(self) -> Iterator[Part]:
        """The parts after the root, in the order of the body.

        Raises:
            Refused: the body is malformed or cut off, or a Content-ID comes twice.
        """
        if not self._count:
            raise RuntimeError("the root part comes first")
        while (fields := self._next_head()) is not None:
            content_id = _content_id(fields)
            if content_id is None:
                raise malformed("a part without Content-ID", "a Content-ID in every part")
            if content_id in self._seen:
                raise Refused.because(TWICE, found=content_id, name=content_id)
            self._seen.add(content_id)
            media_type = media_type_of(fields, "application/octet-stream")
            yield Part(content_id, media_type.essence, self._chunks(self._current))

    def _next_head(self) -> dict[str, str] | None:
        """The head of the next part, after what is left of the present one; None at the end."""
        for _ in self._chunks(self._current):
            pass
        event = next(self._events, None)
        if not isinstance(event, Head):
            return None
        self._count += 1
        self._current = self._count
        return checked(event.fields)

    def _chunks(self, number: int) -> Iterator[bytes]:
        """The content of part ``number`` as long as it is the current one."""
        while number and self._current == number:
            event = next(self._events, None)
            if isinstance(event, bytes):
                yield event
            else:
                self._current = 0


def boundary_of(media_type: MediaType) -> bytes:
    """What separates the parts of a body.

    Raises:
        Refused: its media type states nothing that could.
    """
    boundary = media_type.parameters.get("boundary", "")
    if _BOUNDARY.fullmatch(boundary) is None:
        raise malformed("no usable boundary", "1 to 70 characters of RFC 2046 5.1.1")
    return boundary.encode("ascii")


def checked(fields: dict[str, str]) -> dict[str, str]:
    """The head of a part whose content stands as it is.

    Raises:
        Refused: it is encoded for its way.
    """
    encoding = fields.get("content-transfer-encoding", "binary")
    if encoding.lower() not in _IDENTITIES:
        raise malformed(f"Content-Transfer-Encoding {encoding[:40]}", "binary, 8bit or 7bit")
    return fields


def media_type_of(fields: dict[str, str], default: str | None) -> MediaType:
    """The media type of a part.

    Raises:
        Refused: it states none that can be read, and there is no default.
    """
    stated = fields.get("content-type", default)
    media_type = parse_media_type(stated) if stated else None
    if media_type is None:
        raise malformed("a part without a readable Content-Type")
    return media_type


def _content_id(fields: dict[str, str]) -> str | None:
    stated = fields.get("content-id")
    if stated is None:
        return None
    found = _CONTENT_ID.fullmatch(stated)
    if found is None or stated.startswith("<") != stated.endswith(">"):
        raise malformed(f"Content-ID {stated[:100]}", "<an identifier>")
    return found[1]
