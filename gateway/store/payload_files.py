"""Files and folders of the payload store: where an object lies and how it survives a power cut."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.domain.errors import Unavailable

_OBJECT_ID = re.compile(r"[0-9a-f]{32}")
_TEMPORARY = ".part"


@dataclass(frozen=True)
class StoredObject:
    """An object as it lies on the disk; ``size`` is that of the file, in octets."""

    object_id: str
    modified: datetime
    size: int


class PayloadFolder:
    """The folder of a payload store: ``objects/<first two digits>/<object id>`` and ``temporary/``.

    Both lie on one file system, so that a rename moves an object into its place at once or not at all.
    """

    def __init__(self, root: Path) -> None:
        self._objects = root / "objects"
        self._temporary = root / "temporary"
        self._durable: set[Path] = set()

    def object_path(self, object_id: str) -> Path:
        """Where the object lies.

        Raises:
            Unavailable: this is no object id.
        """
        if not _OBJECT_ID.fullmatch(object_id):
            raise Unavailable("payload store: an object id is damaged")
        return self._objects / object_id[:2] / object_id

    def create_temporary(self, object_id: str) -> tuple[Path, int]:
        """A new file to write into, and its descriptor.

        Raises:
            OSError: the disk does not allow it.
        """
        self._temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._temporary / f"{object_id}{_TEMPORARY}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return path, os.open(path, flags, 0o600)

    def put_in_place(self, temporary: Path, object_id: str) -> None:
        """Give a complete file, already on the disk, its place; durable when this returns.

        Raises:
            OSError: the disk does not allow it.
        """
        place = self.object_path(object_id)
        if place.parent not in self._durable:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fsync_folder(self._objects)  # even if it was there: whoever made it may not have come so far
            fsync_folder(self._objects.parent)
            self._durable.add(place.parent)
        temporary.rename(place)
        fsync_folder(place.parent)

    def temporaries(self) -> Iterator[Path]:
        """Files that were begun and not finished."""
        if self._temporary.is_dir():
            yield from self._temporary.glob(f"*{_TEMPORARY}")

    def objects(self) -> Iterator[StoredObject]:
        """Every object in its place; one that vanishes meanwhile is left out."""
        for path in self._objects.glob("[0-9a-f][0-9a-f]/*"):
            with contextlib.suppress(FileNotFoundError):
                found = path.stat()
                if _OBJECT_ID.fullmatch(path.name):
                    yield StoredObject(path.name, _moment(found.st_mtime), found.st_size)


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable.

    Raises:
        OSError: the disk failed.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def disk_trouble() -> Iterator[None]:
    """Turn the disk's troubles into ours, the cause kept.

    Raises:
        Unavailable: the disk is full, read-only, or failing.
    """
    try:
        yield
    except OSError as error:
        raise Unavailable(f"payload store: {error.strerror or 'failed'}") from error


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
