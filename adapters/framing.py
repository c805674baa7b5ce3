"""Bodies of messages with file contents in them, sent in constant memory."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from adapters.contract import Http, Response
from adapters.view import Content
from gateway.domain.errors import Permanent

_AT_ONCE = 1024 * 1024
"""Octets of a body that is read whole before it is sent: what is wrong with a file then shows in time."""
_MARK_BYTES = 24  # without padding in base64
_MARK = re.compile(rb"[A-Za-z0-9+/]{32}")
_XOP = "http://www.w3.org/2004/08/xop/include"
_SAFE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")


@dataclass(frozen=True)
class Coded:
    """A content as it stands in base64."""

    content: Content

    @property
    def size(self) -> int:
        """Its length in octets."""
        return (self.content.size + 2) // 3 * 4

    def chunks(self) -> Iterator[bytes]:
        """Its octets, piece by piece.

        Raises:
            Temporary: as `Content.chunks`.
        """
        rest = b""
        for chunk in self.content.chunks():
            chunk = rest + chunk
            whole = len(chunk) // 3 * 3
            rest = chunk[whole:]
            yield base64.b64encode(chunk[:whole])
        yield base64.b64encode(rest)


@dataclass(frozen=True)
class Framed:
    """A body: octets, and contents that are read only while it is sent."""

    pieces: tuple[bytes | Coded | Content, ...]

    @property
    def length(self) -> int:
        """The body's length in octets."""
        return sum(len(piece) if isinstance(piece, bytes) else piece.size for piece in self.pieces)

    def chunks(self) -> Iterator[bytes]:
        """The body, piece by piece.

        Raises:
            Temporary: the store does not give a content as declared; the body then stays incomplete.
        """
        for piece in self.pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                yield from piece.chunks()

    def shown(self, show: Callable[[Content], str]) -> str:
        """The body for people: ``show`` says what stands for a content."""
        pieces = (piece.content if isinstance(piece, Coded) else piece for piece in self.pieces)
        return "".join(piece.decode() if isinstance(piece, bytes) else show(piece) for piece in pieces)

    def post(self, http: Http, url: str, headers: Mapping[str, str]) -> Response:
        """Send it by POST.

        Raises:
            Temporary: a content is not as declared; nothing was sent if the body is short.
            DeliveryError: as `Http.request` says.
        """
        length = self.length
        if length <= _AT_ONCE:
            return http.request("POST", url, headers=headers, body=b"".join(self.chunks()))
        return http.request("POST", url, headers=headers, body=self.chunks(), content_length=length)


class Mark(bytes):
    """Octets that say by what becomes of them which type they stood for: of a text, ``as_text`` is left."""

    as_text: str

    def decode(self, *_: object, **__: object) -> str:
        """What a type that is a text makes of octets."""
        return self.as_text

    def __str__(self) -> str:
        """What becomes of octets that are all that is sent."""
        return base64.b64encode(self).decode("ascii")


@dataclass
class Marks:
    """Stand-ins for contents while a message is built around them.

    Nobody knew a mark when the letter was written, and none leaves the hub.
    """

    random: Callable[[int], bytes] = secrets.token_bytes
    _octets: dict[bytes, Content] = field(default_factory=dict)
    """By marks of the type base64Binary."""
    _texts: dict[bytes, Content] = field(default_factory=dict)
    """By marks of texts, into which base64 is written as well; they can be no parts."""

    def put(self, content: Content) -> bytes:
        """Octets to stand where the content is wanted in base64."""
        mark = Mark(self.random(_MARK_BYTES))
        text = base64.b64encode(self.random(_MARK_BYTES))
        mark.as_text = text.decode("ascii")
        self._octets[base64.b64encode(mark)] = self._texts[text] = content
        return mark

    def pieces(self, octets: bytes) -> Iterator[bytes | Content]:
        """A text with the marks in it, taken apart at them."""
        done = 0
        for found in _MARK.finditer(octets):
            content = self._octets.get(found[0]) or self._texts.get(found[0])
            if content is not None:
                yield octets[done : found.start()]
                yield content
                done = found.end()
        yield octets[done:]

    def framed(
        self, message: etree._Element, headers: Mapping[str, str], mtom: bool
    ) -> tuple[Framed, dict[str, str]]:
        """The message with its contents in it, and its headers.

        Args:
            mtom: contents go as parts beside the message instead of in base64 inside it.

        Raises:
            Permanent: a content does not stand where base64 is wanted.
        """
        if mtom:
            return self._as_parts(message, headers)
        return Framed(self._written(message, 0)), dict(headers)

    def _as_parts(self, message: etree._Element, headers: Mapping[str, str]) -> tuple[Framed, dict[str, str]]:
        """As multipart/related: the message first, then its contents (XOP 1.0, 4; MTOM 1.0, 3)."""
        token = self.random(16).hex()
        parts = self._included(message, token)
        kind, _, more = headers.get("Content-Type", "text/xml").partition(";")
        action = re.search(r'action="[^"\\]*"', more)
        root_type = f'application/xop+xml; charset=utf-8; type="{kind.strip()}"'
        root = self._written(message, len(parts))
        pieces: list[bytes | Coded | Content] = [_head(token, root_type, f"root.{token}@wasl")[2:], *root]
        for at, content in enumerate(parts):
            media_type = content.media_type if _SAFE.fullmatch(content.media_type) else _OCTETS
            pieces += [_head(token, media_type, _content_id(at, token)), content]
        pieces.append(f"\r\n--wasl-{token}--\r\n".encode())
        media = (
            f'multipart/related; boundary="wasl-{token}"; type="application/xop+xml"; '
            f'start="<root.{token}@wasl>"; start-info="{kind.strip()}"'
        )
        stated = f"{media}; {action[0]}" if action else media
        return Framed(tuple(pieces)), {**headers, "Content-Type": stated, "MIME-Version": "1.0"}

    def _included(self, message: etree._Element, token: str) -> list[Content]:
        parts: list[Content] = []
        for element in list(message.iter(etree.Element)):
            content = self._octets.get((element.text or "").encode())
            if content is not None:
                element.text = None
                include = etree.SubElement(element, f"{{{_XOP}}}Include", nsmap={"xop": _XOP})
                include.set("href", f"cid:{_content_id(len(parts), token)}")
                parts.append(content)
        return parts

    def _written(self, message: etree._Element, parts: int) -> tuple[bytes | Coded | Content, ...]:
        """The message with the contents in base64 that do not go as parts."""
        octets = etree.tostring(message, xml_declaration=True, encoding="utf-8")
        pieces = tuple(Coded(piece) if isinstance(piece, Content) else piece for piece in self.pieces(octets))
        if parts + sum(isinstance(piece, Coded) for piece in pieces) != len(self._octets):
            raise Permanent("WASL-DLV-007", "request: a content stands where the WSDL wants no base64")
        return pieces


_OCTETS = "application/octet-stream"


def _content_id(at: int, token: str) -> str:
    return f"{at + 1}.{token}@wasl"


def _head(token: str, media_type: str, content_id: str) -> bytes:
    return (
        f"\r\n--wasl-{token}\r\nContent-Type: {media_type}\r\nContent-ID: <{content_id}>\r\n"
        "Content-Transfer-Encoding: binary\r\n\r\n"
    ).encode()
