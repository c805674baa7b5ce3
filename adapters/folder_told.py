"""A directory tree whose every step is told to the hub, and one of paper for steps that are only shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from adapters.contract import Request
from adapters.folder_place import Entry, Place, PlaceFault, Shape, Steps, closable
from adapters.heard import Stepping

CHANGES = frozenset({"MKDIR", "WRITE", "RENAME"})
"""What a letter leaves there; the other steps look, or clear up."""

Shown = tuple[Mapping[str, str], str]
"""What is known of a file that is written, and what is shown of its content."""

_DONE = "done"
_NOT_THERE = "not there"


@dataclass(frozen=True)
class ToldPlace:
    """Implements `adapters.folder_place.Place` over another one.

    Attributes:
        address: of the place, for people.
        about: says of a file below the place what is told of it when it is written.
    """

    place: Place
    step: Stepping
    address: str
    about: Callable[[Steps], Shown]

    def shape(self, path: Steps) -> Shape | None:
        """As `Place.shape`."""
        with self._told("STAT", path) as answered:
            found = self.place.shape(path)
            answered(found.value if found else _NOT_THERE)
            return found

    def entries(self, path: Steps) -> Iterator[Entry]:
        """As `Place.entries`."""
        count = 0
        with self._told("LIST", path) as answered:
            with closing(closable(self.place.entries(path))) as entries:
                for entry in entries:
                    count += 1
                    yield entry
            answered(f"{count} names")

    def make_folder(self, path: Steps) -> None:
        """As `Place.make_folder`."""
        with self._told("MKDIR", path):
            self.place.make_folder(path)

    def write(self, path: Steps, pieces: Iterable[bytes]) -> bool:
        """As `Place.write`."""
        count = 0

        def counted() -> Iterator[bytes]:
            nonlocal count
            for piece in pieces:
                count += len(piece)
                yield piece

        headers, body = self.about(path)
        with self._told("WRITE", path, headers, body) as answered:
            kept = self.place.write(path, counted())
            answered(f"{count} octets, {'on the disk' if kept else 'the disk was not asked'}")
            return kept

    def pieces(self, path: Steps) -> Iterator[bytes]:
        """As `Place.pieces`."""
        count = 0
        with self._told("READ", path) as answered:
            with closing(closable(self.place.pieces(path))) as pieces:
                for piece in pieces:
                    count += len(piece)
                    yield piece
            answered(f"{count} octets")

    def rename(self, path: Steps, to: Steps) -> None:
        """As `Place.rename`."""
        with self._told("RENAME", path, {"To": self._where(to)}):
            self.place.rename(path, to)

    def remove_file(self, path: Steps) -> None:
        """As `Place.remove_file`."""
        with self._told("REMOVE", path):
            self.place.remove_file(path)

    def remove_folder(self, path: Steps) -> None:
        """As `Place.remove_folder`."""
        with self._told("RMDIR", path):
            self.place.remove_folder(path)

    def settle(self, path: Steps) -> bool:
        """As `Place.settle`."""
        with self._told("SYNC", path) as answered:
            kept = self.place.settle(path)
            answered(_DONE if kept else "cannot be asked here")
            return kept

    def room(self) -> int | None:
        """As `Place.room`."""
        with self._told("SPACE", ()) as answered:
            left = self.place.room()
            answered("unknown" if left is None else f"{left} octets")
            return left

    def one_step(self, path: Steps, to: Steps) -> bool | None:
        """As `Place.one_step`."""
        return self.place.one_step(path, to)

    def may_write(self, path: Steps) -> bool | None:
        """As `Place.may_write`."""
        return self.place.may_write(path)

    def close(self) -> None:
        """As `Place.close`."""
        self.place.close()

    @contextmanager
    def _told(
        self, what: str, path: Steps, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> Iterator[Callable[[str], None]]:
        with self.step(Request(what, self._where(path), headers or {}, body)) as answered:
            answered(_DONE)
            try:
                yield answered
            except PlaceFault as fault:
                answered(str(fault))
                raise

    def _where(self, path: Steps) -> str:
        return "/".join((self.address.rstrip("/"), *path))


@dataclass(frozen=True)
class Paper:
    """A place where every folder is and no letter yet; implements as much of `Place` as laying one asks."""

    name: str

    def shape(self, path: Steps) -> Shape | None:
        """A folder, unless it would be the letter's."""
        return None if path and path[-1].startswith(self.name) else Shape.FOLDER

    def entries(self, path: Steps) -> Iterator[Entry]:
        """None."""
        return iter(())

    def make_folder(self, path: Steps) -> None:
        """Nothing."""

    def write(self, path: Steps, pieces: Iterable[bytes]) -> bool:
        """Nothing, and no content is read."""
        return True

    def pieces(self, path: Steps) -> Iterator[bytes]:
        """Nothing."""
        return iter(())

    def rename(self, path: Steps, to: Steps) -> None:
        """Nothing."""

    def remove_file(self, path: Steps) -> None:
        """Nothing."""

    def remove_folder(self, path: Steps) -> None:
        """Nothing."""

    def settle(self, path: Steps) -> bool:
        """Nothing."""
        return True

    def room(self) -> int | None:
        """It does not say."""
        return None

    def one_step(self, path: Steps, to: Steps) -> bool | None:
        """It does not say."""
        return None

    def may_write(self, path: Steps) -> bool | None:
        """It does not say."""
        return None

    def close(self) -> None:
        """Nothing."""
