"""After a clock was set back, what waits for a moment that no rule can have meant is due now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.orm import Session

from gateway.domain.transit.retry import RetrySchedule
from gateway.domain.transit.setback import (
    SKEW,
    paced_at_most,
    queued_until,
    rests_at_most,
    waits_at_most,
)
from gateway.exchange.clock import Ambient
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store
from gateway.store.transit import setback_queries as queries
from gateway.store.transit.models import DeliveryRow
from gateway.store.transit.route_models import RouteState

_AT_ONCE = 500

_log = structlog.get_logger()


@dataclass(frozen=True)
class Setback:
    """Pulls back what a clock that was ahead has written.

    Leases stay: a moment that is wrong here may be right on the machine that holds one, and a letter taken
    from a living worker may arrive twice.

    Attributes:
        retry: the schedule of routes, but for what each says itself.
        rest: how long a route is left alone, or one letter may try it, at most.
    """

    store: Store
    ambient: Ambient
    retry: RetrySchedule
    rest: timedelta

    def run(self) -> int:
        """Make due what should be; how many deliveries and routes were touched.

        Raises:
            Unavailable: the database is out for now.
        """
        now = self.ambient.now()
        with self.store.read() as session:  # spares the write lock when there is nothing to do
            if not self._beyond(session, now, lock=False):
                return 0
        with self.store.write() as session:
            beyond = self._beyond(session, now, lock=True)
            for pull in beyond:
                pull()
        _log.warning("clock was set back", pulled=len(beyond))
        return len(beyond)

    def _beyond(self, session: Session, now: datetime, lock: bool) -> list[Callable[[], None]]:
        """What would have to be done, one step for each delivery and route."""
        queued = queries.queued_beyond(session, now + SKEW, _AT_ONCE, lock)
        waiting = queries.waiting_beyond(session, waits_at_most(now, self.retry.cap), _AT_ONCE, lock)
        routes = queries.routes_beyond(session, paced_at_most(now), rests_at_most(now, self.rest), lock)
        return [
            *(partial(_due, row, queued_until(now, not_before)) for row, not_before in queued),
            *(partial(_due, row, now) for row in waiting if self._is_beyond(session, row, now)),
            *(partial(self._let_go, row, now) for row in routes),
        ]

    def _is_beyond(self, session: Session, row: DeliveryRow, now: datetime) -> bool:
        """Whether its own route cannot have put an attempt off for so long either."""
        office = registry.office(session, row.office, self.retry)
        cap = self.retry.cap if office is None else office.route.retry.cap
        return row.due_at is not None and row.due_at > waits_at_most(now, cap)

    def _let_go(self, row: RouteState, now: datetime) -> None:
        """The next letter may be sent, in its pace, or as the one that finds out."""
        if row.rate_until is not None and row.rate_until > paced_at_most(now):
            row.rate_until = now
        if row.probe_until is not None and row.probe_until > rests_at_most(now, self.rest):
            row.probe_until = now


def _due(row: DeliveryRow, moment: datetime) -> None:
    row.due_at = moment
