"""Reads ZIP files strictly: what two readers could understand differently is refused (APPNOTE 6.3.9).

The entries must lie in the file without gaps, in the order of the central directory, and their local
headers must say what the directory says. Nothing is extracted; contents are read as streams.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from gateway.wire.zip_names import collide, is_safe

MOST_ENTRIES = 10_000
LARGEST_DIRECTORY = 8 * 1024 * 1024
MOST_RATIO = 100
"""How many times its packed length an entry may have, once it is longer than `_ALWAYS`."""
_ALWAYS = 64 * 1024
_CHUNK = 256 * 1024
STORED, DEFLATED = 0, 8

_LOCAL, _CENTRAL = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I")
_END, _LOCATOR, _END64 = struct.Struct("<4s4H2IH"), struct.Struct("<4sIQI"), struct.Struct("<4sQ2H2I4Q")
_FULL, _FULL_SHORT = 0xFFFFFFFF, 0xFFFF
_UTF8, _DEFLATE_LEVEL = 0x0800, 0x0006
_LATEST_VERSION = 45
_ZIP64_FIELD = 1
_FILE_TYPE, _REGULAR = 0o170000, 0o100000


class BadZip(Exception):
    """Not a ZIP file to rely on.

    Attributes:
        code: ``format``, ``place``, ``name``, ``twice``, ``header``, ``kind``, ``large``, ``content``.
        name: of the entry concerned, or empty.
    """

    def __init__(self, code: str, name: str = "") -> None:
        super().__init__(f"{code} {name}".strip())
        self.code = code
        self.name = name


@dataclass(frozen=True)
class Entry:
    """One file inside; ``start`` is where its packed octets begin."""

    name: str
    method: int
    crc: int
    packed: int
    size: int
    start: int


@dataclass(frozen=True)
class _Listed:
    """An entry of the central directory."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    stamp: tuple[int, int]
    crc: int
    packed: int
    size: int
    offset: int


