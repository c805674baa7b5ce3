"""What the kind `folder` asks of a directory tree, wherever it lies."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from gateway.domain.lines import UNSEEN, printable

T = TypeVar("T")

Steps = tuple[str, ...]
"""A path below the place, name by name; () is the place itself."""

_DEEPEST = 8


class Shape(Enum):
    """What stands under a name; links are never followed."""

    FOLDER = "folder"
    FILE = "file"
    OTHER = "other"


class Trouble(Enum):
    """What a directory tree may answer instead of doing what it was asked."""

    MISSING = "not there"
    EXISTS = "already there"
    DENIED = "not permitted"
    FULL = "no room left"
    LOST = "nobody knows: the connection broke, or no answer came in time"
    OTHER = "it did not work"


class PlaceFault(Exception):
    """A directory tree did not do what it was asked; never leaves the adapters."""

    def __init__(self, trouble: Trouble, detail: str) -> None:
        self.trouble = trouble
        self.detail = detail
        super().__init__(f"{detail}: {trouble.value}")


@dataclass(frozen=True)
class Modes:
    """Permissions of what is made; None leaves them to the system."""

    file: int | None
    folder: int | None


@dataclass(frozen=True)
class Entry:
    """One name in a folder; ``size`` in octets, ``modified`` in seconds since 1970 by that system's clock."""

    name: str
    shape: Shape
    size: int
    modified: float


class Place(Protocol):
    """A directory tree. Every method raises `PlaceFault`; what is LOST may have happened."""

    def shape(self, path: Steps) -> Shape | None:
        """What is there, or None."""

    def entries(self, path: Steps) -> Iterator[Entry]:
        """What is in a folder, in no order, one after the other."""

    def make_folder(self, path: Steps) -> None:
        """Make a folder that is not there."""

    def write(self, path: Steps, pieces: Iterable[bytes]) -> bool:
        """Write a file that is not there, to the disk itself where that can be asked: whether it could."""

    def pieces(self, path: Steps) -> Iterator[bytes]:
        """The octets of a regular file; anything else is DENIED."""

    def rename(self, path: Steps, to: Steps) -> None:
        """Give a file or folder another name in one step; EXISTS or OTHER where something has it."""

    def remove_file(self, path: Steps) -> None:
        """Remove whatever is no folder."""

    def remove_folder(self, path: Steps) -> None:
        """Remove an empty folder."""

    def settle(self, path: Steps) -> bool:
        """Have the names in a folder outlive a power cut, where that can be asked: whether it could."""

    def room(self) -> int | None:
        """Octets that can still be written, or None where it does not say."""

    def one_step(self, path: Steps, to: Steps) -> bool | None:
        """Whether a rename between these folders is one step; None where that cannot be asked."""

    def may_write(self, path: Steps) -> bool | None:
        """Whether names may be made in a folder; None where that cannot be asked."""

    def close(self) -> None:
        """Let go."""


def remove_tree(place: Place, path: Steps) -> None:
    """Remove a folder with all that is in it; what is gone already is gone.

    Raises:
        PlaceFault: it could not be done.
    """
    _remove(place, path, _DEEPEST)


def read_whole(place: Place, path: Steps, most: int) -> bytes | None:
    """A file's octets, or None when it has more than ``most``.

    Raises:
        PlaceFault: it cannot be read.
    """
    found = bytearray()
    with contextlib.closing(closable(place.pieces(path))) as pieces:
        for piece in pieces:
            found += piece
            if len(found) > most:
                return None
    return bytes(found)


def shown(path: Steps) -> str:
    """A path for people."""
    text = "/".join(path) or "."
    return printable(text, UNSEEN)


def closable(pieces: Iterator[T]) -> Generator[T, None, None]:
    """The same; closing it closes what is open below."""
    yield from pieces


def _remove(place: Place, path: Steps, left: int) -> None:
    if left == 0:
        raise PlaceFault(Trouble.OTHER, f"{shown(path)} lies too deep")
    try:
        for entry in list(place.entries(path)):
            inside = (*path, entry.name)
            if entry.shape is Shape.FOLDER:
                _remove(place, inside, left - 1)
            else:
                place.remove_file(inside)
        place.remove_folder(path)
    except PlaceFault as fault:
        if fault.trouble is not Trouble.MISSING:
            raise
