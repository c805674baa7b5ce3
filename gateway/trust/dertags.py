"""The outer tags of DER (X.690 8.1, 10.1) written and read without holding what they enclose."""

from __future__ import annotations

from typing import BinaryIO

INTEGER, OCTETS, OID, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x30, 0x31
_LONG = 0x80


def head(tag: int, length: int) -> bytes:
    """Tag and length before a content of ``length`` octets."""
    if length < _LONG:
        return bytes((tag, length))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG | len(octets))) + octets


def tlv(tag: int, content: bytes) -> bytes:
    """A whole element."""
    return head(tag, len(content)) + content


def enter(source: BinaryIO, tag: int) -> int:
    """Read the head of an element with this tag; how many octets its content has.

    Raises:
        ValueError: another tag, or a length that is not in the one form of DER.
    """
    return _head(source, tag)[1]


def piece(source: BinaryIO, tag: int, most: int) -> bytes:
    """A whole element with this tag, of at most ``most`` octets.

    Raises:
        ValueError: another tag, too long, or cut off.
    """
    first, length = _head(source, tag)
    if length > most:
        raise ValueError("an element is too long")
    content = source.read(length)
    if len(content) != length:
        raise ValueError("an element is cut off")
    return first + content


def content(element: bytes) -> bytes:
    """What a whole element encloses."""
    octets = element[1]
    return element[2 + (octets & ~_LONG if octets & _LONG else 0) :]


def _head(source: BinaryIO, tag: int) -> tuple[bytes, int]:
    first = source.read(2)
    if len(first) != 2 or first[0] != tag:
        raise ValueError("another element than expected")
    if first[1] < _LONG:
        return first, first[1]
    more = source.read(first[1] & ~_LONG)
    length = int.from_bytes(more, "big")
    if head(tag, length) != first + more or not more:  # indefinite, or longer than needed
        raise ValueError("a length that is not DER")
    return first + more, length
