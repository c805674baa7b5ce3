"""Payloads as objects of a bucket: uploaded in parts, read as streams, in constant memory."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.clients.s3 import Bucket, told
from gateway.domain.errors import Damaged, Unavailable
from gateway.domain.places import OBJECT_ID, Incoming, Outgoing, StoredObject


@dataclass(frozen=True)
class PayloadBucket:
    """Implements `Place`: each object under the key ``<prefix><object id>``.

    Attributes:
        part_bytes: octets of each part of an upload but its last; what one upload holds in memory.
        attempts: how often a stream that breaks is taken up again before it yields the next octet.
    """

    bucket: Bucket
    prefix: str
    part_bytes: int
    attempts: int

    def begin(self, object_id: str) -> Incoming:
        """Says nothing to the store yet: a short object is one call when it is complete."""
        return _IncomingObject(self.bucket, self.prefix + object_id, self.part_bytes)

    def open(self, object_id: str) -> Outgoing:
        return _OutgoingObject(self.bucket, self.prefix + object_id, self.attempts)

    def exists(self, object_id: str) -> bool:
        return self.bucket.size(self.prefix + object_id) is not None

    def delete(self, object_id: str) -> None:
        self.bucket.delete(self.prefix + object_id)

    def objects(self) -> Iterator[StoredObject]:
        for key, modified, size in self.bucket.keys(self.prefix):
            name = key.removeprefix(self.prefix)
            if OBJECT_ID.fullmatch(name):
                yield StoredObject(name, modified, size)

    def sweep(self, older_than: datetime) -> int:
        """Abort uploads begun before that moment: nobody can tell whether somebody is still at work."""
        return sum(
            self.bucket.abort(key, upload)
            for key, upload, begun in self.bucket.uploads(self.prefix)
            if begun < older_than and OBJECT_ID.fullmatch(key.removeprefix(self.prefix))
        )

    def check(self) -> None:
        self.bucket.check()


class _IncomingObject:
    """Implements `Incoming`: one call, or parts of a fixed size of which one is held at a time."""

    def __init__(self, bucket: Bucket, key: str, part_bytes: int) -> None:
        self._bucket = bucket
        self._key = key
        self._part_bytes = part_bytes
        self._part = io.BytesIO()
        self._held = 0
        self._upload: str | None = None
        self._tags: list[str] = []
        self._size = 0

    def write(self, octets: bytes) -> None:
        rest = memoryview(octets)
        while rest:
            if self._held == self._part_bytes:
                self._send()
            taken = self._part.write(rest[: self._part_bytes - self._held])
            self._held += taken
            rest = rest[taken:]

    def commit(self) -> None:
        """One call, or the last part and the answer that all parts are one object now."""
        if self._upload is None:
            self._bucket.put(self._key, self._part)
        else:
            self._send()
            self._complete(self._upload)
        self._let_go()

    def discard(self) -> None:
        self._let_go()
        if self._upload is not None:
            upload, self._upload = self._upload, None
            with contextlib.suppress(Unavailable):
                self._bucket.abort(self._key, upload)

    def _send(self) -> None:
        if self._upload is None:
            self._upload = self._bucket.begin(self._key)
        self._tags.append(self._bucket.put_part(self._key, self._upload, len(self._tags) + 1, self._part))
        self._size += self._held
        self._let_go()

    def _let_go(self) -> None:
        self._part, self._held = io.BytesIO(), 0

    def _complete(self, upload: str) -> None:
        try:
            self._bucket.complete(self._key, upload, self._tags)
        except Unavailable:
            # The answer may be what was lost, and a second call then finds no such upload: look.
            if self._bucket.size(self._key) != self._size:
                raise


class _OutgoingObject:
    """Implements `Outgoing`: one stream, opened anew where it broke or another position is wanted."""

    def __init__(self, bucket: Bucket, key: str, attempts: int) -> None:
        self._bucket = bucket
        self._key = key
        self._attempts = attempts
        self._position = 0
        self._body: Any = None
        self._body, self._size = bucket.get(key)

    @property
    def size(self) -> int:
        return self._size

    def read_at(self, position: int, length: int) -> bytes:
        end = min(position + length, self._size)
        found = bytearray()
        for left in reversed(range(self._attempts)):
            try:
                while position + len(found) < end:
                    found += self._take(position + len(found), end)
                return bytes(found)
            except Damaged:
                raise
            except Unavailable:
                self.close()
                if not left:
                    raise
        return bytes(found)

    def close(self) -> None:
        if self._body is not None:
            body, self._body = self._body, None
            with contextlib.suppress(Unavailable), told():
                body.close()

    def _take(self, position: int, end: int) -> bytes:
        """The next octets of the stream at ``position``, at least one.

        Raises:
            Unavailable: it broke off.
        """
        if self._body is None or self._position != position:
            self.close()
            self._body, size = self._bucket.get(self._key, position)
            if size != self._size:
                raise Damaged("payload store: an object is damaged (size)")
            self._position = position
        with told():
            octets: bytes = self._body.read(end - position)
        if not octets:
            raise Unavailable("payload store: the connection to the object store broke")
        self._position += len(octets)
        return octets
