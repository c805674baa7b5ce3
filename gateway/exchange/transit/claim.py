"""Work is claimed by lease; a lease that ran out says whether sending had started."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from threading import Event

import structlog
from sqlalchemy.orm import Session

from gateway.domain.transit.retry import RetrySchedule
from gateway.domain.transit.sharing import Queue, Shares, in_turn
from gateway.domain.transit.states import Transport
from gateway.exchange.clock import Ambient, Interval
from gateway.exchange.transit.leases import Heartbeat, Leases
from gateway.exchange.transit.turns import Turns
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store
from gateway.store.together import Together
from gateway.store.transit import claim_queries, queries
from gateway.store.transit.claim_queries import Due, Lease, Mark
from gateway.store.transit.models import DeliveryRow, Message

LOST_LEASE = "WASL-DLV-010"
POISON = "WASL-DLV-027"
_LONGEST_OWNER = 48
_LOST_AT_ONCE = 100
_LOOK_FOR_LOST = timedelta(seconds=1)

_log = structlog.get_logger()


@dataclass(frozen=True)
class Claims:
    """Claims due deliveries for one worker.

    Attributes:
        owner: names the worker in leases and events.
        lease: how long a claim holds without being renewed.
        shares: how places are shared between routes and lanes.
        retry: the schedule of routes, but for what each says itself.
        most_lost: so many leases lost in a row before sending, and a person must look at the letter.
        longest: how long one piece of work may keep its lease at most.
        leases: where those held here are kept for the heartbeat.
    """

    store: Store
    ambient: Ambient
    owner: str
    lease: timedelta
    shares: Shares = Shares()
    retry: RetrySchedule = RetrySchedule()
    most_lost: int = 3
    longest: timedelta = timedelta(hours=4)
    leases: Leases = field(default_factory=Leases)
    _draining: Event = field(default_factory=Event)
    _look_for_lost: Interval = field(default_factory=lambda: Interval(_LOOK_FOR_LOST))

    def drain(self) -> None:
        """Claim nothing more and begin no more sending; may be called from a signal handler."""
        self._draining.set()

    @property
    def draining(self) -> bool:
        return self._draining.is_set()

    @property
    def heartbeat(self) -> Heartbeat:
        """What keeps the leases held here."""
        return Heartbeat(self.store, self.ambient, self.leases, self.lease, self.longest)

    def claim(self, limit: int) -> list[str]:
        """Identifiers of deliveries that are now this worker's, at most ``limit``."""
        now = self.ambient.now()
        if self.draining or limit < 1:
            return []
        mine = {lease.token for lease, _ in self.leases.held()}
        with self.store.read() as session:  # spares the write lock when there is nothing to do
            overdue = self._look_for_lost.over(now) and claim_queries.any_lost(session, now, mine)
            waiting = claim_queries.queues(session, now)
        if overdue:
            waiting = self._recover(now, mine)
        if not waiting:
            return []
        # written once at the end: each look-up in between would write what was taken so far
        with self.store.write() as session, session.no_autoflush:
            turns = Turns(session, mine, now, self.lease, self.shares, self.retry)
            line = in_turn(waiting, now, self.shares)
            taken = [(due, self._lease(due)) for due in turns.take(line, limit)]
            claim_queries.take(session, taken, now, now + self.lease, self.owner)
            turns.note()
        for _, lease in taken:
            self.leases.hold(lease, now)
        return [lease.delivery for _, lease in taken]

    @property
    def _name(self) -> str:
        return self.owner[:_LONGEST_OWNER]

    def _lease(self, due: Due) -> Lease:
        # two leases are never alike, not even of the same worker: a late result must show as late
        return Lease(due.id, f"{self._name}#{self.ambient.random_bytes(6).hex()}")

    def _recover(self, now: datetime, mine: Collection[str]) -> list[Queue]:
        """Take over what other workers left; what is due then.

        What this worker itself is sending is not left, even if its lease ran out while the machine stood
        still or the clock jumped: the heartbeat renews it, and forgets what lasts too long.
        """
        with self.store.write() as session:
            for row in claim_queries.lost(session, now, _LOST_AT_ONCE, mine):
                self._take_over(session, row, now)
        with self.store.read() as session:
            return claim_queries.queues(session, now)

    def _take_over(self, session: Session, row: DeliveryRow, now: datetime) -> None:
        # the earlier worker is gone; after its mark nobody knows what the target got
        begun = row.sending_since is not None
        row.doubt = row.doubt or begun
        row.lost_leases = 0 if begun else row.lost_leases + 1
        row.lease_owner = row.lease_until = row.sending_since = None
        queries.end_attempt(session, row.id, now, LOST_LEASE)
        if row.lost_leases >= self.most_lost:
            self._isolate(session, row, now)
        else:
            queries.move(session, row, Transport.QUEUED, now, self.owner, LOST_LEASE)

    def _isolate(self, session: Session, row: DeliveryRow, now: datetime) -> None:
        """Hold a letter on which worker after worker died; reading its content might kill this one too."""
        office = registry.office(session, row.office, self.retry)
        schedule = self.retry if office is None else office.route.retry
        message = session.get_one(Message, row.message)
        begun = max(row.accepted_at, message.not_before or row.accepted_at)
        ends_at = row.expires_at if row.own_end else message.expires_at
        row.held_code, row.held_until = POISON, schedule.hold_until(now, begun, ends_at)
        row.lost_leases = 0  # whoever queues it again gives it the same chances
        queries.move(session, row, Transport.HELD, now, self.owner, POISON)
        _log.warning("delivery isolated", delivery=row.id, office=row.office)

    def mark_sending(self, seen: DeliveryRow) -> Keeping:
        """Record durably that sending starts now, as the delivery's next attempt.

        Args:
            seen: the delivery as it was when the work on it began.

        Returns:
            To be called whenever more is about to be sent.

        Raises:
            LeaseLost: somebody else has the delivery, or is sending it under this very lease.
            Draining: this worker is about to stop.
        """
        self.go_on()
        now = self.ambient.now()
        mark = Mark(seen.id, seen.lease_owner, seen.attempts + 1, now, now + self.lease)
        self._marking.do(mark)
        return Keeping(self, seen, now, mark.attempt)

    @cached_property
    def _marking(self) -> Together[Mark]:
        return Together(self.store, _mark)

    def go_on(self) -> None:
        """Check that work may go on to sending.

        Raises:
            Draining: this worker is about to stop.
        """
        if self.draining:
            raise Draining

    def give_back(self, delivery: str) -> str:
        """Queue a delivery of this worker again whose sending has not begun; nothing is counted.

        Returns:
            The office that it is for.

        Raises:
            LeaseLost: it is somebody else's by now, or is being sent.
        """
        now = self.ambient.now()
        mine = [lease.token for lease, _ in self.leases.held() if lease.delivery == delivery]
        with self.store.write() as session:
            row = session.get_one(DeliveryRow, delivery, with_for_update=True)
            if row.lease_owner not in mine or row.sending_since is not None:
                raise LeaseLost(delivery)
            row.lease_owner = row.lease_until = None
            queries.move(session, row, Transport.QUEUED, now, self.owner)
            return row.office

    def renew(self, seen: DeliveryRow, now: datetime) -> None:
        """Let the lease begin anew.

        Raises:
            LeaseLost: somebody else has the delivery.
        """
        with self.store.write() as session:
            row = session.get_one(DeliveryRow, seen.id, with_for_update=True)
            if not holds(row, seen):
                raise LeaseLost(seen.id)
            row.lease_until = now + self.lease


