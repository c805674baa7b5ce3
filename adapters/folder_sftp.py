"""A directory tree behind an SFTP server (SSH, RFC 4251 to 4254; draft-ietf-secsh-filexfer-02).

Each step waits for its answer, and has a time limit of its own: those of the library end at the log-in. Whom
it talks to is the business of `adapters.folder_ssh`.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar, cast

import asyncssh

from adapters.contract import Context
from adapters.folder_place import Entry, Modes, PlaceFault, Shape, Steps, Trouble, shown
from adapters.folder_ssh import Session
from adapters.folder_target import SftpTarget

T = TypeVar("T")

_PIECE = 256 * 1024
_NEXT_TO_NOTHING = 1024**2
_MOST_NAMES = 200_000  # a server could list for ever
_TROUBLES: tuple[tuple[type[Exception], Trouble], ...] = (
    (asyncssh.SFTPNoSuchFile, Trouble.MISSING),
    (asyncssh.SFTPNoSuchPath, Trouble.MISSING),
    (asyncssh.SFTPFileAlreadyExists, Trouble.EXISTS),
    (asyncssh.SFTPDirNotEmpty, Trouble.EXISTS),
    (asyncssh.SFTPPermissionDenied, Trouble.DENIED),
    (asyncssh.SFTPWriteProtect, Trouble.DENIED),
    (asyncssh.SFTPNoSpaceOnFilesystem, Trouble.FULL),
    (asyncssh.SFTPQuotaExceeded, Trouble.FULL),
    (asyncssh.SFTPNoConnection, Trouble.LOST),
    (asyncssh.SFTPConnectionLost, Trouble.LOST),
)


class SftpPlace:
    """Implements `adapters.folder_place.Place` over one connection; each step waits for its answer."""

    def __init__(
        self,
        session: Session,
        target: SftpTarget,
        modes: Modes,
    ) -> None:
        self._session = session
        self._client = session.client
        self._target = target
        self._modes = modes
        self._lost = False

    @classmethod
    def open(cls, target: SftpTarget, context: Context, modes: Modes) -> SftpPlace:
        """Connect, make sure who the server is, and log in.

        Raises:
            Temporary: that did not work; nothing was done there.
            Permanent: the hub may not call that address.
        """
        session = Session.open(target, context)
        return cls(session, target, modes)

    def shape(self, path: Steps) -> Shape | None:
        """As `Place.shape`."""
        try:
            found = self._run(path, lambda: self._client.lstat(self._name(path)))
        except PlaceFault as fault:
            if fault.trouble is Trouble.MISSING:
                return None
            raise
        return _shape(found)

    def entries(self, path: Steps) -> Iterator[Entry]:
        """As `Place.entries`."""
        # It is one; closing it closes the handle on the server.
        listing = cast("AsyncGenerator[asyncssh.SFTPName, None]", self._client.scandir(self._name(path)))

        async def following() -> asyncssh.SFTPName | None:
            return await anext(listing, None)

        most = _MOST_NAMES
        try:
            while (found := self._run(path, following)) is not None:
                most -= 1
                if most < 0:
                    raise PlaceFault(Trouble.OTHER, f"{shown(path)} has more than {_MOST_NAMES} names")
                name, about = str(found.filename), found.attrs
                if name not in (".", "..") and "/" not in name and "\0" not in name:
                    yield Entry(name, _shape(about), about.size or 0, float(about.mtime or 0))
        finally:
            with contextlib.suppress(PlaceFault):
                self._run(path, listing.aclose)

    def make_folder(self, path: Steps) -> None:
        """As `Place.make_folder`."""
        self._run(path, lambda: self._client.mkdir(self._name(path)))
        if self._modes.folder is not None:
            mode = self._modes.folder
            self._run(path, lambda: self._client.chmod(self._name(path), mode))

    def write(self, path: Steps, pieces: Iterable[bytes]) -> bool:
        """As `Place.write`; the length that the server tells afterwards must be the one sent."""
        try:
            written, kept = self._written(path, pieces)
        except PlaceFault as fault:
            # Version 3 of the protocol, which everybody speaks, has one word for every failure.
            if fault.trouble is Trouble.OTHER and self._is_full():
                raise PlaceFault(Trouble.FULL, fault.detail) from fault
            raise
        if self._modes.file is not None:
            mode = self._modes.file
            self._run(path, lambda: self._client.chmod(self._name(path), mode))
        if self._run(path, lambda: self._client.lstat(self._name(path))).size != written:
            raise PlaceFault(Trouble.OTHER, f"{shown(path)} has not the length that was sent")
        return kept

    def _written(self, path: Steps, pieces: Iterable[bytes]) -> tuple[int, bool]:
        written = 0
        file = self._run(path, lambda: self._client.open(self._name(path), "xb"))
        try:
            for piece in _gathered(pieces):
                self._run(path, partial(file.write, piece))
                written += len(piece)
            kept = self._sync(path, file)
        finally:
            with contextlib.suppress(PlaceFault):
                self._run(path, file.close)
        return written, kept

    def _is_full(self) -> bool:
        room = self.room()
        return room is not None and room < _NEXT_TO_NOTHING

    def pieces(self, path: Steps) -> Iterator[bytes]:
        """As `Place.pieces`."""
        if self.shape(path) is not Shape.FILE:
            raise PlaceFault(Trouble.DENIED, f"{shown(path)} is no file")
        file = self._run(path, lambda: self._client.open(self._name(path), "rb"))
        try:
            while piece := cast("bytes", self._run(path, lambda: file.read(_PIECE))):
                yield piece
        finally:
            with contextlib.suppress(PlaceFault):
                self._run(path, file.close)

    def rename(self, path: Steps, to: Steps) -> None:
        """As `Place.rename`, by the plain request: it never replaces (the one of POSIX would)."""
        if self.shape(to) is not None:
            raise PlaceFault(Trouble.EXISTS, shown(to))
        self._run(to, lambda: self._client.rename(self._name(path), self._name(to)))

    def remove_file(self, path: Steps) -> None:
        """As `Place.remove_file`."""
        self._run(path, lambda: self._client.remove(self._name(path)))

    def remove_folder(self, path: Steps) -> None:
        """As `Place.remove_folder`."""
        self._run(path, lambda: self._client.rmdir(self._name(path)))

    def settle(self, path: Steps) -> bool:
        """Nothing: the protocol has no word for it."""
        return False

    def room(self) -> int | None:
        """As `Place.room`, where the server knows the extension."""
        try:
            about = self._run((), lambda: self._client.statvfs(self._name(())))
        except PlaceFault as fault:
            if fault.trouble is Trouble.LOST:
                raise
            return None
        return about.bavail * about.frsize

    def one_step(self, path: Steps, to: Steps) -> bool | None:
        """Unknown: the protocol does not tell devices."""
        return None

    def may_write(self, path: Steps) -> bool | None:
        """Unknown: the protocol has no question for it."""
        return None

    def close(self) -> None:
        """As `Place.close`; a server that does not answer the goodbye is left."""
        self._session.close()

    def _sync(self, path: Steps, file: asyncssh.SFTPClientFile) -> bool:
        try:
            self._run(path, file.fsync)
        except _UnknownRequestError:
            return False
        return True

    @property
    def host_key(self) -> str:
        """The fingerprint of the key that the server showed."""
        return self._session.host_key

    def _name(self, path: Steps) -> str:
        return "/".join((self._target.path.rstrip("/") or "/.", *path))

    def _run(self, path: Steps, start: Callable[[], Awaitable[T]]) -> T:
        if self._lost:
            raise PlaceFault(Trouble.LOST, f"{shown(path)}: after the connection was lost")
        try:
            return self._session.wait(start(), self._target.silence_seconds)
        except TimeoutError as error:
            raise self._broken(path, "no answer in time") from error
        except asyncssh.SFTPOpUnsupported as error:
            raise _UnknownRequestError(Trouble.OTHER, shown(path)) from error
        except asyncssh.SFTPError as error:
            if _trouble(error) is Trouble.LOST:
                raise self._broken(path, type(error).__name__) from error
            raise PlaceFault(_trouble(error), f"{shown(path)}: {type(error).__name__}") from error
        except (asyncssh.Error, OSError, EOFError, ValueError) as error:
            # A ValueError is what the library says where the server's octets are no SFTP.
            raise self._broken(path, type(error).__name__) from error

    def _broken(self, path: Steps, how: str) -> PlaceFault:
        """The fault of a step that nobody answered; nothing more is asked on this connection."""
        self._lost = True
        return PlaceFault(Trouble.LOST, f"{shown(path)}: {how}")


class _UnknownRequestError(PlaceFault):
    """The server does not know the request."""


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same octets in pieces that are worth a journey."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        if len(waiting) >= _PIECE:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def _shape(about: asyncssh.SFTPAttrs) -> Shape:
    mode = about.permissions
    if mode is not None and stat.S_IFMT(mode):
        if stat.S_ISDIR(mode):
            return Shape.FOLDER
        return Shape.FILE if stat.S_ISREG(mode) else Shape.OTHER
    kinds = {asyncssh.FILEXFER_TYPE_DIRECTORY: Shape.FOLDER, asyncssh.FILEXFER_TYPE_REGULAR: Shape.FILE}
    return kinds.get(about.type, Shape.OTHER)


def _trouble(error: asyncssh.SFTPError) -> Trouble:
    return next((trouble for kind, trouble in _TROUBLES if isinstance(error, kind)), Trouble.OTHER)
