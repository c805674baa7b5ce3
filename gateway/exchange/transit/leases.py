"""The leases that this process holds, renewed by the clock for as long as somebody works under them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

import structlog

from gateway.exchange.clock import Ambient
from gateway.store.sessions import Store
from gateway.store.transit.claim_queries import Lease, prolong

_log = structlog.get_logger()


class Leases:
    """Which leases are held here, and since when."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[Lease, datetime] = {}
        self._missed: set[Lease] = set()

    def hold(self, lease: Lease, since: datetime) -> None:
        """A lease was claimed."""
        with self._lock:
            self._held[lease] = since

    def release(self, delivery: str, token: str | None = None) -> None:
        """Nobody works here any more under the leases of a delivery, or under one of them."""
        with self._lock:
            for lease in [one for one in self._held if one.delivery == delivery]:
                if token in (None, lease.token):
                    del self._held[lease]
                    self._missed.discard(lease)

    def missed(self, lease: Lease) -> bool:
        """A lease that is held here could not be renewed; whether that was so before.

        Once says nothing: its delivery may have ended since the leases were looked up, and the thread that
        ended it lets go of the lease a moment later. Somebody who still works under it at the next beat has
        lost it.
        """
        with self._lock:
            before = lease in self._missed
            if lease in self._held:
                self._missed.add(lease)
            return before

    def any(self) -> bool:
        """Whether anything is being worked on here."""
        with self._lock:
            return bool(self._held)

    def held(self) -> list[tuple[Lease, datetime]]:
        with self._lock:
            return list(self._held.items())


@dataclass(frozen=True)
class Heartbeat:
    """Renews what is held, so that a long transfer keeps its letter even while no octet moves.

    Attributes:
        lease: how long a lease lasts from each beat.
        longest: how long one piece of work may last at most: what hangs for ever must lose its lease.
    """

    store: Store
    ambient: Ambient
    leases: Leases = field(default_factory=Leases)
    lease: timedelta = timedelta(minutes=5)
    longest: timedelta = timedelta(hours=4)

    def beat(self) -> int:
        """Renew every lease held, all in one transaction; how many are still held.

        Raises:
            Unavailable: the database is out of service; the leases hold as long as they did.
        """
        now = self.ambient.now()
        due = []
        for lease, since in self.leases.held():
            if now - since < self.longest:
                due.append(lease)
            else:
                self._forget(lease, "work lasts too long, its lease runs out")
        if not due:
            return 0
        with self.store.write() as session:
            # in one order for everybody, so that two who renew never wait for each other
            ordered = sorted(due, key=lambda one: one.delivery)
            kept = {lease: prolong(session, lease, now + self.lease) for lease in ordered}
        for lease, held in kept.items():
            if not held and self.leases.missed(lease):
                self._forget(lease, "lease lost")
        return sum(kept.values())

    def _forget(self, lease: Lease, why: str) -> None:
        self.leases.release(lease.delivery, lease.token)
        _log.warning(why, delivery=lease.delivery)
