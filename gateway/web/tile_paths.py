"""Addresses of tiles, as C2SP tlog-tiles writes them."""

from __future__ import annotations

import re

TILE = 256
"""Hashes, or entries, of a full tile."""
HIGHEST_LEVEL = 63

_NUMBER = r"(?:x[0-9]{3}/){0,5}[0-9]{3}"
_PATH = re.compile(rf"(?P<number>{_NUMBER})(?:\.p/(?P<width>[1-9][0-9]{{0,2}}))?")
_LEVEL = re.compile(r"0|[1-9][0-9]?")


def read_tile_path(path: str) -> tuple[int, int] | None:
    """Number and width of the tile at ``x001/x234/067`` or ``x001/x234/067.p/8``.

    Returns:
        None where it is no such path, or writes one in another than its one form.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    number = int(found["number"].replace("x", "").replace("/", ""))
    width = int(found["width"] or TILE)
    if write_number(number) != found["number"] or (found["width"] and width >= TILE):
        return None
    return number, width


def write_number(number: int) -> str:
    """A tile's number in groups of three digits, all but the last with an x in front."""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03}")
    return "/".join(groups)


def read_level(text: str) -> int | None:
    """The level of a tile; None where the text is none."""
    if not _LEVEL.fullmatch(text) or int(text) > HIGHEST_LEVEL:
        return None
    return int(text)