class StrictZip:
    """A ZIP file whose structure is good; contents are checked as they are read.

    Raises:
        BadZip: the file is not one, is ambiguous, or is beyond a bound.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        length = file.seek(0, io.SEEK_END)
        start, size, count = _find_directory(file, length)
        listed = _read_directory(_at(file, start, size), count)
        if (name := collide(one.name for one in listed)) is not None:
            raise BadZip("twice", name)
        self.entries = {one.name: one for one in _lay_out(file, listed, start)}

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        """The content, in pieces; bounded memory whatever the entry's length.

        Raises:
            BadZip: ``content``: it is not as long as stated, or its check sum is another.
        """
        crc, length = 0, 0
        for chunk in self._unpacked(entry):
            crc, length = zlib.crc32(chunk, crc), length + len(chunk)
            if length > entry.size:
                break
            yield chunk
        if length != entry.size or crc != entry.crc:
            raise BadZip("content", entry.name)

    def read(self, entry: Entry, most: int) -> bytes:
        """The whole content of a short entry.

        Raises:
            BadZip: ``large``: more than ``most`` octets; ``content``.
        """
        if entry.size > most:
            raise BadZip("large", entry.name)
        return b"".join(self.chunks(entry))

    def _unpacked(self, entry: Entry) -> Iterator[bytes]:
        packed = self._packed(entry)
        if entry.method == STORED:
            yield from packed
            return
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for chunk in packed:
                while chunk:
                    yield inflate.decompress(chunk, _CHUNK)
                    chunk = inflate.unconsumed_tail
            while not inflate.eof and (rest := inflate.decompress(b"", _CHUNK)):
                yield rest
        except zlib.error as error:
            raise BadZip("content", entry.name) from error
        if not inflate.eof or inflate.unused_data:
            raise BadZip("content", entry.name)

    def _packed(self, entry: Entry) -> Iterator[bytes]:
        position, left = entry.start, entry.packed
        while left:
            chunk = _at(self._file, position, min(_CHUNK, left))
            yield chunk
            position, left = position + len(chunk), left - len(chunk)


def _at(file: BinaryIO, position: int, length: int) -> bytes:
    file.seek(position)
    octets = file.read(length)
    if len(octets) != length:
        raise BadZip("format")
    return octets


def _find_directory(file: BinaryIO, length: int) -> tuple[int, int, int]:
    """Where the central directory begins, its length and how many entries it has.

    The end record must be the file's last octets, so that there is one reading only: no comment.
    """
    if length < _END.size:
        raise BadZip("format")
    end = length - _END.size
    mark, disk, first, here, count, size, start, comment = _END.unpack(_at(file, end, _END.size))
    if mark != b"PK\x05\x06" or disk or first or here != count or comment:
        raise BadZip("format")
    if (found := _find_directory64(file, end)) is not None:
        if any(
            short not in (wide, full)
            for short, wide, full in zip(
                (count, size, start), found[1:], (_FULL_SHORT, _FULL, _FULL), strict=True
            )
        ):
            raise BadZip("format")
        end, count, size, start = found
    if start + size != end:
        raise BadZip("place")
    if not 0 < count <= MOST_ENTRIES or size > LARGEST_DIRECTORY:
        raise BadZip("large")
    return start, size, count


def _find_directory64(file: BinaryIO, end: int) -> tuple[int, int, int, int] | None:
    """Where the ZIP64 end record begins and what it says; None where there is none."""
    at = end - _LOCATOR.size
    if at < _END64.size:
        return None
    mark, disk, where, disks = _LOCATOR.unpack(_at(file, at, _LOCATOR.size))
    if mark != b"PK\x06\x07":
        return None
    if disk or disks != 1 or where != at - _END64.size:
        raise BadZip("format")
    fields = _END64.unpack(_at(file, where, _END64.size))
    mark, length, _made_by, version, disk, first, here, count, size, start = fields
    if (mark, length) != (b"PK\x06\x06", _END64.size - 12) or version > _LATEST_VERSION:
        raise BadZip("format")
    if disk or first or here != count:
        raise BadZip("format")
    return where, count, size, start


def _read_directory(octets: bytes, count: int) -> list[_Listed]:
    listed: list[_Listed] = []
    position = 0
    for _ in range(count):
        if position + _CENTRAL.size > len(octets):
            raise BadZip("format")
        one, position = _listed(octets, position)
        listed.append(one)
    if position != len(octets):
        raise BadZip("place")
    return listed


def _listed(octets: bytes, position: int) -> tuple[_Listed, int]:
    fields = _CENTRAL.unpack_from(octets, position)
    mark, made_by, version, flags, method, time, date, crc, packed, size = fields[:10]
    name_length, extra_length, comment, disk, _inside, outside, offset = fields[10:]
    position += _CENTRAL.size
    raw, extra = _cut(octets, position, name_length), _cut(octets, position + name_length, extra_length)
    if mark != b"PK\x01\x02" or comment or disk:
        raise BadZip("format")
    name = _name(raw, flags)
    size, packed, offset = _wide(extra, (size, packed, offset), name)
    if version > _LATEST_VERSION or method not in (STORED, DEFLATED) or flags & ~(_UTF8 | _DEFLATE_LEVEL):
        raise BadZip("kind", name)  # encrypted, patched, or its sizes behind it
    if made_by >> 8 == 3 and (outside >> 16) & _FILE_TYPE not in (0, _REGULAR):
        raise BadZip("kind", name)  # a link or a device
    if (method == STORED and packed != size) or size > max(_ALWAYS, packed * MOST_RATIO):
        raise BadZip("large", name)
    one = _Listed(name, raw, flags, method, (time, date), crc, packed, size, offset)
    return one, position + name_length + extra_length


def _cut(octets: bytes, position: int, length: int) -> bytes:
    if position + length > len(octets):
        raise BadZip("format")
    return octets[position : position + length]


def _name(raw: bytes, flags: int) -> str:
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError as error:
        raise BadZip("name", raw.decode("ascii", "backslashreplace")[:100]) from error
    if not is_safe(name):
        raise BadZip("name", ascii(name)[1:101])
    return name


def _wide(extra: bytes, narrow: tuple[int, ...], name: str) -> tuple[int, ...]:
    """The values, those that did not fit from the ZIP64 field; no other field is taken."""
    missing = narrow.count(_FULL)
    if not extra and not missing:
        return narrow
    if not missing or len(extra) != 4 + 8 * missing:
        raise BadZip("header", name)
    if struct.unpack("<2H", extra[:4]) != (_ZIP64_FIELD, len(extra) - 4):
        raise BadZip("header", name)
    wide = iter(struct.unpack(f"<{missing}Q", extra[4:]))
    return tuple(next(wide) if value == _FULL else value for value in narrow)


def _lay_out(file: BinaryIO, listed: list[_Listed], end: int) -> Iterator[Entry]:
    """The entries, once they were found to fill the file up to its directory, in its order."""
    position = 0
    for one in listed:
        if one.offset != position:
            raise BadZip("place", one.name)
        start = _check_local(file, one, end)
        position = start + one.packed
        if position > end:
            raise BadZip("place", one.name)
        yield Entry(one.name, one.method, one.crc, one.packed, one.size, start)
    if position != end:
        raise BadZip("place")


def _check_local(file: BinaryIO, one: _Listed, end: int) -> int:
    """Where the content begins behind a local header that says what the directory says."""
    if one.offset + _LOCAL.size > end:
        raise BadZip("place", one.name)
    fields = _LOCAL.unpack(_at(file, one.offset, _LOCAL.size))
    mark, version, flags, method, time, date, crc, packed, size, name_length, extra_length = fields
    names = _at(file, one.offset + _LOCAL.size, name_length + extra_length)
    raw, extra = names[:name_length], names[name_length:]
    size, packed = _wide(extra, (size, packed), one.name)
    found = (mark, flags, method, (time, date), crc, packed, size, raw)
    stated = (b"PK\x03\x04", one.flags, one.method, one.stamp, one.crc, one.packed, one.size, one.raw_name)
    if found != stated or version > _LATEST_VERSION:
        raise BadZip("header", one.name)
    return int(one.offset + _LOCAL.size + name_length + extra_length)
