"""Reads multipart/mixed (RFC 2046 5.1.3) whose parts are whole documents, strictly like multipart/related."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.domain.errors import Refused, UnsupportedMedia
from gateway.wire.media_types import parse_media_type
from gateway.wire.mime import boundary_of, checked, media_type_of
from gateway.wire.mime_events import CUT_OFF, Head, PartEnd, Readable, RelatedLimits, events

MIXED = "multipart/mixed"


def read_mixed(stream: Readable, content_type: str, limits: RelatedLimits) -> Iterator[tuple[str, bytes]]:
    """Media type, without parameters, and content of each part, in the order of the body.

    Args:
        limits: its ``root`` bounds nothing here: the body as a whole must be bounded.

    Raises:
        UnsupportedMedia: ``content_type`` is not multipart/mixed.
        Refused: the body is malformed, ambiguous or cut off.
    """
    stated = parse_media_type(content_type)
    if stated is None or stated.essence != MIXED:
        raise UnsupportedMedia.instead_of(MIXED, found=content_type)
    arriving = events(stream, boundary_of(stated), limits)
    for event in arriving:
        if isinstance(event, Head):
            yield media_type_of(checked(event.fields), None).essence, _content(arriving)


def _content(arriving: Iterator[object]) -> bytes:
    content = bytearray()
    for event in arriving:
        if isinstance(event, PartEnd):
            return bytes(content)
        if isinstance(event, bytes):
            content += event
    raise Refused.because(CUT_OFF)
