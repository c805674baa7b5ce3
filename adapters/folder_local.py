"""A directory tree of this machine, opened name by name so that no link leads out of it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from adapters.folder_place import Entry, Modes, PlaceFault, Shape, Steps, Trouble, shown
from gateway.domain.errors import Permanent, Temporary

NOT_ALLOWED = "WASL-DLV-006"
NO_FOLDER = "WASL-DLV-078"
_CHUNK = 256 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe would wait for somebody who writes.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TROUBLES = {
    errno.ENOENT: Trouble.MISSING,
    errno.EEXIST: Trouble.EXISTS,
    errno.ENOTEMPTY: Trouble.EXISTS,
    errno.EACCES: Trouble.DENIED,
    errno.EPERM: Trouble.DENIED,
    errno.EROFS: Trouble.DENIED,
    errno.ELOOP: Trouble.DENIED,
    errno.ENOTDIR: Trouble.DENIED,
    errno.ENOSPC: Trouble.FULL,
    errno.EDQUOT: Trouble.FULL,
    errno.EFBIG: Trouble.FULL,
}


class LocalPlace:
    """Implements `adapters.folder_place.Place` with the calls that take an open folder (POSIX openat)."""

    def __init__(self, root: int, modes: Modes) -> None:
        self._root = root
        self._modes = modes

    @classmethod
    def open(cls, place: str, allowed: Sequence[Path], modes: Modes) -> LocalPlace:
        """Open a folder that lies below one of those that the hub's operator allows.

        Links above and in the operator's own path are the operator's; below it none is followed.

        Raises:
            Permanent: it lies elsewhere.
            Temporary: it is not there, a link leads to it, or it may not be read.
        """
        start = next((one for one in allowed if PurePosixPath(place).is_relative_to(one)), None)
        if start is None:
            raise Permanent(NOT_ALLOWED, f"{place} lies below none of the folders that the hub may use")
        below = PurePosixPath(place).relative_to(start).parts
        try:
            root = os.open(start, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                return cls(_down(root, below), modes)
            finally:
                os.close(root)
        except OSError as error:
            raise Temporary(NO_FOLDER, f"{place}: {error.strerror}") from error

    def shape(self, path: Steps) -> Shape | None:
        """As `Place.shape`."""
        with _faults(path):
            try:
                with self._parent(path) as (parent, name):
                    return _shape(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
            except FileNotFoundError:
                return None

    def entries(self, path: Steps) -> Iterator[Entry]:
        """As `Place.entries`."""
        with _faults(path), self._folder(path) as folder, os.scandir(folder) as found:
            for one in found:
                with contextlib.suppress(FileNotFoundError):  # gone since
                    about = one.stat(follow_symlinks=False)
                    yield Entry(one.name, _shape(about.st_mode), about.st_size, about.st_mtime)

    def make_folder(self, path: Steps) -> None:
        """As `Place.make_folder`."""
        with _faults(path), self._parent(path) as (parent, name):
            os.mkdir(name, 0o777 if self._modes.folder is None else 0o700, dir_fd=parent)
            if self._modes.folder is not None:
                with _opened(name, _FOLDER, parent) as made:
                    os.fchmod(made, self._modes.folder)

    def write(self, path: Steps, pieces: Iterable[bytes]) -> bool:
        """As `Place.write`."""
        with _faults(path), self._parent(path) as (parent, name):
            made = os.open(name, _NEW, 0o666 if self._modes.file is None else 0o600, dir_fd=parent)
            with os.fdopen(made, "wb", buffering=0) as file:
                for piece in pieces:
                    _write_all(file.fileno(), piece)
                if self._modes.file is not None:
                    os.fchmod(file.fileno(), self._modes.file)
                os.fsync(file.fileno())
        return True

    def pieces(self, path: Steps) -> Iterator[bytes]:
        """As `Place.pieces`."""
        with _faults(path), self._parent(path) as (parent, name), _opened(name, _READ, parent) as file:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise PlaceFault(Trouble.DENIED, f"{shown(path)} is no file")
            while piece := os.read(file, _CHUNK):
                yield piece

    def rename(self, path: Steps, to: Steps) -> None:
        """As `Place.rename`; the system itself replaces files, but no folder that has something in it."""
        with _faults(to), self._parent(path) as (source, name), self._parent(to) as (target, other):
            about = os.stat(name, dir_fd=source, follow_symlinks=False)
            if not stat.S_ISDIR(about.st_mode) and self.shape(to) is not None:
                raise PlaceFault(Trouble.EXISTS, shown(to))
            os.rename(name, other, src_dir_fd=source, dst_dir_fd=target)

    def remove_file(self, path: Steps) -> None:
        """As `Place.remove_file`."""
        with _faults(path), self._parent(path) as (parent, name):
            os.unlink(name, dir_fd=parent)

    def remove_folder(self, path: Steps) -> None:
        """As `Place.remove_folder`."""
        with _faults(path), self._parent(path) as (parent, name):
            os.rmdir(name, dir_fd=parent)

    def settle(self, path: Steps) -> bool:
        """As `Place.settle`; some network file systems do not know it, and need it not."""
        with _faults(path), self._folder(path) as folder:
            try:
                os.fsync(folder)
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                    raise
                return False
        return True

    def room(self) -> int | None:
        """As `Place.room`."""
        with _faults(()):
            about = os.fstatvfs(self._root)
            return about.f_bavail * about.f_frsize

    def one_step(self, path: Steps, to: Steps) -> bool | None:
        """As `Place.one_step`."""
        with _faults(path), self._folder(path) as one, self._folder(to) as other:
            return os.fstat(one).st_dev == os.fstat(other).st_dev

    def may_write(self, path: Steps) -> bool | None:
        """As `Place.may_write`."""
        with _faults(path), self._folder(path) as folder:
            return os.access(".", os.W_OK | os.X_OK, dir_fd=folder)

    def close(self) -> None:
        """As `Place.close`."""
        os.close(self._root)

    @contextmanager
    def _folder(self, path: Steps) -> Iterator[int]:
        folder = _down(self._root, path)
        try:
            yield folder
        finally:
            os.close(folder)

    @contextmanager
    def _parent(self, path: Steps) -> Iterator[tuple[int, str]]:
        with self._folder(path[:-1]) as parent:
            yield parent, path[-1] if path else "."


def _down(folder: int, names: Sequence[str]) -> int:
    """The folder below an open one, each name opened by itself; the caller closes it."""
    here = os.open(".", _FOLDER, dir_fd=folder)
    for name in names:
        try:
            below = os.open(name, _FOLDER, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here


@contextmanager
def _opened(name: str, how: int, parent: int) -> Iterator[int]:
    file = os.open(name, how, dir_fd=parent)
    try:
        yield file
    finally:
        os.close(file)


def _write_all(file: int, octets: bytes) -> None:
    left = memoryview(octets)
    while left:
        left = left[os.write(file, left) :]


def _shape(mode: int) -> Shape:
    if stat.S_ISDIR(mode):
        return Shape.FOLDER
    return Shape.FILE if stat.S_ISREG(mode) else Shape.OTHER


@contextmanager
def _faults(path: Steps) -> Iterator[None]:
    """Let what the operating system refuses leave as a fault of the place."""
    try:
        yield
    except OSError as error:
        trouble = _TROUBLES.get(error.errno or 0, Trouble.OTHER)
        raise PlaceFault(trouble, f"{shown(path)}: {error.strerror}") from error
