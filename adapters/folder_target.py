"""Which SFTP server a route means, by which keys it is known, and as whom the hub comes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from adapters.options import Options

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_ALGORITHMS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),  # the key's type; never signatures with SHA-1 (RFC 8332)
}
ALL_ALGORITHMS = tuple(one for several in _ALGORITHMS.values() for one in several)


@dataclass(frozen=True)
class HostKeys:
    """The keys that a server may show: their fingerprints, and the algorithms to ask it for."""

    fingerprints: frozenset[str]
    algorithms: tuple[str, ...]


@dataclass(frozen=True)
class SftpTarget:
    """A server and a folder on it.

    Attributes:
        path: absolute, or relative to the folder in which the user arrives.
        secret: reference of the password or of the private key; ``passphrase``: of the key's, or "".
        silence_seconds: the longest that any one step may take.
    """

    host: str
    port: int
    path: str
    user: str
    by_key: bool
    secret: str
    passphrase: str
    host_keys: HostKeys
    silence_seconds: int

    @classmethod
    def read(cls, section: Options | None, options: Options, where: tuple[str, int, str]) -> SftpTarget:
        """The target that the options describe; faults are noted there."""
        host, port, path = where
        if section is None:
            options.fault("sftp", "is required for a place that begins with sftp://")
            section = Options({})
        auth = section.choice("auth", ("key", "password"), "key")
        target = cls(
            host=host,
            port=port,
            path=path[3:] or "." if path.startswith("/~/") else path or "/",
            user=section.text("user"),
            by_key=auth == "key",
            secret=section.text("secret"),
            passphrase=section.text("passphrase", "") if auth == "key" else "",
            host_keys=_host_keys(section),
            silence_seconds=section.number("silence_seconds", 30, 1),
        )
        section.end()
        return target

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"sftp://{host}:{self.port}{'' if self.path.startswith('/') else '/~/'}{self.path}"


def _host_keys(options: Options) -> HostKeys:
    entries = options.lines("host_keys")
    if not entries:
        options.fault("host_keys", "is required: the server's public keys, or their SHA256 fingerprints")
    fingerprints: set[str] = set()
    algorithms: list[str] = []
    for entry in entries:
        if _FINGERPRINT.fullmatch(entry):
            fingerprints.add(entry)
            algorithms += ALL_ALGORITHMS
        elif key := _public_key(entry):
            fingerprints.add(key[1])
            algorithms += _ALGORITHMS[key[0]]
        else:
            options.fault(
                "host_keys", f"{entry[:40]!r} is neither a public key that is good today nor SHA256:…"
            )
    return HostKeys(frozenset(fingerprints), tuple(dict.fromkeys(algorithms)))


def _public_key(line: str) -> tuple[str, str] | None:
    """Type and fingerprint of a key as ``ssh-keyscan`` and ``*.pub`` files have it (RFC 4253 6.6)."""
    words = line.split()
    at = next((at for at, word in enumerate(words[:2]) if word in _ALGORITHMS), None)
    if at is None or len(words) < at + 2:
        return None
    try:
        blob = base64.b64decode(words[at + 1], validate=True)
    except (binascii.Error, ValueError):
        return None
    named = len(words[at]).to_bytes(4, "big") + words[at].encode()
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return (words[at], f"SHA256:{digest}") if blob.startswith(named) and len(blob) > len(named) else None
