"""Work is claimed by lease; a lease that ran out says whether sending had started."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway.domain.transit.states import Transport
from gateway.exchange.clock import Ambient
from gateway.store.sessions import Store
from gateway.store.transit import queries
from gateway.store.transit.models import Attempt, DeliveryRow

LOST_LEASE = "WASL-DLV-010"
_LONGEST_OWNER = 48


@dataclass(frozen=True)
class Claims:
    """Claims due deliveries for one worker.

    Attributes:
        owner: names the worker in leases and events.
        lease: how long a claim holds without being renewed.
    """

    store: Store
    ambient: Ambient
    owner: str
    lease: timedelta

    def claim(self, limit: int) -> list[str]:
        """Identifiers of deliveries that are now this worker's, at most ``limit``."""
        now = self.ambient.now()
        with self.store.read() as session:  # spares the write lock when there is nothing to do
            if not queries.due(session, now, 1):
                return []
        with self.store.write() as session:
            rows = queries.due(session, now, limit)
            for row in rows:
                self._take(session, row, now)
            return [row.id for row in rows]

    def _take(self, session: Session, row: DeliveryRow, now: datetime) -> None:
        if row.state == Transport.DELIVERING.value:
            self._take_over(session, row, now)
        queries.move(session, row, Transport.DELIVERING, now, self.owner)
        # two leases are never alike, not even of the same worker: a late result must show as late
        row.lease_owner = f"{self.owner[:_LONGEST_OWNER]}#{self.ambient.random_bytes(6).hex()}"
        row.lease_until = now + self.lease
        row.sending_since = None

    def _take_over(self, session: Session, row: DeliveryRow, now: datetime) -> None:
        # the earlier worker is gone; after its mark nobody knows what the target got
        row.doubt = row.doubt or row.sending_since is not None
        left = queries.open_attempt(session, row.id)
        if left is not None:
            left.ended_at, left.code = now, LOST_LEASE
        queries.move(session, row, Transport.QUEUED, now, self.owner, LOST_LEASE)

    def mark_sending(self, seen: DeliveryRow) -> Callable[[], None]:
        """Record durably that sending starts now, as the delivery's next attempt.

        Args:
            seen: the delivery as it was when the work on it began.

        Returns:
            To be called whenever more is about to be sent: it keeps the lease, or raises LeaseLost.

        Raises:
            LeaseLost: somebody else has the delivery, or is sending it under this very lease.
        """
        now = self.ambient.now()
        with self.store.write() as session:
            row = session.get_one(DeliveryRow, seen.id, with_for_update=True)
            check_lease(row, seen)
            if row.sending_since is not None:
                raise LeaseLost(row.id)
            row.sending_since, row.lease_until = now, now + self.lease
            row.attempts += 1
            session.add(Attempt(delivery=row.id, number=row.attempts, started_at=now))
        return _Keeping(self, seen, now)

    def renew(self, seen: DeliveryRow, now: datetime) -> None:
        """Let the lease begin anew.

        Raises:
            LeaseLost: somebody else has the delivery.
        """
        with self.store.write() as session:
            row = session.get_one(DeliveryRow, seen.id, with_for_update=True)
            check_lease(row, seen)
            row.lease_until = now + self.lease


class _Keeping:
    """Renews a lease once half of it is over."""

    def __init__(self, claims: Claims, seen: DeliveryRow, since: datetime) -> None:
        self._claims, self._seen, self._since = claims, seen, since

    def __call__(self) -> None:
        now = self._claims.ambient.now()
        if now - self._since >= self._claims.lease / 2:
            self._claims.renew(self._seen, now)
            self._since = now


class LeaseLost(Exception):
    """Another worker has taken the delivery over: whatever this one found out is void."""


def check_lease(row: DeliveryRow, seen: DeliveryRow) -> None:
    """Check that a delivery is still under the lease that it was seen under.

    Raises:
        LeaseLost: it is somebody else's by now, or nobody's.
    """
    if row.lease_owner is None or row.lease_owner != seen.lease_owner:
        raise LeaseLost(row.id)
