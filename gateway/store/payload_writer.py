"""Writes one payload: encrypted while it streams in, in its place only when it is complete."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from gateway.domain.errors import Unavailable
from gateway.store.payload_files import PayloadFolder, disk_trouble
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

    def __init__(self, folder: PayloadFolder, object_id: str, segments: Segments, wrapped_key: bytes) -> None:
        self._folder = folder
        self._object_id = object_id
        self._segments = segments
        self._wrapped_key = wrapped_key
        self._digest = hashlib.sha256()
        self._pending = bytearray()
        self._number = 0
        self._size = 0
        self._descriptor: int | None = None

    @property
    def size(self) -> int:
        """Octets written so far."""
        return self._size

    @property
    def sha256(self) -> str:
        """Digest of what was written so far, in lower-case hexadecimal."""
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        with disk_trouble():
            self._temporary, self._descriptor = self._folder.create_temporary(self._object_id)
        try:
            with disk_trouble():
                # Tells the sweep that somebody is at work here; a killed process lets go by itself.
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _write_all(self._descriptor, MAGIC)
        except BaseException:
            self.discard()
            raise
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
            Unavailable: the disk is full or failing; what was written is discarded.
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
            Unavailable: the disk is full or failing; nothing was stored.
        """
        self._flush(last=True)
        descriptor = self._open_descriptor()
        try:
            with disk_trouble():
                os.fsync(descriptor)
                self._folder.put_in_place(self._temporary, self._object_id)
        except BaseException:
            self.discard()
            raise
        self._close()
        return StoredPayload(self._object_id, self._wrapped_key, self._size, self.sha256)

    def discard(self) -> None:
        """Remove what was written; does nothing after `commit`."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # the sweep gets what cannot be removed now
                self._temporary.unlink(missing_ok=True)
            self._close()

    def _flush(self, last: bool) -> None:
        descriptor = self._open_descriptor()
        sealed = self._segments.seal(self._number, bytes(self._pending), last)
        try:
            with disk_trouble():
                _write_all(descriptor, sealed)
        except BaseException:
            self.discard()  # a hole in the middle must not be committed
            raise
        self._number += 1
        self._pending.clear()

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise Unavailable("payload store: the payload is not open for writing")
        return self._descriptor

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _write_all(descriptor: int, octets: bytes) -> None:
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
