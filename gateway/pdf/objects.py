"""The objects of a PDF file as values, and how they are written (ISO 32000-1 7.3)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_REGULAR = frozenset(range(0x21, 0x7F)) - frozenset(b"#()<>[]{}/%")
_ESCAPED = {ord("("): b"\\(", ord(")"): b"\\)", ord("\\"): b"\\\\"}


class Name(str):
    """A name, without its slash."""

    __slots__ = ()


class Real(str):
    """A number with a fraction, as it is written."""

    __slots__ = ()


class Ref(NamedTuple):
    """A reference to an indirect object of generation 0."""

    number: int


@dataclass(frozen=True)
class Stream:
    """A stream: its dictionary without ``Length``, and its octets as they lie in the file."""

    entries: Mapping[str, Value]
    octets: bytes


Value = None | bool | int | Real | Name | bytes | Ref | Stream | Sequence["Value"] | Mapping[str, "Value"]
"""Any object; strings are octets, arrays lists, dictionaries map names without slash."""


def text(value: str) -> bytes:
    """A text string (7.9.2.2): ASCII as it is, all other in UTF-16 with its mark."""
    return value.encode("ascii") if value.isascii() else b"\xfe\xff" + value.encode("utf-16-be")


def deflated(entries: Mapping[str, Value], octets: bytes) -> Stream:
    """A stream whose octets are compressed; the same input gives the same octets."""
    return Stream({**entries, "Filter": Name("FlateDecode")}, zlib.compress(octets, 9))


def write(value: Value) -> bytes:
    """The octets of an object, the same for the same value."""
    if isinstance(value, Stream):
        head = write({**value.entries, "Length": len(value.octets)})
        return head + b"\nstream\n" + value.octets + b"\nendstream"
    if isinstance(value, Mapping):
        return b"<<" + b"".join(_name(key) + b" " + write(one) for key, one in value.items()) + b">>"
    if isinstance(value, Ref):
        return b"%d 0 R" % value.number
    if isinstance(value, list | tuple):
        return b"[" + b" ".join(write(one) for one in value) + b"]"
    return _simple(value)


def _simple(value: Value) -> bytes:
    if value is None:
        return b"null"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, bytes):
        return _string(value)
    if isinstance(value, Name):
        return _name(value)
    if isinstance(value, int | Real):
        return str(value).encode("ascii")
    raise TypeError(type(value).__name__)


def _name(name: str) -> bytes:
    octets = name.encode("utf-8")
    return b"/" + b"".join(bytes([one]) if one in _REGULAR else b"#%02X" % one for one in octets)


def _string(octets: bytes) -> bytes:
    if all(0x20 <= one < 0x7F for one in octets):
        return b"(" + b"".join(_ESCAPED.get(one, bytes([one])) for one in octets) + b")"
    return b"<" + octets.hex().encode("ascii") + b">"
