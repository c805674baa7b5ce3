"""A ledger's tree as tiles of 256 hashes (C2SP tlog-tiles): what proofs read and new entries let grow."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from gateway.domain.errors import Damaged
from gateway.domain.evidence.merkle import perfect_root
from gateway.store.evidence.ledger_models import TileRow
from gateway.store.rows import table

_TILES = table(TileRow)
HEIGHT = 8
"""Levels of the tree in one level of tiles."""
WIDTH = 1 << HEIGHT
HASH = 32
_LEVELS = 64 // HEIGHT
_ONE = select(_TILES.c.hashes).where(
    _TILES.c.ledger == bindparam("ledger"),
    _TILES.c.level == bindparam("level"),
    _TILES.c.number == bindparam("number"),
)


class Tiles:
    """The tiles of one ledger in one transaction, each read at most once.

    Level 0 holds leaf hashes; an entry of level L is the root over a full tile of level L-1.
    """

    def __init__(self, session: Session, ledger: int) -> None:
        self._session = session
        self._ledger = ledger
        self._read: dict[tuple[int, int], bytes] = {}

    def node(self, level: int, number: int) -> bytes:
        """The hash over a perfect subtree, as `gateway.domain.evidence.merkle.Node` describes it.

        Raises:
            Damaged: the tile that should lead to it is missing or too short.
        """
        above, below = divmod(level, HEIGHT)
        first = number << below
        return perfect_root(self._hashes(above, first >> HEIGHT, first % WIDTH, 1 << below))

    def tile(self, level: int, number: int) -> bytes:
        """The octets of one tile; none where there is no such tile."""
        key = (level, number)
        if key not in self._read:
            self._read[key] = read_tile(self._session, self._ledger, level, number)
        return self._read[key]

    def grow(self, size: int, leaves: Sequence[bytes]) -> None:
        """Append leaf hashes to a tree that has ``size`` leaves.

        Raises:
            Damaged: the last tile of a level has another width than ``size`` gives it.
        """
        level, new = 0, list(leaves)
        while new:
            new = self._extend(level, size, new)
            level, size = level + 1, size >> HEIGHT

    def cut(self, size: int) -> None:
        """Take back every leaf from ``size`` on; only for leaves that no signed checkpoint covers."""
        mine = _TILES.c.ledger == self._ledger
        for level in range(_LEVELS):
            number, inside = divmod(size >> (HEIGHT * level), WIDTH)
            kept = self.tile(level, number)[: inside * HASH]
            later = (_TILES.c.level == level, _TILES.c.number >= number)
            self._session.execute(delete(_TILES).where(mine, *later))
            if kept:
                self._write(level, number, kept, existed=False)
        self._read.clear()

    def _extend(self, level: int, size: int, new: Sequence[bytes]) -> list[bytes]:
        """Append to one level; the roots of the tiles that became full."""
        number, inside = divmod(size, WIDTH)
        before = self.tile(level, number)
        if len(before) != inside * HASH:
            raise Damaged(f"tile {number} of level {level} of the ledger has not the width it should have")
        octets, full = before + b"".join(new), []
        for start in range(0, len(octets), WIDTH * HASH):
            tile = octets[start : start + WIDTH * HASH]
            self._write(level, number, tile, existed=bool(before) and start == 0)
            if len(tile) == WIDTH * HASH:
                full.append(perfect_root(split(tile)))
            number += 1
        return full

    def _write(self, level: int, number: int, octets: bytes, existed: bool) -> None:
        if existed:
            self._session.execute(update(_TILES).where(*self._is(level, number)).values(hashes=octets))
        else:
            row = {"ledger": self._ledger, "level": level, "number": number, "hashes": octets}
            self._session.execute(insert(_TILES), row)
        self._read[level, number] = octets

    def _is(self, level: int, number: int) -> tuple[ColumnElement[bool], ...]:
        columns = _TILES.c
        return columns.ledger == self._ledger, columns.level == level, columns.number == number

    def _hashes(self, level: int, number: int, first: int, count: int) -> list[bytes]:
        octets = self.tile(level, number)[first * HASH : (first + count) * HASH]
        if len(octets) != count * HASH:
            raise Damaged(f"tile {number} of level {level} of the ledger is missing or too short")
        return split(octets)


def read_tile(session: Session, ledger: int, level: int, number: int) -> bytes:
    """The octets of one tile, remembered by nobody; none where there is no such tile."""
    return session.scalar(_ONE, {"ledger": ledger, "level": level, "number": number}) or b""


def split(octets: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [octets[start : start + HASH] for start in range(0, len(octets), HASH)]
