"""Payloads as files of a folder: where an object lies and how it survives a power cut."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.domain.errors import Damaged, Misconfigured, Unavailable
from gateway.domain.places import OBJECT_ID, Incoming, Outgoing, StoredObject

_TEMPORARY = ".part"


class PayloadFolder:
    """Implements `Place`: ``objects/<first two digits>/<object id>`` and ``temporary/``.

    Both lie on one file system, so that a rename moves an object into its place at once or not at all.

    Args:
        root: the folder; made when first needed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._objects = root / "objects"
        self._temporary = root / "temporary"
        self._durable: set[Path] = set()

    def begin(self, object_id: str) -> Incoming:
        """A new file under ``temporary/``, locked as long as somebody writes."""
        with disk_trouble():
            self._temporary.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._temporary / f"{object_id}{_TEMPORARY}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            return _IncomingFile(self, object_id, path, os.open(path, flags, 0o600))

    def open(self, object_id: str) -> Outgoing:
        """The file, kept open: it can be read to its end even if it is deleted meanwhile."""
        with disk_trouble():
            try:
                return _OutgoingFile(os.open(self._path(object_id), os.O_RDONLY | os.O_CLOEXEC))
            except FileNotFoundError as error:
                raise Damaged(f"payload store: {error.strerror}") from error

    def exists(self, object_id: str) -> bool:
        with disk_trouble():
            return self._path(object_id).is_file()

    def delete(self, object_id: str) -> None:
        path = self._path(object_id)
        with disk_trouble(), contextlib.suppress(FileNotFoundError):
            path.unlink()
            _fsync_folder(path.parent)

    def objects(self) -> Iterator[StoredObject]:
        """Every object in its place; one that vanishes meanwhile is left out."""
        with disk_trouble():
            for path in self._objects.glob("[0-9a-f][0-9a-f]/*"):
                with contextlib.suppress(FileNotFoundError):
                    found = path.stat()
                    if OBJECT_ID.fullmatch(path.name):
                        yield StoredObject(path.name, _moment(found.st_mtime), found.st_size)

    def sweep(self, older_than: datetime) -> int:
        """Remove files that killed processes left; one at which somebody writes stays, however old."""
        with disk_trouble():
            begun = list(self._temporary.glob(f"*{_TEMPORARY}")) if self._temporary.is_dir() else []
            return sum(_removed(path, older_than) for path in begun)

    def check(self) -> None:
        if self._root.exists() and not (self._root.is_dir() and os.access(self._root, os.R_OK | os.W_OK)):
            raise Misconfigured(["payloads.directory: is no folder that the hub may write to"])

    def put_in_place(self, temporary: Path, object_id: str) -> None:
        """Give a complete file, already on the disk, its place; durable when this returns.

        Raises:
            OSError: the disk does not allow it.
        """
        place = self._path(object_id)
        if place.parent not in self._durable:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _fsync_folder(self._objects)  # even if it was there: whoever made it may not have come so far
            _fsync_folder(self._objects.parent)
            self._durable.add(place.parent)
        temporary.rename(place)
        _fsync_folder(place.parent)

    def _path(self, object_id: str) -> Path:
        return self._objects / object_id[:2] / object_id


class _IncomingFile:
    """Implements `Incoming` over a file that gets its name when it is complete."""

    def __init__(self, folder: PayloadFolder, object_id: str, path: Path, descriptor: int) -> None:
        self._folder = folder
        self._object_id = object_id
        self._path = path
        self._descriptor: int | None = descriptor
        try:
            # Tells the sweep that somebody is at work here; a killed process lets go by itself.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            self.discard()
            raise

    def write(self, octets: bytes) -> None:
        with disk_trouble():
            _write_all(self._open_descriptor(), octets)

    def commit(self) -> None:
        with disk_trouble():
            os.fsync(self._open_descriptor())
            self._folder.put_in_place(self._path, self._object_id)
        self._close()

    def discard(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            self._close()

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise Unavailable("payload store: the payload is not open for writing")
        return self._descriptor

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class _OutgoingFile:
    """Implements `Outgoing` over an open file."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        self._size = os.fstat(descriptor).st_size

    @property
    def size(self) -> int:
        return self._size

    def read_at(self, position: int, length: int) -> bytes:
        with disk_trouble():
            self._file.seek(position)
            return self._file.read(length)

    def close(self) -> None:
        self._file.close()


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


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, octets: bytes) -> None:
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _removed(path: Path, older_than: datetime) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if _moment(os.fstat(descriptor).st_mtime) >= older_than:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
