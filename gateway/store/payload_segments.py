"""How a payload is encrypted: segments of 1 MiB that cannot be changed, reordered, cut off or added to.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its
Nonce-Reuse Misuse-Resistance, 2015) over AES-256-GCM: the nonce is seven zero octets, the segment's
number, and 1 for the last segment or 0. The prefix may be fixed because every object has its own key.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"WASL-P1\n"
SEGMENT = 1024 * 1024
TAG = 16
SEALED = SEGMENT + TAG
KEY = 32

_NUMBERS = 1 << 32


class Tampered(Exception):
    """A segment is not the one that was written in its place."""


class Segments:
    """The segments of one object under its own key."""

    def __init__(self, key: bytes, object_id: str) -> None:
        self._cipher = AESGCM(key)
        self._bound_to = MAGIC + object_id.encode("ascii")

    def seal(self, number: int, content: bytes, last: bool) -> bytes:
        """The octets that stand in the file for one segment; only the last may be shorter than 1 MiB."""
        return self._cipher.encrypt(_nonce(number, last), content, self._bound_to)

    def open(self, number: int, sealed: bytes, last: bool) -> bytes:
        """The content of one segment.

        Raises:
            Tampered: it was changed, or belongs to another place.
        """
        try:
            return self._cipher.decrypt(_nonce(number, last), sealed, self._bound_to)
        except InvalidTag as error:
            raise Tampered(f"segment {number}") from error


def content_size(file_size: int) -> int:
    """How many octets of content a file of this size holds.

    Raises:
        Tampered: no payload has this size.
    """
    body = file_size - len(MAGIC)
    rest = body % SEALED
    if body < TAG or 0 < rest <= TAG < body:
        raise Tampered("size")
    return body - TAG * count(body)


def count(body: int) -> int:
    """How many segments a file has whose size without the magic is ``body``."""
    return -(-body // SEALED)


def _nonce(number: int, last: bool) -> bytes:
    if not 0 <= number < _NUMBERS:
        raise ValueError("segment number out of range")
    return bytes(7) + number.to_bytes(4, "big") + bytes([last])
