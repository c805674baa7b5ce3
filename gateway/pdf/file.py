"""Finds the objects of a PDF file by its cross-reference tables, in all its revisions (ISO 32000-1 7.5)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from gateway.pdf.objects import Ref, Stream, Value
from gateway.pdf.parse import Encrypted, NotPdf, Parser

_END = re.compile(rb"startxref\r?\n([0-9]{1,10})\r?\n%%EOF(?:\r?\n)?\Z")
_SUBSECTION = re.compile(rb"([0-9]{1,10}) ([0-9]{1,10}) ?\r?\n")
_ENTRY = 20
_TAIL = 64
_MOST_SECTIONS = 8
_MOST_OBJECTS = 20_000


@dataclass(frozen=True)
class Section:
    """One cross-reference section: where the objects of a revision start, and its trailer."""

    offsets: Mapping[int, int]
    trailer: Mapping[str, Value]


class PdfFile:
    """A file with classic cross-reference tables; streams of objects and encryption are not read.

    Raises:
        NotPdf: on construction and on any look, when the file is not one of that kind.
    """

    def __init__(self, octets: bytes) -> None:
        if not octets.startswith(b"%PDF-1."):
            raise NotPdf("no PDF header")
        self.octets = octets
        self.start = _last_table(octets)
        self.sections = tuple(_sections(octets, self.start))

    @property
    def trailer(self) -> Mapping[str, Value]:
        """The newest trailer."""
        return self.sections[0].trailer

    @cached_property
    def size(self) -> int:
        """The number after the highest object number in use, as the trailer says."""
        size = self.trailer.get("Size")
        if not isinstance(size, int) or not 0 < size <= _MOST_OBJECTS:
            raise NotPdf("no size")
        return size

    def at(self, number: int) -> Parser:
        """A parser where the newest object of that number starts."""
        for section in self.sections:
            if number in section.offsets:
                return Parser(self.octets, section.offsets[number])
        raise NotPdf(f"no object {number}")

    def get(self, value: Value) -> Value:
        """``value`` itself, or the object that it refers to."""
        for _ in range(_MOST_SECTIONS):
            if not isinstance(value, Ref):
                return value
            value = self.at(value.number).indirect(value.number)
        raise NotPdf("references in a circle")

    def dictionary(self, value: Value) -> dict[str, Value]:
        """The dictionary that ``value`` is or refers to."""
        found = self.get(value)
        if not isinstance(found, dict):
            raise NotPdf("no dictionary where one belongs")
        return found

    def array(self, value: Value) -> list[Value]:
        """The array that ``value`` is or refers to."""
        found = self.get(value)
        if not isinstance(found, list):
            raise NotPdf("no array where one belongs")
        return found

    def stream(self, value: Value, largest: int) -> tuple[Mapping[str, Value], bytes]:
        """Dictionary and unpacked octets of the stream that ``value`` refers to.

        Args:
            largest: octets that it may come to.
        """
        found = self.get(value)
        if not isinstance(found, Stream) or "DecodeParms" in found.entries:
            raise NotPdf("no stream where one belongs")
        kind = found.entries.get("Filter")
        if kind is None:
            return found.entries, found.octets
        if kind != "FlateDecode":
            raise NotPdf(f"a stream packed by {kind}")
        return found.entries, _inflated(found.octets, largest)


def _inflated(octets: bytes, largest: int) -> bytes:
    unpack = zlib.decompressobj()
    try:
        unpacked = unpack.decompress(octets, largest)
    except zlib.error as error:
        raise NotPdf("a stream that cannot be unpacked") from error
    if not unpack.eof or unpack.unused_data:
        raise NotPdf("a stream that is too large or broken")
    return unpacked


def _last_table(octets: bytes) -> int:
    tail = max(0, len(octets) - _TAIL)
    found = _END.search(octets, tail)
    if found is None:
        raise NotPdf("no end of a PDF file")
    return int(found[1])


def _sections(octets: bytes, start: int) -> Iterator[Section]:
    for _ in range(_MOST_SECTIONS):
        section = _section(octets, start)
        yield section
        previous = section.trailer.get("Prev")
        if previous is None:
            return
        if not isinstance(previous, int) or not 0 < previous < start:
            raise NotPdf("revisions out of order")
        start = previous
    raise NotPdf("too many revisions")


def _section(octets: bytes, start: int) -> Section:
    parser = Parser(octets, start)
    if not octets.startswith(b"xref", start) or not parser.take(b"xref"):
        raise NotPdf("no cross-reference table")
    offsets: dict[int, int] = {}
    while not parser.take(b"trailer"):
        offsets.update(_subsection(parser, len(offsets)))
    trailer = parser.value()
    if not isinstance(trailer, dict) or "XRefStm" in trailer:
        raise NotPdf("a file of another kind")
    if "Encrypt" in trailer:
        raise Encrypted("encrypted")
    return Section(offsets, trailer)


def _subsection(parser: Parser, known: int) -> Iterator[tuple[int, int]]:
    found = _SUBSECTION.match(parser.octets, parser.at)
    if found is None:
        raise NotPdf("a broken cross-reference table")
    first, count = int(found[1]), int(found[2])
    if known + count > _MOST_OBJECTS:
        raise NotPdf("too many objects")
    for index in range(count):
        at = found.end() + index * _ENTRY
        line = parser.octets[at : at + _ENTRY]
        if line[10:18] == b" 00000 n" and line[:10].isdigit():
            yield first + index, int(line[:10])
        elif line[17:18] != b"f":
            raise NotPdf("a broken cross-reference table")
    parser.at = found.end() + count * _ENTRY
