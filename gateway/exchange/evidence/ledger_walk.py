"""Walks over all entries of one ledger and says where they, the tiles and the roots do not fit together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from gateway.domain.evidence.finding import Finding
from gateway.domain.evidence.ledger import cited, generation_of, purge_entry
from gateway.domain.evidence.merkle import Frontier, leaf_hash, perfect_root
from gateway.store.evidence import ledger_queries as queries
from gateway.store.evidence import ledger_streams as streams
from gateway.store.evidence.ledger_models import LedgerRow
from gateway.store.evidence.ledger_streams import Checked, Leaf
from gateway.store.evidence.tiles import HASH, WIDTH, read_tile, split

SKEW = timedelta(minutes=1)
"""How far the clocks of a hub's machines may be apart."""
_MOST_MOVED = 10_000
_EVER = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)
_UNKNOWN = bytes(HASH)
_BEGIN, _END = b'{"contentDigest":"', b'"type":"receipt"}'


@dataclass
class _Covering:
    """The checkpoint that the present entries come under, and the event times that it makes credible."""

    checkpoint: Checked | None
    earliest: datetime = _EVER
    latest: datetime = _LATEST


class Walk:
    """One pass in constant memory; the root goes on from what the tiles say where an entry is missing.

    Args:
        origin: the name of the ledger's first generation.
        lag: how long after an event its checkpoint may come before the event's time is no longer credible.
    """

    def __init__(self, session: Session, row: LedgerRow, origin: str, lag: timedelta) -> None:
        self._session = session
        self._row = row
        self._origin = origin
        self._lag = lag
        self._frontier = Frontier()
        self._levels: list[list[bytes]] = [[]]
        self._numbers = [0]
        self._checkpoints = streams.checkpoints(session, row.id)
        self._covering = _Covering(None)
        self._fits = True
        self._changed: set[int] = set()
        self._moved: list[tuple[int, bytes]] = []
        self._belongs: dict[bytes, int] = {}

    def run(self) -> Iterator[Finding]:
        """Everything that does not fit, most of it where it stands."""
        self._advance()
        for row in streams.leaves(self._session, self._row.id):
            if row[0] != self._frontier.size:
                yield from self._gap(row[0])
            yield from self._entry(row)
        yield from self._ending()

    def _entry(self, row: Any) -> tuple[Finding, ...]:
        """One entry; the quick way out is for those that are as they should be."""
        octets, stored, digest, at = row[1], row[2], row[5], row[6]
        found = leaf_hash(octets)
        covering = self._covering
        sound = (
            found == stored
            and digest is not None
            and octets[:18] == _BEGIN
            and octets[18:82] == digest.encode()
            and octets.endswith(_END)
            and covering.earliest <= at <= covering.latest
        )
        findings = () if sound else tuple(self._judged(Leaf(*row), found))
        frontier = self._frontier
        frontier.append(found)
        self._levels[0].append(found)
        checkpoint = covering.checkpoint
        if len(self._levels[0]) == WIDTH or (checkpoint is not None and checkpoint.size == frontier.size):
            return (*findings, *self._milestone())
        return findings

    def _judged(self, leaf: Leaf, found: bytes) -> Iterator[Finding]:
        if found != leaf.hash:
            self._changed.add(leaf.position)
            yield self._finding("ledger.entry-changed", position=leaf.position)
        if leaf.receipt is None and leaf.purge is None:
            yield from self._first(leaf)
        elif leaf.content_digest is None and leaf.record_digest is None:
            yield self._finding("ledger.receipt-missing", position=leaf.position)
        elif not _about(leaf):
            digest = leaf.content_digest or leaf.record_digest
            yield self._finding("ledger.entry-digest", position=leaf.position, digest=digest)
        at, covering = leaf.event_time, self._covering
        if at is not None and not covering.earliest <= at <= covering.latest:
            code = "ledger.back-dated" if at < covering.earliest else "ledger.post-dated"
            yield self._finding(code, position=leaf.position, digest=leaf.content_digest, time=at.isoformat())

    def _first(self, leaf: Leaf) -> Iterator[Finding]:
        """The entry that cites an earlier generation is the only one that is about nothing else."""
        before = cited(leaf.octets)
        earlier = generation_of(self._origin, before.origin) if before is not None else None
        if leaf.position or earlier is None or earlier >= self._row.generation:
            yield self._finding("ledger.entry-alone", position=leaf.position)

    def _gap(self, until: int) -> Iterator[Finding]:
        first = self._frontier.size
        yield self._finding("ledger.gap", first=first, last=until - 1)
        tile: list[bytes] = []
        for position in range(first, until):
            number, inside = divmod(position, WIDTH)
            if not inside or not tile:
                tile = split(read_tile(self._session, self._row.id, 0, number))
            found = tile[inside] if inside < len(tile) else _UNKNOWN
            self._frontier.append(found)
            self._levels[0].append(found)
            yield from self._milestone()

    def _milestone(self) -> Iterator[Finding]:
        """What can be said after this entry: a tile is full, a checkpoint is reached."""
        if len(self._levels[0]) == WIDTH:
            yield from self._full(0)
        checkpoint = self._covering.checkpoint
        if checkpoint is not None and checkpoint.size == self._frontier.size:
            fits = self._frontier.root() == checkpoint.root
            if self._fits and not fits:
                yield self._finding("ledger.root", size=checkpoint.size)
            self._fits = fits
            self._advance()

    def _advance(self) -> None:
        checkpoint = next(self._checkpoints, None)
        self._covering = _Covering(checkpoint)
        if checkpoint is None:
            return
        self._covering.latest = checkpoint.made_at + SKEW
        # What waited while there was no ledger yet came into its first checkpoints at once.
        if checkpoint.made_at - self._row.started_at > self._lag:
            self._covering.earliest = checkpoint.made_at - self._lag

    def _full(self, level: int) -> Iterator[Finding]:
        hashes = self._levels[level]
        yield from self._tile(level, hashes)
        if level + 1 == len(self._levels):
            self._levels.append([])
            self._numbers.append(0)
        self._levels[level] = []
        self._numbers[level] += 1
        self._levels[level + 1].append(perfect_root(hashes))
        if len(self._levels[level + 1]) == WIDTH:
            yield from self._full(level + 1)

    def _tile(self, level: int, hashes: list[bytes]) -> Iterator[Finding]:
        number = self._numbers[level]
        octets = read_tile(self._session, self._row.id, level, number)
        if octets == b"".join(hashes):
            return
        stored = split(octets)
        if level == 0 and len(stored) == len(hashes) and len(self._moved) < _MOST_MOVED:
            for position, (found, other) in enumerate(zip(hashes, stored, strict=True), number * WIDTH):
                self._belongs[other] = position
                if found != other:
                    self._moved.append((position, found))
        else:
            yield self._finding("ledger.tile", level=level, number=number)

    def _ending(self) -> Iterator[Finding]:
        last = queries.last_checkpoint(self._session, self._row.id)
        size, found = last.size if last is not None else 0, self._frontier.size
        if found < size:
            yield from self._gap(size)
        elif found > size:
            yield self._finding("ledger.uncovered", first=size, last=found - 1)
        for level, hashes in enumerate(self._levels):
            if hashes:
                yield from self._tile(level, hashes)
        yield from self._displaced()

    def _displaced(self) -> Iterator[Finding]:
        """Entries whose hash stands in the tiles at another's place were reordered, others replaced."""
        tiles: dict[int, None] = {}
        for position, found in self._moved:
            if found in self._belongs:
                yield self._finding("ledger.reordered", position=position, belongs=self._belongs[found])
            elif position not in self._changed:
                tiles[position // WIDTH] = None
        for number in tiles:
            yield self._finding("ledger.tile", level=0, number=number)

    def _finding(self, code: str, **values: object) -> Finding:
        return Finding(code, {"origin": self._row.origin} | {key: str(one) for key, one in values.items()})


def _about(leaf: Leaf) -> bool:
    """Whether the entry names the receipt or the purge that it belongs to."""
    if leaf.record_digest is not None:
        return leaf.octets == purge_entry(leaf.record_digest)
    digest = (leaf.content_digest or "").encode()
    return leaf.octets.startswith(_BEGIN + digest + b'"') and leaf.octets.endswith(_END)
