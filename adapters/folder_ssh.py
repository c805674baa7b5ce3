"""Connects to an SFTP server: makes sure which one it is, and who the hub is (RFC 4252, 4253).

The library, asyncssh, was taken for what others lack or hide: it asks a server to write to its disk
(``fsync@openssh.com``), lists folders piece by piece, and needs little beside ``cryptography``. Met by
trying: unless told otherwise it reads ``~/.ssh/config``, ``known_hosts``, keys and agent of whoever runs it;
its own time limits end at the log-in; it gives a host key that is not trusted to a call-back only where
``known_hosts`` is given, even if empty; it reads keys under a passphrase, as ``ssh-keygen`` writes them, only
where ``bcrypt`` is, which it does not ask for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncssh

from adapters.contract import Context
from adapters.folder_target import SftpTarget
from gateway.domain.errors import Temporary

T = TypeVar("T")

NOT_REACHED = "WASL-DLV-001"
NOT_LET_IN = "WASL-DLV-013"
OTHER_KEY = "WASL-DLV-080"
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


class _Known(asyncssh.SSHClient):
    """Takes a server for the one that is meant if it shows a key that the route names."""

    def __init__(self, fingerprints: frozenset[str]) -> None:
        self._fingerprints = fingerprints

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return key.get_fingerprint() in self._fingerprints


@dataclass(frozen=True)
class Session:
    """A connection that is logged in, with the loop in which its steps run."""

    loop: asyncio.AbstractEventLoop
    connection: asyncssh.SSHClientConnection
    client: asyncssh.SFTPClient

    @classmethod
    def open(cls, target: SftpTarget, context: Context) -> Session:
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
        return cls(loop, connection, client)

    @property
    def host_key(self) -> str:
        """The fingerprint of the key that the server showed."""
        key = self.connection.get_server_host_key()
        return key.get_fingerprint() if key else "unknown"

    def wait(self, step: Awaitable[T], seconds: float) -> T:
        """What comes of a step.

        Raises:
            TimeoutError: nothing in time.
        """
        return self.loop.run_until_complete(asyncio.wait_for(step, seconds))

    def close(self) -> None:
        """Let go at once; a server that does not answer the goodbye is left."""
        self.connection.abort()
        _end(self.loop)


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
