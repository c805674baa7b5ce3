"""Receipts are told to their senders' own systems, party by party, each in the order of its feed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from adapters.contract import Adapter, Context
from gateway.domain.errors import DeliveryError, GatewayFault, Permanent, Temporary
from gateway.domain.registry.parties import ReceiptRoute
from gateway.domain.transit.pushing import Progress, Pushing, failed, refused, taken
from gateway.domain.transit.retry import RetrySchedule
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.fetch import Receipts
from gateway.exchange.transit.attempt import OPERATORS_MEND, place
from gateway.exchange.transit.claim import LeaseLost
from gateway.exchange.transit.feed import Feed
from gateway.exchange.transit.push_notice import notice_of
from gateway.exchange.transit.push_way import tell
from gateway.store.evidence.feed_queries import Told
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store
from gateway.store.transit import push_queries as queries
from gateway.store.transit.push_models import PushRefusal, PushRow

_NEAR = 10_000
"""Who is no more receipts of all parties behind is asked about together with the others."""
_IDLE = 1_000
"""So far an idle party may lag behind before it is moved on: a write for so many receipts of the hub."""
_MARGIN = timedelta(minutes=10)
"""Longer than any transaction: what was begun before a declaration and ends after it is told."""
_FRESH = 8
"""A lease is renewed before a request when more than this part of it is over."""
_AT_ONCE = 10_000

_log = structlog.get_logger()


@dataclass(frozen=True)
class Tempo:
    """How long things may take.

    Attributes:
        retry: when a failed call is repeated, but for what a party's own declaration says.
        lease: how long a party belongs to a worker after its last call began.
        rest: between two tries once the schedule's lifetime is over.
        turn: after this time the next party has its turn; ``receipts``: after so many receipts.
    """

    retry: RetrySchedule
    lease: timedelta
    rest: timedelta = timedelta(hours=6)
    turn: timedelta = timedelta(seconds=10)
    receipts: int = 100


@dataclass(frozen=True)
class Turn:
    """One party's system in the hands of a worker.

    Attributes:
        since: when it was claimed.
        position: the number of the last receipt that it was told.
        settled: the number up to which the feed can be told.
        proven: it worked when it was last called.
    """

    party: str
    lease: str
    since: datetime
    route: ReceiptRoute
    position: int
    settled: int
    proven: bool


@dataclass(frozen=True)
class Push:
    """Tells receipts, at least once each and none before the one before it.

    Attributes:
        adapters: every installed kind, by name.
        contexts: builds what an adapter may use.
    """

    store: Store
    ambient: Ambient
    feed: Feed
    receipts: Receipts
    adapters: Mapping[str, Adapter]
    contexts: Callable[[ReceiptRoute], Context]
    tempo: Tempo

    def run_once(self, limit: int = _AT_ONCE) -> int:
        """Serve the parties that are due one after the other, ``limit`` turns at most; how many turns."""
        for served in range(limit):
            turn = self.claim()
            if turn is None:
                return served
            self.serve(turn)
        return limit

    def claim(self, only_proven: bool = False) -> Turn | None:
        """Take the party that was served longest ago among those with something to be told now.

        Args:
            only_proven: leave those alone whose system did not work when it was last called.

        Raises:
            Unavailable: the database is out for now.
        """
        now, settled = self.ambient.now(), self.feed.settle()
        for party in self._with_news(now, settled, only_proven):
            turn = self._take(party, now, settled)
            if turn is not None:
                return turn
        return None

    def _with_news(self, now: datetime, settled: int, only_proven: bool) -> list[str]:
        """Parties that are due and have receipts that they were not told, in the order of their turns."""
        with self.store.read() as session:
            due = queries.due(session, now)
            near = {one.party: one.position or 0 for one in due if _is_near(one, settled)}
            low = min(near.values(), default=settled)
            newest = queries.newest_of(session, list(near), low, settled) if low < settled else {}
        idle = [name for name, position in near.items() if newest.get(name, position) <= position]
        self._move_on([name for name in idle if near[name] < settled - _IDLE], settled)
        due = [one for one in due if one.party not in idle]
        return [one.party for one in due if not only_proven or queries.progress_of(one).proven]

    def _move_on(self, idle: list[str], settled: int) -> None:
        if idle:
            with self.store.write() as session:
                queries.move_on(session, idle, settled)

    def _take(self, party: str, now: datetime, settled: int) -> Turn | None:
        with self.store.write() as session:
            row = queries.locked(session, party, wait=False)
            declared = registry.party(session, party, self.tempo.retry)
            route = None if declared is None else declared.receipts
            if row is None or route is None or row.due_at > now or _is_leased(row, now):
                return None
            if row.position is None:
                row.position = queries.before(session, row.since - _MARGIN)
            row.lease, row.served_at = self.ambient.random_bytes(16).hex(), now
            row.lease_until = now + self.tempo.lease
            proven = queries.progress_of(row).proven
            return Turn(party, row.lease, now, route, row.position, settled, proven)

    def serve(self, turn: Turn) -> None:
        """Tell a party what it was not told yet, until its turn is over; its trouble stays its own."""
        try:
            self._serve(turn)
        except LeaseLost:
            _log.info("receipts are told by somebody else", party=turn.party)
        except GatewayFault as fault:
            _log.warning("receipts not told for now", party=turn.party, cause=str(fault))
        except Exception as fault:  # noqa: BLE001 - decides nothing: the lease runs out, somebody tries again
            _log.warning("receipts not told", party=turn.party, cause=place(fault))

    def _serve(self, turn: Turn) -> None:
        renewed, end = turn.since, self.ambient.now() + self.tempo.turn
        stretch = self.feed.stretch(turn.party, turn.position, turn.settled, self.tempo.receipts)
        last = turn.position
        for told in stretch.rows:
            if turn.route.wants(told.receipt.kind, told.test):
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
            notice = notice_of(told, self.receipts)
        except GatewayFault as fault:  # ours: nobody was called, and nobody's system is to blame
            self._put_off(turn, told, str(fault))
            return False
        context = self.contexts(turn.route)
        error = tell(self.adapters.get(turn.route.adapter), notice, context, keep)
        return self._settle(turn, told, error)

    def _settle(self, turn: Turn, told: Told, error: DeliveryError | None) -> bool:
        now, number = self.ambient.now(), told.receipt.id
        with self.store.write() as session:
            row = self._held(session, turn)
            before = queries.progress_of(row)
            if error is None:
                row.told += 1
                after = taken(before, now)
            elif _concerns_receipt(error) and before.bears_refusal:
                row.refused += 1
                after = refused(before, now)
                said = {"at": now, "code": error.code, "said": error.detail}
                queries.refuse(session, PushRefusal(party=turn.party, receipt=number, **said))
            else:
                self._keep_failure(row, told, error, now, turn)
                return False
            row.position, row.lease_until = number, now + self.tempo.lease
            row.waiting_since = row.code = row.said = None
            queries.keep_progress(row, after)
        _log_change(turn.party, told, before, after, error)
        return True

    def _keep_failure(
        self, row: PushRow, told: Told, error: DeliveryError, now: datetime, turn: Turn
    ) -> None:
        before = queries.progress_of(row)
        asked = error.retry_after if isinstance(error, Temporary) else None
        after = failed(before, now, turn.route.retry, self.tempo.rest, self.ambient.chance(), asked)
        queries.keep_progress(row, after)
        row.code, row.said = error.code, error.detail
        self._stay_before(row, told)
        _log_change(turn.party, told, before, after, error)

    def _put_off(self, turn: Turn, told: Told, cause: str) -> None:
        _log.warning("receipt cannot be told for now", party=turn.party, cause=cause)
        with self.store.write() as session:
            row = self._held(session, turn)
            row.due_at = self.ambient.now() + timedelta(seconds=turn.route.retry.first)
            self._stay_before(row, told)

    @staticmethod
    def _stay_before(row: PushRow, told: Told) -> None:
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

    @staticmethod
    def _held(session: Session, turn: Turn) -> PushRow:
        """The party's row, locked.

        Raises:
            LeaseLost: it is somebody else's turn by now.
        """
        row = queries.locked(session, turn.party)
        if row is None or row.lease != turn.lease:
            raise LeaseLost(turn.party)
        return row


def _is_near(row: PushRow, settled: int) -> bool:
    return row.position is not None and settled - row.position <= _NEAR


def _is_leased(row: PushRow, now: datetime) -> bool:
    return row.lease_until is not None and row.lease_until > now


def _concerns_receipt(error: DeliveryError) -> bool:
    """Whether the system answered, and will never take this receipt; what an operator mends concerns all."""
    return isinstance(error, Permanent) and error.code not in OPERATORS_MEND


def _log_change(
    party: str, told: Told, before: Progress, after: Progress, error: DeliveryError | None
) -> None:
    """A line for each receipt that is refused and each change of state; none for what goes well."""
    code = None if error is None else error.code
    if after.state is not before.state:
        level = _log.error if after.state is Pushing.STOPPED else _log.warning
        level(
            "telling a sender changed", party=party, was=before.state.value, now=after.state.value,
            failures=after.failures, code=code, due=after.due_at.isoformat(),
        )  # fmt: skip
    elif after.refused_in_row > before.refused_in_row:
        _log.warning("receipt refused by its sender", party=party, receipt=told.receipt.receipt_id, code=code)
