"""How much waits where, since when; nothing in it is of one letter."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.domain.transit.states import OUTCOMES, Transport
from gateway.store.transit.models import DeliveryRow
from gateway.store.transit.route_models import RouteState

UNDELIVERED = tuple(state.value for state in Transport if state not in OUTCOMES)
_DUE = (Transport.QUEUED.value, Transport.WAITING.value)


class Waiting(NamedTuple):
    """Deliveries without an outcome, of one lane and office in one state; the oldest's acceptance."""

    lane: str
    office: str
    state: str
    deliveries: int
    since: datetime


class RouteSeen(NamedTuple):
    """A route's breaker, when it last took a letter, since when it fails, whether it is paused."""

    office: str
    state: str
    last_success_at: datetime | None
    failing_since: datetime | None = None
    paused: bool = False


def undelivered(session: Session) -> list[Waiting]:
    """All deliveries without an outcome, counted."""
    kind = (DeliveryRow.lane, DeliveryRow.office, DeliveryRow.state)
    query = select(*kind, func.count(), func.min(DeliveryRow.accepted_at))
    found = session.execute(query.where(DeliveryRow.state.in_(UNDELIVERED)).group_by(*kind).order_by(*kind))
    return [Waiting(*row) for row in found]


def oldest_due(session: Session, now: datetime) -> datetime | None:
    """Since when the delivery is due that waits longest for a worker; None while none is due."""
    # state by state: each is one step down an index
    first = select(func.min(DeliveryRow.due_at))
    firsts = [session.scalar(first.where(DeliveryRow.state == state)) for state in _DUE]
    return min((one for one in firsts if one is not None and one <= now), default=None)


def routes(session: Session) -> list[RouteSeen]:
    """What is known of each route."""
    state = RouteState
    query = select(state.office, state.state, state.last_success_at, state.failing_since, state.paused)
    return [RouteSeen(*row) for row in session.execute(query.order_by(state.office))]
