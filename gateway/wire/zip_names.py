"""Says which names an entry of a container may have: such as no system reads as another place or file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LONGEST = 300
"""Octets of a name in UTF-8."""

_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)
_FORBIDDEN = frozenset('\\:*?"<>|')
_LONGEST_SEGMENT = 200
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of what nobody sees: controls, joiners, marks of direction, surrogates, separators."""


def is_safe(name: str) -> bool:
    """Whether ``name`` is a relative path that means one file, the same one everywhere."""
    return (
        0 < len(name.encode("utf-8", "surrogatepass")) <= LONGEST
        and not any(sign in _FORBIDDEN or unicodedata.category(sign) in _UNSEEN for sign in name)
        and all(map(_is_safe_segment, name.split("/")))
    )


def _is_safe_segment(segment: str) -> bool:
    return segment not in ("", ".", "..") and segment[-1] not in " ." and not _DEVICE.match(segment)


def same(name: str) -> str:
    """What two names have in common that some file system takes for one."""
    return unicodedata.normalize("NFKC", name).casefold()


def collide(names: Iterable[str]) -> str | None:
    """The first name that is another one's too, or the folder of another; None where all are apart."""
    seen: set[str] = set()
    folders: set[str] = set()
    for name in names:
        found = same(name)
        above = {found[:end] for end, sign in enumerate(found) if sign == "/"}
        if found in seen or found in folders or above & seen:
            return name
        seen.add(found)
        folders |= above
    return None


def safe_segment(text: str, otherwise: str) -> str:
    """``text`` as one segment of a name, little changed; ``otherwise`` where nothing of it is left."""
    kept = "".join(
        "_" if sign in _FORBIDDEN or sign == "/" else sign
        for sign in unicodedata.normalize("NFC", text)
        if unicodedata.category(sign) not in _UNSEEN
    )
    short = kept.encode("utf-8")[:_LONGEST_SEGMENT].decode("utf-8", "ignore").strip(" .")
    if not short:
        return otherwise
    return f"_{short}" if _DEVICE.match(short) else short
