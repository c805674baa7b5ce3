"""Parties' feeds are told to whoever is to hear them, each receiver on its own, in the order of the feed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol

import structlog
from sqlalchemy.orm import Session

from gateway.domain.errors import DeliveryError, GatewayFault, Temporary
from gateway.domain.transit.pushing import Progress, Pushing, failed, refused, taken
from gateway.domain.transit.retry import RetrySchedule
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.attempt import place
from gateway.exchange.transit.claim import LeaseLost
from gateway.exchange.transit.feed import Feed
from gateway.store.evidence.feed_queries import Told
from gateway.store.sessions import Store
from gateway.store.transit import push_queries as queries
from gateway.store.transit.push_queries import Kept, Row

_NEAR = 10_000
"""Whoever is no more receipts of all parties behind is asked about together with the others."""
_IDLE = 1_000
"""So far an idle receiver may lag behind before it is moved on: a write for so many receipts of the hub."""
_MARGIN = timedelta(minutes=10)
"""Longer than any transaction: what was begun before a declaration and ends after it is told."""
_FRESH = 8
"""A lease is renewed before a request when more than this part of it is over."""
_AT_ONCE = 10_000

_log = structlog.get_logger()


class Way(Protocol):
    """How one receiver is told."""

    @property
    def retry(self) -> RetrySchedule:
        """When a failed call is repeated."""

    def wants(self, told: Told) -> bool:
        """Whether it is told this receipt; what it does not want is passed over."""

    def tell(self, told: Told, keep: Callable[[], None]) -> DeliveryError | None:
        """Tell one receipt; what kept it from being taken, or None when it was.

        Args:
            keep: called before each request; keeps the lease.

        Raises:
            GatewayFault: ours; nobody was called, and nobody is to blame.
            LeaseLost: somebody else tells this receiver by now.
        """


class Ways(Protocol[Row]):
    """Who is told: the table that says how far each receiver was, and the way to it."""

    @property
    def rows(self) -> type[Row]: ...

    def way(self, session: Session, row: Row) -> Way | None:
        """How the receiver is told now; None when it is not to be told any more."""

    def passes_over(
        self, session: Session, row: Row, told: Told, error: DeliveryError, now: datetime
    ) -> bool:
        """Put on record that a receiver will never take a receipt, in the open transaction.

        Returns:
            False where the trouble is not the receipt's: it will be told again, and none after it before.
        """


@dataclass(frozen=True)
class Tempo:
    """How long things may take.

    Attributes:
        lease: how long a receiver belongs to a worker after its last call began.
        rest: between two tries once the schedule's lifetime is over.
        turn: after this time the next receiver has its turn; ``receipts``: after so many receipts.
    """

    lease: timedelta
    rest: timedelta = timedelta(hours=6)
    turn: timedelta = timedelta(seconds=10)
    receipts: int = 100


@dataclass(frozen=True)
class Turn:
    """One receiver in the hands of a worker.

    Attributes:
        since: when it was claimed.
        key: names it among the receivers; ``party``: whose feed it is told.
        position: the number of the last receipt that it was told.
        settled: the number up to which the feed can be told.
        proven: it worked when it was last called.
    """

    key: str
    party: str
    lease: str
    since: datetime
    way: Way
    position: int
    settled: int
    proven: bool


@dataclass(frozen=True)
class Push(Generic[Row]):
    """Tells receipts, at least once each and none before the one before it."""

    store: Store
    ambient: Ambient
    feed: Feed
    ways: Ways[Row]
    tempo: Tempo

    def run_once(self, limit: int = _AT_ONCE) -> int:
        """Serve the receivers that are due one after the other, ``limit`` turns at most; how many turns."""
        for served in range(limit):
            turn = self.claim()
            if turn is None:
                return served
            self.serve(turn)
        return limit

    def claim(self, only_proven: bool = False) -> Turn | None:
        """Take the receiver that was served longest ago among those with something to be told now.

        Args:
            only_proven: leave those alone that did not work when they were last called.

        Raises:
            Unavailable: the database is out for now.
        """
        now, settled = self.ambient.now(), self.feed.settle()
        for key in self._with_news(now, settled, only_proven):
            turn = self._take(key, now, settled)
            if turn is not None:
                return turn
        return None

    def _with_news(self, now: datetime, settled: int, only_proven: bool) -> list[str]:
        """Receivers that are due and for whom there are receipts that they were not told, in their order."""
        with self.store.read() as session:
            due = queries.due(session, self.ways.rows, now)
            near = [one for one in due if _is_near(one, settled)]
            low = min((one.position or 0 for one in near), default=settled)
            parties = {one.party for one in near}
            newest = queries.newest_of(session, parties, low, settled) if low < settled else {}
        places = {one.key: (one.party, one.position or 0) for one in near}
        idle = {key for key, (party, position) in places.items() if newest.get(party, position) <= position}
        self._move_on([key for key in places if key in idle and places[key][1] < settled - _IDLE], settled)
        due = [one for one in due if one.key not in idle]
        return [one.key for one in due if not only_proven or queries.progress_of(one).proven]

    def _move_on(self, idle: list[str], settled: int) -> None:
        if idle:
            with self.store.write() as session:
                queries.move_on(session, self.ways.rows, idle, settled)

    def _take(self, key: str, now: datetime, settled: int) -> Turn | None:
        with self.store.write() as session:
            row = queries.locked(session, self.ways.rows, key, wait=False)
            way = None if row is None else self.ways.way(session, row)
            if row is None or way is None or row.due_at > now or _is_leased(row, now):
                return None
            if row.position is None:
                row.position = queries.before(session, row.since - _MARGIN)
            row.lease, row.served_at = self.ambient.random_bytes(16).hex(), now
            row.lease_until = now + self.tempo.lease
            proven = queries.progress_of(row).proven
            return Turn(key, row.party, row.lease, now, way, row.position, settled, proven)

    def serve(self, turn: Turn) -> None:
        """Tell a receiver what it was not told yet, until its turn is over; its trouble stays its own."""
        try:
            self._serve(turn)
        except LeaseLost:
            _log.info("receipts are told by somebody else", receiver=turn.key)
        except GatewayFault as fault:
            _log.warning("receipts not told for now", receiver=turn.key, cause=str(fault))
        except Exception as fault:  # noqa: BLE001 - decides nothing: the lease runs out, somebody tries again
            _log.warning("receipts not told", receiver=turn.key, cause=place(fault))

    def _serve(self, turn: Turn) -> None:
        renewed, end = turn.since, self.ambient.now() + self.tempo.turn
        stretch = self.feed.stretch(turn.party, turn.position, turn.settled, self.tempo.receipts)
        last = turn.position
        for told in stretch.rows:
            if turn.way.wants(told):
                if self.ambient.now() > end:
                    break
                if not self._told(turn, told, renewed):
                    return
                renewed = self.ambient.now()
            last = told.receipt.id
        else:
            last = stretch.last
        self._give_back(turn, last)

    def _told(self, turn: Turn, told: Told, renewed: datetime) -> bool:
        """Tell one receipt; whether the next one may follow.

        Args:
            renewed: since when the lease holds.
        """

        def keep() -> None:
            if self.ambient.now() - renewed > self.tempo.lease / _FRESH:
                self._renew(turn)

        try:
            error = turn.way.tell(told, keep)
        except GatewayFault as fault:
            self._put_off(turn, told, str(fault))
            return False
        return self._settle(turn, told, error)

    def _settle(self, turn: Turn, told: Told, error: DeliveryError | None) -> bool:
        now, number = self.ambient.now(), told.receipt.id
        with self.store.write() as session:
            row = self._held(session, turn)
            before = queries.progress_of(row)
            if error is None:
                row.told += 1
                after = taken(before, now)
            elif before.bears_refusal and self.ways.passes_over(session, row, told, error, now):
                after = refused(before, now)
            else:
                self._keep_failure(row, told, error, now, turn)
                return False
            row.position, row.lease_until = number, now + self.tempo.lease
            row.waiting_since = row.code = row.said = None
            queries.keep_progress(row, after)
        _log_change(turn, told, before, after, error)
        return True

    def _keep_failure(self, row: Row, told: Told, error: DeliveryError, now: datetime, turn: Turn) -> None:
        before = queries.progress_of(row)
        asked = error.retry_after if isinstance(error, Temporary) else None
        after = failed(before, now, turn.way.retry, self.tempo.rest, self.ambient.chance(), asked)
        queries.keep_progress(row, after)
        row.code, row.said = error.code, error.detail
        self._stay_before(row, told)
        _log_change(turn, told, before, after, error)

    def _put_off(self, turn: Turn, told: Told, cause: str) -> None:
        _log.warning("receipt cannot be told for now", receiver=turn.key, cause=cause)
        with self.store.write() as session:
            row = self._held(session, turn)
            row.due_at = self.ambient.now() + timedelta(seconds=turn.way.retry.first)
            self._stay_before(row, told)

    @staticmethod
    def _stay_before(row: Kept, told: Told) -> None:
        """End a turn at a receipt that was not taken; what lies before it was told, or is not wanted."""
        row.position, row.waiting_since = told.receipt.id - 1, told.receipt.event_time
        row.lease = row.lease_until = None

    def _give_back(self, turn: Turn, last: int) -> None:
        with self.store.write() as session:
            row = self._held(session, turn)
            row.position = max(last, row.position or 0)
            row.lease = row.lease_until = None

    def _renew(self, turn: Turn) -> None:
        with self.store.write() as session:
            self._held(session, turn).lease_until = self.ambient.now() + self.tempo.lease

    def _held(self, session: Session, turn: Turn) -> Row:
        """The receiver's row, locked.

        Raises:
            LeaseLost: it is somebody else's turn by now.
        """
        row = queries.locked(session, self.ways.rows, turn.key)
        if row is None or row.lease != turn.lease:
            raise LeaseLost(turn.key)
        return row


def _is_near(row: Kept, settled: int) -> bool:
    return row.position is not None and settled - row.position <= _NEAR


def _is_leased(row: Kept, now: datetime) -> bool:
    return row.lease_until is not None and row.lease_until > now


def _log_change(
    turn: Turn, told: Told, before: Progress, after: Progress, error: DeliveryError | None
) -> None:
    """A line for each receipt that is refused and each change of state; none for what goes well."""
    code = None if error is None else error.code
    named = {"party": turn.party, "receiver": turn.key, "code": code}
    if after.state is not before.state:
        level = _log.error if after.state is Pushing.STOPPED else _log.warning
        level(
            "telling receipts changed", was=before.state.value, now=after.state.value,
            failures=after.failures, due=after.due_at.isoformat(), **named,
        )  # fmt: skip
    elif after.refused_in_row > before.refused_in_row:
        _log.warning("receipt refused for good", receipt=told.receipt.receipt_id, **named)
