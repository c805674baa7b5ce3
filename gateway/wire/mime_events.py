"""Turns a multipart body, as it arrives, into heads of parts, their data and their ends.

The low-level parser reads leniently in places where another reader could see other parts in the same
bytes; whatever looks like a delimiter without being one is therefore refused.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from gateway.domain.errors import Refused

MALFORMED = "WASL-REQ-003"
CUT_OFF = "WASL-REQ-004"


class Readable(Protocol):
    """A request's body: ``read(n)`` gives at most ``n`` octets, none at its end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class RelatedLimits:
    """How much of a multipart body is taken.

    Attributes:
        root: octets of the first part.
        parts: parts after the first.
        headers: header fields of one part.
        header_size: octets of one header field.
        preamble: octets before the first delimiter, and of white space after the last.
        chunk: octets asked of the stream at once; it bounds the memory used.
    """

    root: int = 2 * 1024**2
    parts: int = 64
    headers: int = 16
    header_size: int = 4096
    preamble: int = 1024
    chunk: int = 64 * 1024


@dataclass(frozen=True)
class Head:
    """The header fields of a part that starts here; names in lower case."""

    fields: dict[str, str]


class PartEnd:
    """A part ends here."""


Event = Head | bytes | PartEnd


def events(stream: Readable, boundary: bytes, limits: RelatedLimits) -> Iterator[Event]:
    """Heads, data and ends in the order of the body, until its closing delimiter.

    Raises:
        Refused: malformed, ambiguous, cut off, or over a limit.
    """
    body = _Body(boundary, limits)
    for chunk in _from_first_delimiter(stream, boundary, limits):
        body.feed(chunk)
        yield from body.drain()
        if body.ended:
            _epilogue(stream, body.rest, limits)
            return
    raise Refused.because(CUT_OFF)


def malformed(found: str, expected: str | None = None) -> Refused:
    """The refusal of a body that is no well-formed multipart/related."""
    return Refused.because(MALFORMED, expected=expected, found=found)


def _from_first_delimiter(stream: Readable, boundary: bytes, limits: RelatedLimits) -> Iterator[bytes]:
    """The body without its preamble, in chunks."""
    delimiter = re.compile(rb"(^|\r\n|[\r\n])--" + re.escape(boundary))
    start = b""
    while (found := delimiter.search(start)) is None:
        if len(start) > limits.preamble + len(boundary) + 4:
            raise malformed("no delimiter at the start")
        if not (chunk := stream.read(limits.chunk)):
            raise Refused.because(CUT_OFF)
        start += chunk
    if found[1] not in (b"", b"\r\n") or found.start() > limits.preamble:
        raise malformed("a misplaced delimiter")
    yield start[found.end(1) :]
    while chunk := stream.read(limits.chunk):
        yield chunk


def _epilogue(stream: Readable, rest: bytes, limits: RelatedLimits) -> None:
    """Nothing but white space may follow: parts could hide there."""
    length = 0
    for octets in chain([rest], iter(lambda: stream.read(limits.chunk), b"")):
        length += len(octets)
        if octets.strip() or length > limits.preamble:
            raise malformed("octets after the closing delimiter")


@dataclass
class _Body:
    """Feeds the parser and keeps what it tells until it is asked for."""

    boundary: bytes
    limits: RelatedLimits
    ended: bool = False
    rest: bytes = b""
    _queue: deque[Event] = field(default_factory=deque)
    _parts: int = 0
    _fields: dict[str, str] = field(default_factory=dict)
    _name: bytes = b""
    _value: bytes = b""
    _tail: bytes = b""
    _recent: bytes = b"\r\n"

    def __post_init__(self) -> None:
        escaped = re.escape(self.boundary)
        self._delimiter = b"--" + self.boundary
        self._lookalike = re.compile(rb"[\r\n]--" + escaped)
        self._closing = re.compile(rb"[\r\n]--" + escaped + b"--")
        self._parser = MultipartParser(
            self.boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": lambda: self._queue.append(Head(self._fields)),
                "on_part_data": self._data,
                "on_part_end": lambda: self._queue.append(PartEnd()),
                "on_end": self._end,
            },
            max_header_count=self.limits.headers,
            max_header_size=self.limits.header_size,
        )

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise malformed("a broken delimiter or header") from error
        window = self._recent + chunk
        if self.ended:
            found = self._closing.search(window)
            self.rest = window[found.end() :] if found else b""
        self._recent = window[-(len(self.boundary) + 4) :]

    def drain(self) -> Iterator[Event]:
        while self._queue:
            yield self._queue.popleft()

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > self.limits.parts + 1:
            raise malformed("more parts", f"at most {self.limits.parts} attachments")
        self._fields = {}
        self._tail = b"\r\n"  # a delimiter right after the head has no line break of its own

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        name, value = self._name.decode("ascii").lower(), self._value.decode("latin-1").strip(" \t")
        self._name = self._value = b""
        if name in self._fields:
            raise malformed(f"the header {name} twice in a part")
        if any(character < " " or character == "\x7f" for character in value.replace("\t", " ")):
            raise malformed(f"control characters in the header {name}")
        self._fields[name] = value

    def _data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        reach = len(self.boundary) + 2
        seam = self._tail + piece[: reach + 1]
        if self._has_lookalike(seam) or self._has_lookalike(piece):
            raise malformed("a line that starts like a delimiter")
        self._tail = (self._tail + piece)[-reach:] if len(piece) < reach else piece[-reach:]
        self._queue.append(piece)

    def _has_lookalike(self, octets: bytes) -> bool:
        # The plain search passes over almost everything in a fraction of the time.
        found = octets.find(self._delimiter)
        return found >= 0 and self._lookalike.search(octets, max(0, found - 1)) is not None

    def _end(self) -> None:
        self.ended = True
