"""Identifiers that people read aloud: the hub's references and the directory's identifiers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U."""

_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SPOKEN = str.maketrans({"I": "1", "L": "1", "O": "0", " ": None, "-": None})

RandomBytes = Callable[[int], bytes]


def new_reference(random_bytes: RandomBytes) -> str:
    """A fresh reference ``XXXX-XXXX-XXC``: 50 random bits and a check character."""
    bits = int.from_bytes(random_bytes(7), "big") >> 6
    body = "".join(CROCKFORD[(bits >> shift) & 31] for shift in range(45, -1, -5))
    return _grouped(body + luhn_mod_32(body))


def read_reference(text: str) -> str | None:
    """The canonical form of a reference as a person typed it, or None when its check fails."""
    characters = text.upper().translate(_SPOKEN)
    if len(characters) != 11 or any(character not in CROCKFORD for character in characters):
        return None
    if luhn_mod_32(characters[:-1]) != characters[-1]:
        return None
    return _grouped(characters)


def _grouped(characters: str) -> str:
    return f"{characters[:4]}-{characters[4:8]}-{characters[8:]}"


def luhn_mod_32(body: str) -> str:
    """The check character of ``body``: Luhn's algorithm over Crockford's alphabet."""
    total = 0
    for position, character in enumerate(reversed(body)):
        value = CROCKFORD.index(character) * (2 if position % 2 == 0 else 1)
        total += value // 32 + value % 32
    return CROCKFORD[-total % 32]


def directory_id(letter: str, number: int) -> str:
    """A directory identifier such as ``A0001234-F``.

    Args:
        letter: what it names: ``A`` a party, ``B`` an order office.
        number: 0 to 9,999,999, never reused.
    """
    body = f"{letter}{number:07d}"
    return f"{body}-{mod_37_36(body)}"


def is_directory_id(text: str) -> bool:
    """Whether ``text`` has the form of a directory identifier and its check character is right."""
    body, dash, check = text.partition("-")
    well_formed = len(body) == 8 and dash == "-" and body[0].isalpha() and body[1:].isdecimal()
    return well_formed and body.isascii() and body.isupper() and mod_37_36(body) == check


def mod_37_36(body: str) -> str:
    """The check character of ``body`` (ISO/IEC 7064, MOD 37,36, hybrid system)."""
    check = 36
    for character in body:
        check = (check + _ALPHANUMERIC.index(character)) % 36 or 36
        check = check * 2 % 37
    return _ALPHANUMERIC[(1 - check) % 36]


def uuid7(random_bytes: RandomBytes, unix_ms: int | None = None) -> str:
    """A UUID version 7 in lower case (RFC 9562 5.7)."""
    moment = int(time.time() * 1000) if unix_ms is None else unix_ms
    entropy = int.from_bytes(random_bytes(10), "big")
    value = (moment & (1 << 48) - 1) << 80 | 0x7 << 76 | (entropy >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | entropy & (1 << 62) - 1
    return str(uuid.UUID(int=value))
