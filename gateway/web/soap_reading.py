"""SOAP requests are read here: media types and versions, the message, and parts beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Request

from gateway.domain.errors import Refused, UnsupportedMedia
from gateway.settings import Settings
from gateway.trust.xmlparse import XmlLimits, parse_hardened
from gateway.web.reading import RELATED, body, whole
from gateway.wire.media_types import MediaType, parse_media_type
from gateway.wire.mime import Part, RelatedLimits, RelatedReader
from gateway.wire.soap_message import OTHER_VERSION, SoapMessage, read_message
from gateway.wire.soap_names import SOAP11, VERSIONS, XOP_TYPE, SoapVersion

_MESSAGE_BYTES = 256 * 1024
"""Octets of a message besides what it carries: signatures, addresses, texts."""


@dataclass(frozen=True)
class SoapLimits:
    """How much of a request is read.

    Attributes:
        envelope: octets of a signed envelope.
        inline: octets of attachments in base64 inside one message, before encoding.
        parts: parts of an MTOM request besides the message.
    """

    envelope: int
    inline: int
    parts: int

    @classmethod
    def of(cls, settings: Settings) -> SoapLimits:
        """The limits that the settings say."""
        limits = settings.limits
        return cls(limits.envelope_bytes, settings.soap.inline_bytes, limits.request_parts)

    @property
    def xml(self) -> XmlLimits:
        """Limits of the message itself; base64 takes four octets for three, and line breaks."""
        octets = (self.envelope + self.inline) * 3 // 2 + _MESSAGE_BYTES
        return XmlLimits(max_bytes=octets, max_elements=2000, long_texts=True)


@dataclass(frozen=True)
class SoapRequest:
    """A message as it came.

    Attributes:
        mtom: it came with parts (MTOM), and its answer may have some.
        parts: those not read yet.
    """

    message: SoapMessage
    mtom: bool
    parts: Iterator[Part]


@dataclass(frozen=True)
class _Said:
    """What the request's header says of the message."""

    version: SoapVersion
    mtom: bool
    actions: tuple[str, ...]


@contextmanager
def received(request: Request, limits: SoapLimits) -> Iterator[SoapRequest]:
    """The message in a request; parts are streamed while the block lasts.

    Raises:
        UnsupportedMedia, TooLarge, Refused: it is none that the hub takes.
    """
    said = _said(request)
    if said is None:
        types = (one.media_type for one in VERSIONS)
        raise UnsupportedMedia.instead_of(*types, RELATED, found=request.headers.get("Content-Type", ""))
    with body(request) as stream:
        parts: Iterator[Part] = iter(())
        if said.mtom:
            related = RelatedLimits(root=limits.xml.max_bytes, parts=limits.parts)
            reader = RelatedReader(stream, request.headers["Content-Type"], related)
            _, octets = reader.root()
            parts = reader.parts()
        else:
            octets = whole(request, stream, limits.xml.max_bytes)
        message = read_message(parse_hardened(octets, limits.xml), said.actions)
        if message.version is not said.version:
            raise Refused.because(OTHER_VERSION, expected=said.version.media_type)
        yield SoapRequest(message, said.mtom, parts)


def version_of(request: Request) -> SoapVersion | None:
    """The version that the request's media type says, in which faults are answered; None: it is no SOAP."""
    said = _said(request)
    return None if said is None else said.version


def _said(request: Request) -> _Said | None:
    media_type = parse_media_type(request.headers.get("Content-Type", ""))
    if media_type is None:
        return None
    mtom = media_type.essence == RELATED
    inner = _inner(media_type) if mtom else media_type
    version = next((one for one in VERSIONS if inner and inner.essence == one.media_type), None)
    if inner is None or version is None or inner.parameters.get("charset", "utf-8").lower() != "utf-8":
        return None
    header = request.headers.get("SOAPAction", "").strip()
    actions = {header.strip('"'), *(one.parameters.get("action", "") for one in (media_type, inner))}
    return _Said(version, mtom, tuple(sorted(actions)))


def _inner(media_type: MediaType) -> MediaType | None:
    """What an XOP package holds (XOP 4.1); without a word about it, SOAP 1.1."""
    if media_type.parameters.get("type", "").lower() != XOP_TYPE:
        return None
    return parse_media_type(media_type.parameters.get("start-info", SOAP11.media_type))
