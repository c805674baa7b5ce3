"""Signs and verifies notes with Ed25519: a ledger's checkpoints and witnesses' cosignatures (C2SP)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.domain.errors import Misconfigured
from gateway.domain.evidence.ledger import Note, NoteSignature

LOG = 0x01
"""signed-note: plain Ed25519 over the text."""
WITNESS = 0x04
"""tlog-cosignature: Ed25519 over time and text."""


@dataclass(frozen=True)
class VerifierKey:
    """A name and the public key that signs under it.

    Attributes:
        kind: `LOG` or `WITNESS`.
        key: 32 octets.
    """

    name: str
    kind: int
    key: bytes

    @property
    def key_id(self) -> bytes:
        """The four octets that announce the key in a signature line."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.key).digest()[:4]

    @property
    def line(self) -> str:
        """The key as ``.vkey`` files hold it."""
        encoded = base64.b64encode(bytes([self.kind]) + self.key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


def verifier_key(name: str, key: Ed25519PrivateKey, kind: int = LOG) -> VerifierKey:
    """What others need to verify what ``key`` signs under ``name``."""
    return VerifierKey(name, kind, key.public_key().public_bytes_raw())


def read_vkey(line: str) -> VerifierKey:
    """The key of one line.

    Raises:
        ValueError: not such a line, another kind of key, or an identifier that is not the key's.
    """
    name, key_id, encoded = line.split("+", 2)
    try:
        octets = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if len(octets) != 33 or octets[0] not in (LOG, WITNESS):
        raise ValueError("not an Ed25519 key")
    found = VerifierKey(name, octets[0], octets[1:])
    if found.key_id.hex() != key_id:
        raise ValueError("the key's identifier is not its own")
    return found


def read_vkeys(folder: Path) -> tuple[VerifierKey, ...]:
    """The keys in the ``*.vkey`` files of ``folder``, not of its subfolders.

    Raises:
        Misconfigured: files that hold anything else, all of them named.
    """
    keys: list[VerifierKey] = []
    faults: list[str] = []
    for path in sorted(folder.glob("*.vkey")):
        try:
            keys.extend(read_vkey(line) for line in path.read_text("utf-8").split("\n") if line)
        except (OSError, ValueError) as error:
            faults.append(f"{path}: {error}")
    if faults:
        raise Misconfigured(faults)
    return tuple(keys)


def read_note_key(path: Path) -> Ed25519PrivateKey:
    """The key of a PEM file.

    Raises:
        Misconfigured: there is none that can be read, or it is of another kind.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Misconfigured([f"{path}: no readable private key"]) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Misconfigured([f"{path}: not an Ed25519 key, which notes are signed with"])
    return key


def sign_note(text: bytes, name: str, key: Ed25519PrivateKey) -> bytes:
    """The signed note; Ed25519 is deterministic, so that one text has one note."""
    line = NoteSignature(name, verifier_key(name, key).key_id, key.sign(text))
    return Note(text, (line,)).octets


def verify_note(note: Note, keys: Iterable[VerifierKey], name: str) -> bool:
    """Whether one of the keys of a log called ``name`` signed the note's text.

    A line of such a key that is not good spoils the note, whatever stands beside it (C2SP signed-note).
    """
    known = [
        _verifies(key, signature, note.text)
        for key in keys
        for signature in note.signatures
        if key.kind == LOG and key.name == name == signature.name and key.key_id == signature.key_id
    ]
    return bool(known) and all(known)


def cosign(text: bytes, name: str, key: Ed25519PrivateKey, at: datetime) -> NoteSignature:
    """A witness's cosignature of a checkpoint's text (tlog-cosignature, cosignature/v1)."""
    seconds = int(at.astimezone(UTC).timestamp())
    signature = key.sign(_cosigned(seconds, text))
    key_id = verifier_key(name, key, WITNESS).key_id
    return NoteSignature(name, key_id, struct.pack(">Q", seconds) + signature)


def verify_cosignature(text: bytes, signature: NoteSignature, key: VerifierKey) -> datetime | None:
    """When the witness says that it saw the checkpoint; None where the cosignature is not good."""
    octets = signature.signature
    if key.kind != WITNESS or (signature.name, signature.key_id) != (key.name, key.key_id):
        return None
    if len(octets) != 72:
        return None
    seconds = struct.unpack(">Q", octets[:8])[0]
    try:
        Ed25519PublicKey.from_public_bytes(key.key).verify(octets[8:], _cosigned(seconds, text))
        return datetime.fromtimestamp(seconds, UTC)
    except (InvalidSignature, ValueError, OverflowError, OSError):
        return None


def _cosigned(seconds: int, text: bytes) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n".encode() + text


def _verifies(key: VerifierKey, signature: NoteSignature, text: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.key).verify(signature.signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True
