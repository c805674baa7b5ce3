"""Which deliveries wait for a worker, by route and lane; every look-up is a few steps down an index."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CTE, ColumnElement, ScalarSelect, Select, and_, bindparam, func, select, true, update
from sqlalchemy.orm import Session, aliased

from gateway.domain.transit.breaker import Breaker
from gateway.domain.transit.envelope import Lane
from gateway.domain.transit.sharing import Queue, Work
from gateway.domain.transit.states import Transport
from gateway.store.rows import table
from gateway.store.transit.models import WAITING, DeliveryRow
from gateway.store.transit.route_models import RouteState
from gateway.store.transit.route_queries import breaker_of

_LANES = tuple(Lane)


def _offices() -> CTE:
    """Every office with a waiting delivery: one step down the index for each, however many wait."""
    found = select(_first_office("").label("office")).cte("waiting_office", recursive=True)
    return found.union_all(select(_first_office(found.c.office)).where(found.c.office.is_not(None)))


def _first_office(after: str | ColumnElement[str]) -> ScalarSelect[str]:
    row = aliased(DeliveryRow)
    following = select(row.office).where(WAITING, row.office > after)
    # the whole order of the index of waiting deliveries, so that no other one looks as good
    return following.order_by(row.office, row.lane, row.due_at).limit(1).scalar_subquery()


def _oldest(found: CTE, lane: Lane) -> ScalarSelect[datetime | None]:
    row = aliased(DeliveryRow)
    oldest = select(func.min(row.due_at)).where(WAITING, row.office == found.c.office, row.lane == lane.value)
    return oldest.correlate(found).scalar_subquery()


def _queues() -> object:
    found = _offices()
    state = aliased(RouteState)
    return (
        select(found.c.office, state, *(_oldest(found, lane) for lane in _LANES))
        .select_from(found)
        .join(state, state.office == found.c.office, isouter=True)
        .where(found.c.office.is_not(None))
    )


# Built once: building it takes longer than its execution.
_QUEUES = _queues()


def queues(session: Session, now: datetime) -> list[Queue]:
    """The routes and lanes with due deliveries, not paused, whose breaker lets a letter through."""
    found = []
    for office, state, *oldest in session.execute(_QUEUES):  # type: ignore[call-overload]
        if state is not None and state.paused:
            continue
        breaker = Breaker() if state is None else breaker_of(state)
        if not breaker.lets_through(now):
            continue
        served = None if state is None else state.claimed_at
        for lane, due in zip(_LANES, oldest, strict=True):
            if due is not None and due <= now:
                found.append(Queue(office, lane, due, served))
    return found


def oldest_due(
    session: Session, queue: Queue, now: datetime, but: Collection[str] = (), limit: int = 1
) -> list[DeliveryRow]:
    """The first deliveries of a queue, locked; rows that others have locked are passed over.

    Args:
        but: identifiers of those that are not wanted.
    """
    query = (
        select(DeliveryRow)
        .where(WAITING, DeliveryRow.office == queue.office, DeliveryRow.lane == queue.lane.value)
        .where(DeliveryRow.due_at <= now)
        .order_by(DeliveryRow.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    if but:
        query = query.where(DeliveryRow.id.not_in(but))
    return list(session.scalars(query))


def any_lost(session: Session, now: datetime, mine: Collection[str]) -> bool:
    """Whether there is a delivery whose lease ran out, not one of ``mine``."""
    return session.execute(_lost(now, mine).with_only_columns(DeliveryRow.id).limit(1)).first() is not None


def lost(session: Session, now: datetime, limit: int, mine: Collection[str]) -> list[DeliveryRow]:
    """Deliveries whose lease ran out, locked; rows that others have locked are passed over.

    Args:
        mine: the leases of the worker that asks, which knows whether it still works under them.
    """
    query = _lost(now, mine).order_by(DeliveryRow.lease_until).limit(limit)
    return list(session.scalars(query.with_for_update(skip_locked=True)))


def _lost(now: datetime, mine: Collection[str]) -> Select[DeliveryRow]:
    being = DeliveryRow.state == Transport.DELIVERING.value
    others = DeliveryRow.lease_owner.not_in(mine)
    return select(DeliveryRow).where(being, DeliveryRow.lease_until <= now, others)


def in_hand(session: Session, mine: Collection[str], office: str | None = None) -> list[Work]:
    """Deliveries that workers have now: all, or those of one office.

    Args:
        mine: the leases of the worker that asks; what it dropped is nobody's until the lease runs out.
    """
    query = (
        select(DeliveryRow.office, DeliveryRow.lane, DeliveryRow.lease_owner, RouteState)
        .join(RouteState, RouteState.office == DeliveryRow.office, isouter=True)
        .where(DeliveryRow.state == Transport.DELIVERING.value)
        .where(true() if office is None else DeliveryRow.office == office)
    )
    return [
        Work(
            office=found,
            lane=Lane(lane),
            mine=lease in mine,
            unproven=state is None or not breaker_of(state).known_good,
            failing=state is not None and state.failures > 0,
        )
        for found, lane, lease, state in session.execute(query)
    ]


_ROW = table(DeliveryRow)
_MARK_SENDING = (
    update(_ROW)
    .where(
        _ROW.c.id == bindparam("of_delivery"),
        _ROW.c.lease_owner == bindparam("holder"),
        _ROW.c.sending_since.is_(None),
    )
    .values(
        sending_since=bindparam("sending_since"),
        lease_until=bindparam("lease_until"),
        attempts=_ROW.c.attempts + 1,
        lost_leases=0,
    )
    .returning(_ROW.c.attempts)
)


def mark_sending(
    session: Session, delivery: str, holder: str | None, since: datetime, until: datetime
) -> int | None:
    """Mark that sending starts under a lease; the attempt's number, or None when it may not."""
    names = {"of_delivery": delivery, "holder": holder, "sending_since": since, "lease_until": until}
    return session.scalars(_MARK_SENDING, names).first()


@dataclass(frozen=True)
class Lease:
    """A claim on one delivery: no two are alike."""

    delivery: str
    token: str


def prolong(session: Session, lease: Lease, until: datetime) -> bool:
    """Let a lease last until ``until``; whether it is still held."""
    change = (
        update(DeliveryRow)
        .where(
            and_(
                DeliveryRow.id == lease.delivery,
                DeliveryRow.lease_owner == lease.token,
                DeliveryRow.state == Transport.DELIVERING.value,
            )
        )
        .values(lease_until=until)
        .returning(DeliveryRow.id)
    )
    return session.scalars(change).first() is not None
