"""A directory tree behind an SFTP server (SSH, RFC 4251 to 4254; draft-ietf-secsh-filexfer-02).

The only module that knows the library, asyncssh, which was taken for what others lack or hide: it asks a
server to write to its disk (``fsync@openssh.com``), lists folders piece by piece, and needs little beside
``cryptography``. Met by trying: unless told otherwise it reads ``~/.ssh/config``, ``known_hosts``, keys and
agent of whoever runs it; its own time limits end at the log-in, so that each step here has one; it gives a
host key that is not trusted to a call-back only where ``known_hosts`` is given, even if empty. It reads keys
under a passphrase, as ``ssh-keygen`` writes them, only where ``bcrypt`` is, which it does not ask for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar, cast

import asyncssh

from adapters.contract import Context
from adapters.folder_place import Entry, Modes, PlaceFault, Shape, Steps, Trouble, shown
from adapters.folder_target import SftpTarget
from gateway.domain.errors import Temporary

T = TypeVar("T")

NOT_REACHED = "WASL-DLV-001"
NOT_LET_IN = "WASL-DLV-013"
OTHER_KEY = "WASL-DLV-080"
_PIECE = 256 * 1024
_NEXT_TO_NOTHING = 1024**2
_MOST_NAMES = 200_000  # a server could list for ever
_KEY_EXCHANGE = (
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group14-sha256",
)
_CIPHERS = (
    "chacha20-poly1305@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)
_MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
_OWN_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
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


class _Known(asyncssh.SSHClient):
    """Takes a server for the one that is meant if it shows a key that the route names."""

    def __init__(self, fingerprints: frozenset[str]) -> None:
        self._fingerprints = fingerprints

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return key.get_fingerprint() in self._fingerprints


class SftpPlace:
    """Implements `adapters.folder_place.Place` over one connection; each step waits for its answer."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: asyncssh.SSHClientConnection,
        client: asyncssh.SFTPClient,
        target: SftpTarget,
        modes: Modes,
    ) -> None:
        self._loop = loop
        self._connection = connection
        self._client = client
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
        logging.getLogger("asyncssh").setLevel(logging.WARNING)  # it tells every step
        credentials = _credentials(target, context)
        sock = context.dial(target.host, target.port)
        loop = asyncio.new_event_loop()
        try:
            opening = _open(target, sock, credentials)
            connection, client = loop.run_until_complete(asyncio.wait_for(opening, target.silence_seconds))
        except BaseException as error:
            sock.close()
            _end(loop)
            fault = _not_opened(error, target)
            if fault is None:
                raise
            raise fault from error
        return cls(loop, connection, client, target, modes)

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

    def write(self, path: Steps, pieces: Iterable[bytes]) -> None:
        """As `Place.write`; the length that the server tells afterwards must be the one sent."""
        try:
            written = self._written(path, pieces)
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

    def _written(self, path: Steps, pieces: Iterable[bytes]) -> int:
        written = 0
        file = self._run(path, lambda: self._client.open(self._name(path), "xb"))
        try:
            for piece in _gathered(pieces):
                self._run(path, partial(file.write, piece))
                written += len(piece)
            self._sync(path, file)
        finally:
            with contextlib.suppress(PlaceFault):
                self._run(path, file.close)
        return written

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

    def settle(self, path: Steps) -> None:
        """Nothing: the protocol has no word for it."""

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
        self._connection.abort()
        _end(self._loop)

    def _sync(self, path: Steps, file: asyncssh.SFTPClientFile) -> None:
        with contextlib.suppress(_UnknownRequestError):
            self._run(path, file.fsync)

    def _name(self, path: Steps) -> str:
        return "/".join((self._target.path.rstrip("/") or "/.", *path))

    def _run(self, path: Steps, start: Callable[[], Awaitable[T]]) -> T:
        if self._lost:
            raise PlaceFault(Trouble.LOST, f"{shown(path)}: after the connection was lost")
        try:
            return self._loop.run_until_complete(asyncio.wait_for(start(), self._target.silence_seconds))
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


async def _open(
    target: SftpTarget, sock: Any, credentials: dict[str, Any]
) -> tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]:
    connection = await asyncssh.connect(
        target.host,
        target.port,
        sock=sock,
        client_factory=lambda: _Known(target.host_keys.fingerprints),
        known_hosts=([], [], []),
        server_host_key_algs=target.host_keys.algorithms,
        kex_algs=_KEY_EXCHANGE,
        encryption_algs=_CIPHERS,
        mac_algs=_MACS,
        signature_algs=_OWN_KEYS,
        compression_algs=("none",),
        config=None,
        agent_path=None,
        x509_trusted_certs=None,
        gss_host=None,
        host_based_auth=False,
        disable_trivial_auth=True,
        username=target.user,
        connect_timeout=target.silence_seconds,
        login_timeout=target.silence_seconds,
        **credentials,
    )
    try:
        client = await connection.start_sftp_client(path_encoding="utf-8", path_errors="surrogateescape")
    except BaseException:
        connection.abort()
        raise
    return connection, client


def _credentials(target: SftpTarget, context: Context) -> dict[str, Any]:
    """What proves who the hub is.

    Raises:
        Temporary: the secret is no private key, or its passphrase does not fit.
    """
    secret = context.secret(target.secret)
    if not target.by_key:
        return {
            "password": secret,
            "client_keys": None,
            "public_key_auth": False,
            "preferred_auth": ("password", "keyboard-interactive"),
        }
    passphrase = context.secret(target.passphrase) if target.passphrase else None
    try:
        key = asyncssh.import_private_key(secret, passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as error:
        raise Temporary(NOT_LET_IN, f"{type(error).__name__}: the secret is no private key") from error
    return {
        "client_keys": [key],
        "password": None,
        "password_auth": False,
        "kbdint_auth": False,
        "preferred_auth": ("publickey",),
    }


def _not_opened(error: BaseException, target: SftpTarget) -> Temporary | None:
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return Temporary(OTHER_KEY, f"{target}: the server's key is none of host_keys")
    if isinstance(error, asyncssh.PermissionDenied):
        return Temporary(NOT_LET_IN, f"{target}: not let in as {target.user}")
    if isinstance(error, (asyncssh.KeyExchangeFailed, asyncssh.ProtocolNotSupported)):
        return Temporary(NOT_REACHED, f"{target}: no algorithm in common, or none of the host keys' kinds")
    if isinstance(error, TimeoutError):
        return Temporary(NOT_REACHED, f"{target}: no log-in within {target.silence_seconds} seconds")
    if isinstance(error, (asyncssh.Error, OSError, EOFError, ValueError)):
        return Temporary(NOT_REACHED, f"{target}: {type(error).__name__}")
    return None


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """Let what still runs in a loop end, then close it."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(asyncio.sleep(0))  # transports close in the turn that follows
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


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
