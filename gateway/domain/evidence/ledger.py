"""What the ledger holds: entries that name evidence and reveal nothing, and checkpoints over all of them."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from gateway.domain.evidence.receipt import Receipt

NOTE_DASH = "\u2014 "
"""What a signature line begins with (C2SP signed-note)."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a ledger: how many entries and the root over them (C2SP tlog-checkpoint).

    Attributes:
        root: 32 octets.
    """

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True)
class NoteSignature:
    """One signature line; `key_id` are four octets, `signature` what follows them."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> bytes:
        """The line with its end."""
        encoded = base64.b64encode(self.key_id + self.signature).decode()
        return f"{NOTE_DASH}{self.name} {encoded}\n".encode()


@dataclass(frozen=True)
class Note:
    """A text, its last line ended, and the signatures under it."""

    text: bytes
    signatures: tuple[NoteSignature, ...]

    @property
    def octets(self) -> bytes:
        """The signed note."""
        return self.text + b"\n" + b"".join(signature.line for signature in self.signatures)


def receipt_entry(receipt: Receipt, content_digest: str) -> bytes:
    """The entry of a receipt; whoever holds the receipt can make it again, nobody can read it.

    Letter and delivery are salted with the receipt's nonce, so that entries of one letter cannot be
    found without its receipts.
    """
    members = {"type": "receipt", "contentDigest": content_digest}
    if receipt.reference is not None:
        members["letter"] = salted(receipt.nonce, receipt.reference)
    if receipt.recipient is not None and receipt.recipient.delivery is not None:
        members["delivery"] = salted(receipt.nonce, receipt.recipient.delivery)
    return _octets(members)


def purge_entry(record_digest: str) -> bytes:
    """The entry of a purge, by the digest of its record."""
    return _octets({"type": "purge", "contentDigest": record_digest})


def continuation_entry(before: Checkpoint) -> bytes:
    """The first entry of a ledger that continues one whose database was lost; it cites the old head."""
    return _octets(
        {"type": "continuation", "origin": before.origin, "size": before.size, "root": before.root.hex()}
    )


def cited(entry: bytes) -> Checkpoint | None:
    """The old head that a continuation's first entry cites; None for any other entry."""
    try:
        members = json.loads(entry)
        before = Checkpoint(members["origin"], members["size"], bytes.fromhex(members["root"]))
        return before if continuation_entry(before) == entry else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def generation_origin(origin: str, generation: int) -> str:
    """The name of a ledger's generation: the first has the ledger's own name, later ones add a number."""
    return origin if generation == 1 else f"{origin}/{generation}"


def generation_of(origin: str, name: str) -> int | None:
    """Which generation of the ledger called ``origin`` has this name; None where it is another ledger.

    A receipt states the ledger's own name; its place may be in any generation.
    """
    if name == origin:
        return 1
    number = name.removeprefix(origin + "/")
    if not number.isascii() or not number.isdecimal() or len(number) > 9:
        return None
    found = int(number)
    return found if found > 1 and generation_origin(origin, found) == name else None


def salted(nonce: str, identifier: str) -> str:
    """HMAC-SHA-256 of the identifier under the nonce (hexadecimal), in lower-case hexadecimal."""
    return hmac.new(bytes.fromhex(nonce), identifier.encode(), sha256).hexdigest()


def _octets(members: Mapping[str, object]) -> bytes:
    # Members are ASCII, so that this is the canonical form of RFC 8785.
    return json.dumps(members, sort_keys=True, separators=(",", ":")).encode("ascii")
