"""Work is claimed by lease; a lease that ran out says whether sending had started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway.domain.transit.states import Transport
from gateway.exchange.clock import Ambient
from gateway.store.sessions import Store
from gateway.store.transit import queries
from gateway.store.transit.models import Attempt, DeliveryRow

LOST_LEASE = "WASL-DLV-010"


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
            # the earlier worker is gone; after its mark nobody knows what the target got
            row.doubt = row.doubt or row.sending_since is not None
            queries.move(session, row, Transport.QUEUED, now, self.owner, LOST_LEASE)
        queries.move(session, row, Transport.DELIVERING, now, self.owner)
        row.lease_owner, row.lease_until = self.owner, now + self.lease
        row.sending_since = None

    def mark_sending(self, delivery: str) -> None:
        """Record durably that sending starts now, as the delivery's next attempt.

        Raises:
            LeaseLost: another worker has the delivery.
        """
        now = self.ambient.now()
        with self.store.write() as session:
            row = session.get_one(DeliveryRow, delivery, with_for_update=True)
            check_lease(row, self.owner)
            row.sending_since = now
            row.attempts += 1
            session.add(Attempt(delivery=row.id, number=row.attempts, started_at=now))


class LeaseLost(Exception):
    """Another worker has taken the delivery over: whatever this one found out is void."""


def check_lease(row: DeliveryRow, owner: str) -> None:
    """Raises:
    LeaseLost: the delivery is somebody else's by now.
    """
    if row.lease_owner != owner:
        raise LeaseLost(row.id)
