"""The port to a place where encrypted payloads lie: a folder, or a bucket of an object store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

OBJECT_ID = re.compile(r"[0-9a-f]{32}")
"""What names an object; every place may take it for a file's or a key's name as it is."""


@dataclass(frozen=True)
class StoredObject:
    """An object as it lies in its place; ``size`` is that of what lies there, in octets."""

    object_id: str
    modified: datetime
    size: int


class Incoming(Protocol):
    """An object that is being written; nobody sees it before `commit` returned."""

    def write(self, octets: bytes) -> None:
        """Add to its end.

        Raises:
            Unavailable: the place is full, or out of reach; the object can only be discarded.
        """

    def commit(self) -> None:
        """Put it into its place, whole: when this returns it outlives a power cut.

        Raises:
            Unavailable: it cannot be said to be there.
        """

    def discard(self) -> None:
        """Remove what was written, as far as it can be removed now; the sweep gets the rest."""


class Outgoing(Protocol):
    """An object that is being read."""

    @property
    def size(self) -> int:
        """Octets of the whole object."""

    def read_at(self, position: int, length: int) -> bytes:
        """``length`` octets from ``position``, fewer at the end only; cheapest where the last one ended.

        Raises:
            Damaged: the object vanished.
            Unavailable: the place is out of reach.
        """

    def close(self) -> None:
        """Let go of it."""


class Place(Protocol):
    """Where objects lie; every object id was checked against `OBJECT_ID`."""

    def begin(self, object_id: str) -> Incoming:
        """Begin a new object.

        Raises:
            Unavailable: the place is full, or out of reach.
        """

    def open(self, object_id: str) -> Outgoing:
        """Open an object for reading.

        Raises:
            Damaged: it is not there.
            Unavailable: the place is out of reach.
        """

    def exists(self, object_id: str) -> bool:
        """Whether it is there; its content is not looked at.

        Raises:
            Unavailable: the place is out of reach.
        """

    def delete(self, object_id: str) -> None:
        """Remove it; one that is not there is removed already.

        Raises:
            Unavailable: the place does not allow it, or is out of reach.
        """

    def objects(self) -> Iterator[StoredObject]:
        """Every object in its place, in no order.

        Raises:
            Unavailable: the place is out of reach.
        """

    def sweep(self, older_than: datetime) -> int:
        """Remove what was begun before that moment and not finished; how many were removed.

        Raises:
            Unavailable: the place is out of reach.
        """

    def check(self) -> None:
        """Ask whether the place can be used, changing nothing.

        Raises:
            Misconfigured: it answers, and not with the settings given.
            Unavailable: it is out of reach.
        """