class Keeping:
    """Renews a lease once half of it is over.

    Attributes:
        attempt: the number of the attempt that the lease is kept for.
    """

    def __init__(self, claims: Claims, seen: DeliveryRow, since: datetime, attempt: int) -> None:
        self._claims, self._seen, self._since = claims, seen, since
        self.attempt = attempt

    def __call__(self) -> None:
        """Keep the lease.

        Raises:
            LeaseLost: somebody else has the delivery.
        """
        now = self._claims.ambient.now()
        if now - self._since >= self._claims.lease / 2:
            self._claims.renew(self._seen, now)
            self._since = now


class LeaseLost(Exception):
    """Another worker has taken the delivery over: whatever this one found out is void."""


class Draining(Exception):
    """This worker is about to stop: what has not begun is left to others."""


def holds(row: DeliveryRow, seen: DeliveryRow) -> bool:
    """Whether a delivery is still under the lease that it was seen under, and nobody else's by now."""
    return row.lease_owner is not None and row.lease_owner == seen.lease_owner


def _mark(session: Session, marks: Sequence[Mark]) -> list[Exception | None]:
    """Mark that sending starts, each mark under its lease.

    Raises:
        LeaseLost: one of them has none.
    """
    if not claim_queries.mark_sending(session, marks):
        raise LeaseLost(marks[0].delivery)  # whose it is shows when each is marked alone
    queries.begin_attempts(session, [(mark.delivery, mark.attempt, mark.since) for mark in marks])
    return [None] * len(marks)
