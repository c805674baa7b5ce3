"""Reads one payload: every octet it gives was checked."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, TypeVar

from gateway.domain.errors import Damaged
from gateway.domain.places import Outgoing
from gateway.store.payload_segments import MAGIC, SEALED, SEGMENT, Segments, Tampered, content_size, count

T = TypeVar("T")


class PayloadReader(io.RawIOBase):
    """The content of one object as a seekable binary stream; holds one segment in memory."""

    def __init__(self, outgoing: Outgoing, segments: Segments) -> None:
        super().__init__()
        self._outgoing = outgoing
        self._segments = segments
        self._position = 0
        self._held: tuple[int, bytes] | None = None
        self._size = _judged(lambda: content_size(outgoing.size))
        self._last = count(outgoing.size - len(MAGIC)) - 1
        magic = outgoing.read_at(0, len(MAGIC))
        if magic != MAGIC:
            raise Damaged("payload store: an object is damaged (magic)")
        self._segment(0)  # a wrong key or a swapped file shows before the first octet is promised

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position in the content."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("a position before the start")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """The position in the content."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from the segment at the position; 0 at the end.

        Raises:
            Damaged: the object was tampered with.
            Unavailable: the place is out of reach.
        """
        if self._position >= self._size:
            return 0
        number, start = divmod(self._position, SEGMENT)
        view = memoryview(buffer).cast("B")
        part = self._segment(number)[start : start + len(view)]
        view[: len(part)] = part
        self._position += len(part)
        return len(part)

    def close(self) -> None:
        """Close the object; what was in memory is let go."""
        self._held = None
        self._outgoing.close()
        super().close()

    def _segment(self, number: int) -> bytes:
        if self._held is None or self._held[0] != number:
            self._held = None  # never two at a time
            sealed = self._outgoing.read_at(len(MAGIC) + number * SEALED, SEALED)
            self._held = (
                number,
                _judged(lambda: self._segments.open(number, sealed, last=number == self._last)),
            )
        return self._held[1]


def _judged(judge: Callable[[], T]) -> T:
    try:
        return judge()
    except Tampered as error:
        raise Damaged(f"payload store: an object is damaged ({error})") from error
