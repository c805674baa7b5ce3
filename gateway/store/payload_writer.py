"""Writes one payload: encrypted while it streams in, in its place only when it is complete."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from gateway.domain.errors import Unavailable
from gateway.domain.places import Incoming, Place
from gateway.store.payload_segments import MAGIC, SEGMENT, Segments


@dataclass(frozen=True)
class StoredPayload:
    """What the database keeps of a payload.

    Attributes:
        object_id: where it lies, 32 hexadecimal digits that say nothing about the content.
        wrapped_key: its key under the store's master key (RFC 3394); without it the object is noise.
        size: of the content, in octets.
        sha256: of the content, in lower-case hexadecimal.
        inline: the encrypted content itself, where it is small enough to stand in the database.
    """

    object_id: str
    wrapped_key: bytes
    size: int
    sha256: str
    inline: bytes | None = None


class PayloadWriter:
    """One payload being written; leaving its block without `commit` leaves nothing behind."""

    def __init__(self, place: Place, object_id: str, segments: Segments, wrapped_key: bytes) -> None:
        self._place = place
        self._object_id = object_id
        self._segments = segments
        self._wrapped_key = wrapped_key
        self._digest = hashlib.sha256()
        self._pending = bytearray()
        self._number = 0
        self._size = 0
        self._incoming: Incoming | None = None

    @property
    def size(self) -> int:
        """Octets written so far."""
        return self._size

    @property
    def sha256(self) -> str:
        """Digest of what was written so far, in lower-case hexadecimal."""
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        self._incoming = self._place.begin(self._object_id)
        self._add(MAGIC)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    def write(self, chunk: bytes | bytearray | memoryview) -> int:
        """Add to the content; any length.

        Raises:
            Unavailable: the place is full or failing; what was written is discarded.
        """
        rest = memoryview(chunk).cast("B")
        self._digest.update(rest)
        self._size += len(rest)
        written = len(rest)
        while rest:
            if len(self._pending) == SEGMENT:
                self._flush(last=False)
            room = SEGMENT - len(self._pending)
            self._pending += rest[:room]
            rest = rest[room:]
        return written

    def commit(self) -> StoredPayload:
        """Put the payload into its place; durable when this returns.

        Raises:
            Unavailable: the place is full or failing; nothing was stored.
        """
        self._flush(last=True)
        try:
            self._open().commit()
        except BaseException:
            self.discard()
            raise
        self._incoming = None
        return StoredPayload(self._object_id, self._wrapped_key, self._size, self.sha256)

    def discard(self) -> None:
        """Remove what was written; does nothing after `commit`."""
        if self._incoming is not None:
            incoming, self._incoming = self._incoming, None
            incoming.discard()

    def _flush(self, last: bool) -> None:
        self._open()
        self._add(self._segments.seal(self._number, bytes(self._pending), last))
        self._number += 1
        self._pending.clear()

    def _add(self, octets: bytes) -> None:
        try:
            self._open().write(octets)
        except BaseException:
            self.discard()  # a hole in the middle must not be committed
            raise

    def _open(self) -> Incoming:
        if self._incoming is None:
            raise Unavailable("payload store: the payload is not open for writing")
        return self._incoming
