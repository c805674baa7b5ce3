"""Every signed checkpoint gets a time-stamp, and each ledger's head one of the day's algorithms each year."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.domain.errors import Unavailable
from gateway.store.evidence import time_queries as queries
from gateway.store.evidence.ledger_models import CheckpointRow, TokenRow
from gateway.store.sessions import Store
from gateway.trust.timestamp import Stamp, TimeSource

_MOST = 600
"""Time-stamps in one turn, so that a turn after a long outage ends; the next one goes on."""


@dataclass
class Unstamped:
    """Finds checkpoints without a time-stamp and remembers up to where there are none.

    What has its time-stamp keeps it, so that only the tail of a ledger of years is looked at.
    """

    store: Store
    _complete: dict[int, int] = field(default_factory=dict)

    def oldest(self) -> datetime | None:
        """Since when the oldest checkpoint without one waits; None while none does."""
        waiting = []
        with self.store.read() as session:
            for ledger in queries.ledgers(session):
                last = queries.largest_checkpoint(session, ledger)
                first = queries.first_unstamped(session, ledger, self._complete.get(ledger, 0))
                self._complete[ledger] = last if first is None else first[0] - 1
                waiting += [first[1]] if first is not None else []
        return min(waiting, default=None)

    def newest(self, most: int) -> list[CheckpointRow]:
        """The newest of every ledger that are signed."""
        with self.store.read() as session:
            found = [
                row
                for ledger in queries.ledgers(session)
                for row in queries.newest_unstamped(session, ledger, self._complete.get(ledger, 0), most)
            ]
        return sorted(found, key=lambda row: row.made_at, reverse=True)[:most]


@dataclass(frozen=True)
class TimestampLag:
    """Tells when time-stamps have been missing for too long.

    Attributes:
        largest: how old a checkpoint without one may become.
    """

    unstamped: Unstamped
    now: Callable[[], datetime]
    largest: timedelta

    def must_be_small(self) -> None:
        """Nothing, if no checkpoint has been without for too long.

        Raises:
            Unavailable: one has, or the database cannot be read.
        """
        oldest = self.unstamped.oldest()
        if oldest is not None and self.now() - oldest > self.largest:
            since = oldest.isoformat(timespec="seconds")
            raise Unavailable(f"a checkpoint has had no time-stamp since {since}")


@dataclass
class Stamping:
    """Asks a time source for what is missing; no transaction is open meanwhile.

    Attributes:
        again: how old a head's last time-stamp may become.
    """

    store: Store
    source: TimeSource
    now: Callable[[], datetime]
    again: timedelta
    _missing: Unstamped = field(init=False)

    def __post_init__(self) -> None:
        self._missing = Unstamped(self.store)

    def run(self) -> None:
        """One turn: the newest first, so that what is attested today is safe, then those of an outage.

        Raises:
            Unavailable: nobody can stamp now; what is missing stays so until a later turn.
        """
        self._missing.oldest()
        for row in self._missing.newest(_MOST):
            self._stamp(row, None)
        for row, last in self._heads():
            self._stamp(row, last)

    def _heads(self) -> list[tuple[CheckpointRow, datetime]]:
        """The heads whose last time-stamp is too old; those after them carry every older entry along."""
        before = self.now() - self.again
        with self.store.read() as session:
            heads = [queries.last_stamped(session, ledger) for ledger in queries.ledgers(session)]
        return [head for head in heads if head is not None and head[1] < before]

    def _stamp(self, row: CheckpointRow, last: datetime | None) -> None:
        stamp = self.source.stamp(hashlib.sha256(row.note or b"").digest())
        with self.store.write() as session:
            # Another worker may have been quicker; one is enough.
            if not queries.is_stamped(session, row.ledger, row.size, last):
                session.add(_token(row, stamp))


def _token(row: CheckpointRow, stamp: Stamp) -> TokenRow:
    return TokenRow(
        ledger=row.ledger,
        size=row.size,
        stated_at=stamp.token.time,
        authority=stamp.authority,
        octets=stamp.response,
    )
