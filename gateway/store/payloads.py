"""Payloads as encrypted objects under random names, each with its own key: without the key it is gone."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import BinaryIO

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from gateway.domain.errors import Damaged, Misconfigured, Unavailable
from gateway.domain.places import OBJECT_ID, Place, StoredObject
from gateway.store.payload_reader import PayloadReader
from gateway.store.payload_segments import KEY, Segments, Tampered
from gateway.store.payload_writer import PayloadWriter, StoredPayload

__all__ = ["PayloadStore", "PayloadWriter", "StoredObject", "StoredPayload"]

_BUFFER = 64 * 1024
INLINE = 64 * 1024
"""The longest content, in octets, that stands in the database."""


class PayloadStore:
    """The payloads of one hub in one place.

    Args:
        place: the folder or bucket where the encrypted octets lie.
        master_key: 32 octets that wrap every payload's own key.
        random_bytes: ``os.urandom`` or the like.

    Raises:
        Misconfigured: the master key has another length.
    """

    def __init__(self, place: Place, master_key: bytes, random_bytes: Callable[[int], bytes]) -> None:
        if len(master_key) != KEY:
            raise Misconfigured([f"the payload store's master key has {len(master_key)} octets, not {KEY}"])
        self._place = place
        self._master_key = master_key
        self._random_bytes = random_bytes

    def create(self) -> PayloadWriter:
        """A writer for a new payload, to be used as a context manager.

        Leaving its block without `commit` discards what was written.
        """
        object_id, key = self._random_bytes(16).hex(), self._random_bytes(KEY)
        wrapped_key = aes_key_wrap(self._master_key, key)
        return PayloadWriter(self._place, object_id, Segments(key, object_id), wrapped_key)

    def write(self, chunks: Iterable[bytes]) -> StoredPayload:
        """Store the chunks as one payload; durable when this returns.

        Raises:
            Unavailable: the place is full or failing; nothing was stored.
        """
        with self.create() as writer:
            for chunk in chunks:
                writer.write(chunk)
            return writer.commit()

    def write_small(self, content: bytes) -> StoredPayload:
        """Encrypt a short content for the database's row, durable with it; longer ones become objects.

        A letter's envelope is a few KB: a row costs no object, no second flush and leaves no orphan.
        """
        if len(content) > INLINE:
            return self.write([content])
        object_id, key = self._random_bytes(16).hex(), self._random_bytes(KEY)
        return StoredPayload(
            object_id,
            aes_key_wrap(self._master_key, key),
            len(content),
            hashlib.sha256(content).hexdigest(),
            Segments(key, object_id).seal(0, content, last=True),
        )

    def read_small(self, object_id: str, wrapped_key: bytes, inline: bytes | None) -> bytes:
        """The whole content of a short object, from its row or its place.

        Raises:
            Damaged: it is missing or damaged.
            Unavailable: it is not under this key, or the place is out of reach.
        """
        if inline is None:
            with self.open(object_id, wrapped_key) as stream:
                return stream.read()
        try:
            return Segments(self._unwrap(wrapped_key), object_id).open(0, inline, last=True)
        except Tampered as error:
            raise Damaged("payload store: an object was tampered with") from error

    def _unwrap(self, wrapped_key: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._master_key, wrapped_key)
        except (InvalidUnwrap, ValueError) as error:
            raise Unavailable("payload store: an object's key is damaged or under another master") from error

    def open(self, object_id: str, wrapped_key: bytes) -> BinaryIO:
        """The content as a seekable stream, from its start; the caller closes it.

        Its reads raise Damaged where the object was tampered with.

        Raises:
            Damaged: the object is missing or damaged.
            Unavailable: it is not under this key, or the place is out of reach.
        """
        key = self._unwrap(wrapped_key)
        outgoing = self._place.open(_checked(object_id))
        try:
            reader = PayloadReader(outgoing, Segments(key, object_id))
        except BaseException:
            outgoing.close()
            raise
        return io.BufferedReader(reader, _BUFFER)

    def exists(self, object_id: str) -> bool:
        """Whether the object is in its place; its content is not looked at.

        Raises:
            Unavailable: this is no object id, or the place is out of reach.
        """
        return self._place.exists(_checked(object_id))

    def delete(self, object_id: str) -> None:
        """Remove an object; one that is not there is removed already.

        Raises:
            Unavailable: the place does not allow it, or is out of reach.
        """
        self._place.delete(_checked(object_id))

    def list_objects(self) -> Iterator[StoredObject]:
        """Every object in its place, in no order: those without a row in the database are orphans.

        An object is in its place before its row is committed: compare only those older than a request
        can last.

        Raises:
            Unavailable: the place is out of reach.
        """
        return self._place.objects()

    def sweep_temp(self, older_than: datetime) -> int:
        """Remove what killed processes left unfinished before the moment ``older_than``.

        Returns:
            How many were removed.

        Raises:
            Unavailable: the place is out of reach.
        """
        return self._place.sweep(older_than)

    def check(self) -> None:
        """Ask whether the place can be used, changing nothing.

        Raises:
            Misconfigured: it answers, and not with the settings given.
            Unavailable: it is out of reach.
        """
        self._place.check()


def _checked(object_id: str) -> str:
    if not OBJECT_ID.fullmatch(object_id):
        raise Unavailable("payload store: an object id is damaged")
    return object_id
