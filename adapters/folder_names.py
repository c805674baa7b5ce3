"""File names that any system can store, of names that any sender may have chosen."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import Enum

LONGEST = 120
"""Octets of a name in UTF-8, so that even a long path of an old system has room for it."""

_NAMELESS = "piece"
_LONGEST_ENDING = 12
# What other systems than ours give a meaning: parts of a path, drives and streams, wildcards, redirections.
_MEANINGFUL = re.compile(r'[/\\:*?"<>|]')
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file; a digit may be a superscript one.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)
_ENDING = re.compile(r"[0-9A-Za-z]{1,10}")


class NameStyle(Enum):
    """What becomes of the names that senders gave their files."""

    KEPT = "kept"  # the name itself, where it harms nothing
    ASCII = "ascii"  # letters without accents; a name that has none is numbered
    NUMBERED = "numbered"  # 001.pdf, 002.xml


def file_names(names: Sequence[str], style: NameStyle, taken: Iterable[str] = ()) -> list[str]:
    """A name for each file, in their order, no two the same to any file system.

    Args:
        taken: names that stand already.
    """
    used = {_key(name) for name in taken}
    chosen: list[str] = []
    for at, name in enumerate(names, 1):
        plain = _numbered(name, at) if style is NameStyle.NUMBERED else safe_name(name, style, at)
        chosen.append(_unused(plain, used))
        used.add(_key(chosen[-1]))
    return chosen


def safe_name(name: str, style: NameStyle = NameStyle.KEPT, at: int = 1) -> str:
    """The name without what leads elsewhere, hides, or turns the writing round; never empty."""
    text = unicodedata.normalize("NFKD" if style is NameStyle.ASCII else "NFC", name)
    if style is NameStyle.ASCII:
        text = text.encode("ascii", "ignore").decode("ascii")
    # C: control, format (directions, joiners), surrogate, private, unassigned; Zl, Zp: line ends
    text = "".join(" " if _category(sign) in ("Zl", "Zp", "Zs") else sign for sign in text)
    text = "".join(sign for sign in text if _category(sign)[0] != "C")
    stem, ending = _parted(_MEANINGFUL.sub("_", text).rstrip(" ."))
    stem = stem.lstrip(" .-~").rstrip(" .")
    if not stem.strip("_"):
        stem = f"{_NAMELESS}-{at}"
    if _DEVICE.fullmatch(stem.partition(".")[0].strip()):
        stem = f"_{stem}"
    return _cut(stem, LONGEST - len(ending)) + ending


def _category(sign: str) -> str:
    return unicodedata.category(sign)


def _numbered(name: str, at: int) -> str:
    return f"{at:03d}{_parted(safe_name(name, NameStyle.ASCII))[1].lower()}"


def _parted(name: str) -> tuple[str, str]:
    """Stem and ending; an ending is what looks like one."""
    stem, dot, ending = name.rpartition(".")
    if dot and len(ending) < _LONGEST_ENDING and _ENDING.fullmatch(ending):
        return stem, f".{ending}"
    return name, ""


def _cut(text: str, octets: int) -> str:
    """At most so many octets of UTF-8, and no sign without the one that it stands on."""
    if len(text.encode()) <= octets:
        return text
    shorter = text.encode()[:octets].decode("utf-8", "ignore")
    return shorter.rstrip(" .")


def _unused(name: str, used: set[str]) -> str:
    stem, ending = _parted(name)
    number, candidate = 1, name
    while _key(candidate) in used:
        number += 1
        mark = f"-{number}{ending}"
        candidate = _cut(stem, LONGEST - len(mark)) + mark
    return candidate


def _key(name: str) -> str:
    """Equal for names that some file system takes for the same one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
