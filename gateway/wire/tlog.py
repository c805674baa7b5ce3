"""The ledger's texts: checkpoints, signed notes and proofs, as C2SP defines them.

tlog-checkpoint, signed-note and tlog-proof@v1 of c2sp.org.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.evidence.ledger import NOTE_DASH, Checkpoint, Note, NoteSignature

_PROOF = "c2sp.org/tlog-proof@v1"
_MOST_HASHES = 63
_MOST_CONSISTENCY = 2 * _MOST_HASHES
_LARGEST = 64 * 1024
_HASH = 32


class MalformedTlog(ValueError):
    """Octets that are no such text."""


@dataclass(frozen=True)
class Proof:
    """That the entry at ``index`` is in the tree of ``note``'s checkpoint.

    Attributes:
        hashes: of 32 octets each, from the leaf's sibling upwards.
        note: the signed checkpoint, exactly as it was signed and time-stamped.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: bytes


def write_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The note text of a checkpoint."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{_b64(checkpoint.root)}\n".encode()


def read_checkpoint(text: bytes) -> Checkpoint:
    """The checkpoint of a note text; extension lines are refused, for we make none.

    Raises:
        MalformedTlog: not such a text.
    """
    lines = _lines(text)
    if len(lines) != 3 or not lines[0]:
        raise MalformedTlog("a checkpoint has three lines: origin, size, root")
    return Checkpoint(lines[0], _number(lines[1]), _hash(lines[2]))


def read_note(octets: bytes) -> Note:
    """The text and the signatures of a signed note, none of them verified.

    Raises:
        MalformedTlog: not a signed note.
    """
    if len(octets) > _LARGEST:
        raise MalformedTlog("too long for a note")
    text, found, below = octets.rpartition(b"\n\n")
    if not found:
        raise MalformedTlog("no signatures under the text")
    text += b"\n"
    _lines(text)
    return Note(text, tuple(_signature(line) for line in _lines(below)))


def write_proof(proof: Proof) -> bytes:
    """The proof as a file of type ``.tlog-proof``."""
    lines = [_PROOF, f"index {proof.index}", *map(_b64, proof.hashes), ""]
    return "".join(f"{line}\n" for line in lines).encode() + proof.note


def read_proof(octets: bytes) -> Proof:
    """The proof in a ``.tlog-proof`` file; nothing of it is verified.

    Raises:
        MalformedTlog: not such a file.
    """
    if len(octets) > _LARGEST:
        raise MalformedTlog("too long for a proof")
    head, found, note = octets.partition(b"\n\n")
    lines = _lines(head + b"\n")
    if not found or len(lines) < 2 or lines[0] != _PROOF:
        raise MalformedTlog("not a proof of version 1")
    # Opaque data of other programs, which means nothing here.
    rest = lines[2:] if lines[1].startswith("extra ") else lines[1:]
    word, _, index = rest[0].partition(" ") if rest else ("", "", "")
    if word != "index" or len(rest) > 1 + _MOST_HASHES:
        raise MalformedTlog("a proof states its index, then its hashes")
    return Proof(_number(index), tuple(map(_hash, rest[1:])), note)


def write_hashes(hashes: Sequence[bytes]) -> bytes:
    """The hashes of a proof, a line each."""
    return "".join(f"{_b64(one)}\n" for one in hashes).encode()


def read_hashes(octets: bytes) -> tuple[bytes, ...]:
    """The hashes of a consistency proof, a line each; no octets are no hashes.

    Raises:
        MalformedTlog: not such lines.
    """
    lines = _lines(octets) if octets else []
    if len(lines) > _MOST_CONSISTENCY:
        raise MalformedTlog("too many hashes")
    return tuple(map(_hash, lines))


def _signature(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(NOTE_DASH).partition(" ")
    if not line.startswith(NOTE_DASH) or not name or "+" in name or any(map(str.isspace, name)):
        raise MalformedTlog("not a signature line")
    octets = _unb64(encoded)
    if len(octets) < 5:
        raise MalformedTlog("no signature behind the key's identifier")
    return NoteSignature(name, octets[:4], octets[4:])


def _lines(octets: bytes) -> list[str]:
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedTlog("not UTF-8") from error
    if not text.endswith("\n") or any(ord(sign) < 0x20 and sign != "\n" for sign in text):
        raise MalformedTlog("lines that do not end, or control characters")
    return text[:-1].split("\n")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or (text[0] == "0" and text != "0") or len(text) > 18:
        raise MalformedTlog("not a number")
    return int(text)


def _hash(text: str) -> bytes:
    octets = _unb64(text)
    if len(octets) != _HASH:
        raise MalformedTlog("not a hash of 32 octets")
    return octets


def _b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _unb64(text: str) -> bytes:
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedTlog("not base64") from error
    if _b64(octets) != text:
        raise MalformedTlog("not canonical base64")
    return octets
