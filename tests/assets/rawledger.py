"""Ledgers made by hand, with hashlib and cryptography alone (RFC 6962, C2SP signed-note, tlog-proof)."""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.assets.rawsign import b64


def entry(members: dict[str, Any]) -> bytes:
    """The ledger's entry about a receipt, from the members of its JSON content."""
    stated = {"type": "receipt", "contentDigest": members["contentDigest"]}
    nonce = bytes.fromhex(members["nonce"])
    if "reference" in members:
        stated["letter"] = hmac.digest(nonce, members["reference"].encode(), "sha256").hex()
    if "delivery" in members.get("recipient", {}):
        stated["delivery"] = hmac.digest(nonce, members["recipient"]["delivery"].encode(), "sha256").hex()
    return json.dumps(stated, sort_keys=True, separators=(",", ":")).encode()


def leaf(octets: bytes) -> bytes:
    return hashlib.sha256(b"\0" + octets).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash (RFC 6962 2.1), as the definition says it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    middle = _split(len(leaves))
    return node(root(leaves[:middle]), root(leaves[middle:]))


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The audit path (RFC 6962 2.1.1)."""
    if len(leaves) < 2:
        return []
    middle = _split(len(leaves))
    if index < middle:
        return [*path(index, leaves[:middle]), root(leaves[middle:])]
    return [*path(index - middle, leaves[middle:]), root(leaves[:middle])]


def _split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


@dataclass(frozen=True)
class Log:
    """A ledger of the entries given.

    Attributes:
        key: Ed25519, what signs.
        signs_as: the name in the signature line, where it is not the origin.
    """

    origin: str
    key: Any
    entries: tuple[bytes, ...]
    signs_as: str | None = None

    @property
    def leaves(self) -> list[bytes]:
        return [leaf(one) for one in self.entries]

    def text(self, size: int | None = None, head: bytes | None = None, more: str = "") -> bytes:
        """The note text; ``more`` are extension lines."""
        count = len(self.entries) if size is None else size
        return f"{self.origin}\n{count}\n{b64(head or root(self.leaves[:count]))}\n{more}".encode()

    def note(self, text: bytes | None = None) -> bytes:
        stated = self.text() if text is None else text
        return stated + b"\n" + line(self.signs_as or self.origin, self.key, stated)

    def proof(self, index: int, note: bytes | None = None, hashes: Sequence[bytes] | None = None) -> bytes:
        """A ``.tlog-proof``; the hashes are those of the whole tree unless others are given."""
        found = path(index, self.leaves) if hashes is None else hashes
        return proof(index, found, self.note() if note is None else note)


def proof(index: int | str, hashes: Sequence[bytes], note: bytes, extra: str = "") -> bytes:
    lines = ["c2sp.org/tlog-proof@v1", *([extra] if extra else []), f"index {index}", *map(b64, hashes), ""]
    return "".join(f"{one}\n" for one in lines).encode() + note


def line(name: str, key: Any, text: bytes, kind: int = 1) -> bytes:
    """A signature line under a note."""
    return _line(name, key_id(name, key, kind), key.sign(text))


def cosignature(name: str, key: Any, text: bytes, seconds: int) -> bytes:
    """A witness's line (C2SP tlog-cosignature)."""
    signed = key.sign(f"cosignature/v1\ntime {seconds}\n".encode() + text)
    return _line(name, key_id(name, key, 4), struct.pack(">Q", seconds) + signed)


def key_id(name: str, key: Any, kind: int = 1) -> bytes:
    public = key.public_key().public_bytes_raw()
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def vkey(name: str, key: Any, kind: int = 1) -> str:
    public = bytes([kind]) + key.public_key().public_bytes_raw()
    return f"{name}+{key_id(name, key, kind).hex()}+{b64(public)}\n"


def _line(name: str, identifier: bytes, signature: bytes) -> bytes:
    return f"— {name} {b64(identifier + signature)}\n".encode()
