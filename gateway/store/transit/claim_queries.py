"""Which deliveries wait for a worker, by route and lane; every look-up is a few steps down an index."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from gateway.domain.transit.envelope import Lane
from gateway.domain.transit.sharing import Queue, Work
from gateway.domain.transit.states import Transport
from gateway.store import plain
from gateway.store.detached import among, several
from gateway.store.rows import table
from gateway.store.transit import queries as moves
from gateway.store.transit.models import WAITING, DeliveryRow
from gateway.store.transit.route_queries import KNOWN_OF_ROUTE, STATE, breaker_of

_LANES = tuple(Lane)
_ROW = table(DeliveryRow)


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


def _queues() -> Select[Any]:
    found = _offices()
    oldest = (_oldest(found, lane).label(lane.value) for lane in _LANES)
    return (
        select(found.c.office, STATE.c.paused, STATE.c.claimed_at, *KNOWN_OF_ROUTE, *oldest)
        .select_from(found)
        .join(STATE, STATE.c.office == found.c.office, isouter=True)
        .where(found.c.office.is_not(None))
    )


# Built once: building it takes longer than its execution.
_QUEUES = _queues()


def queues(session: Session, now: datetime) -> list[Queue]:
    """The routes and lanes with due deliveries, not paused, whose breaker lets a letter through."""
    found = []
    for row in plain.found(session, _QUEUES, {}):
        if row.paused or not breaker_of(row).lets_through(now):
            continue
        for lane in _LANES:
            due = getattr(row, lane.value)
            if due is not None and due <= now:
                found.append(Queue(row.office, lane, due, row.claimed_at))
    return found


@dataclass(frozen=True)
class Due:
    """A delivery that may be claimed."""

    id: str
    state: str


@lru_cache
def _oldest_due(but: int) -> Select[Any]:
    """The query that leaves out so many deliveries, built once."""
    query = (
        select(_ROW.c.id, _ROW.c.state)
        .where(WAITING, _ROW.c.office == bindparam("of_office"), _ROW.c.lane == bindparam("in_lane"))
        .where(_ROW.c.due_at <= bindparam("until"))
        .order_by(_ROW.c.due_at)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    return query.where(~among(_ROW.c.id, but)) if but else query


def oldest_due(
    session: Session, queue: Queue, now: datetime, but: Collection[str] = (), limit: int = 1
) -> list[Due]:
    """The first deliveries of a queue, locked; rows that others have locked are passed over.

    Args:
        but: identifiers of those that are not wanted.
    """
    values = {"of_office": queue.office, "in_lane": queue.lane.value, "until": now, "most": limit}
    left_out = several(but)
    return [Due(*row) for row in plain.found(session, _oldest_due(len(left_out)), {**values, **left_out})]


def waits(session: Session, office: str, now: datetime) -> bool:
    """Whether an office has a delivery that is due."""
    waiting = select(_ROW.c.id).where(WAITING, _ROW.c.office == office, _ROW.c.due_at <= now)
    due = [waiting.where(_ROW.c.lane == lane.value) for lane in _LANES]
    return any(session.execute(query.limit(1)).first() is not None for query in due)


def any_lost(session: Session, now: datetime, mine: Collection[str]) -> bool:
    """Whether there is a delivery whose lease ran out, not one of ``mine``."""
    others = several(mine)
    return bool(plain.found(session, _any_lost(len(others)), {"until": now, **others}))


@lru_cache
def _any_lost(mine: int) -> Select[Any]:
    lost = _ROW.c.state == Transport.DELIVERING.value
    query = select(_ROW.c.id).where(lost, _ROW.c.lease_until <= bindparam("until")).limit(1)
    return query.where(~among(_ROW.c.lease_owner, mine)) if mine else query


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


_IN_HAND: Select[Any] = (
    select(_ROW.c.office, _ROW.c.lane, _ROW.c.lease_owner, *KNOWN_OF_ROUTE)
    .join(STATE, STATE.c.office == _ROW.c.office, isouter=True)
    .where(_ROW.c.state == Transport.DELIVERING.value)
)


def in_hand(session: Session, mine: Collection[str]) -> list[Work]:
    """Deliveries that workers have now.

    Args:
        mine: the leases of the worker that asks; what it dropped is nobody's until the lease runs out.
    """
    return [
        Work(
            office=row.office,
            lane=Lane(row.lane),
            mine=row.lease_owner in mine,
            unproven=not breaker_of(row).known_good,
            failing=bool(row.failures),
        )
        for row in plain.found(session, _IN_HAND, {})
    ]


@dataclass(frozen=True)
class Mark:
    """Sending starts under a lease.

    Attributes:
        holder: the lease.
        attempt: the number of the attempt that begins.
    """

    delivery: str
    holder: str | None
    attempt: int
    since: datetime
    until: datetime


_MARK_SENDING = (
    update(_ROW)
    .where(
        _ROW.c.id == bindparam("of_delivery"),
        _ROW.c.lease_owner == bindparam("holder"),
        _ROW.c.attempts == bindparam("so_far"),
        _ROW.c.sending_since.is_(None),
    )
    .values(
        sending_since=bindparam("since"),
        lease_until=bindparam("until"),
        attempts=bindparam("attempt"),
        lost_leases=0,
    )
)


def mark_sending(session: Session, marks: Sequence[Mark]) -> bool:
    """Mark that sending starts; False where not all of them may, and the transaction is to be undone."""
    rows = [
        {
            "of_delivery": mark.delivery,
            "holder": mark.holder,
            "so_far": mark.attempt - 1,
            "since": mark.since,
            "until": mark.until,
            "attempt": mark.attempt,
        }
        for mark in sorted(marks, key=lambda one: one.delivery)  # everybody locks them in the same order
    ]
    return plain.run(session, _MARK_SENDING, rows) == len(rows)


@dataclass(frozen=True)
class Lease:
    """A claim on one delivery: no two are alike."""

    delivery: str
    token: str


_TAKE = (
    update(_ROW)
    .where(_ROW.c.id == bindparam("of_delivery"))
    .values(
        state=Transport.DELIVERING.value,
        lease_owner=bindparam("holder"),
        lease_until=bindparam("until"),
        sending_since=None,
        lock_owner=None,
        lock_until=None,
    )
)


def take(
    session: Session, taken: Sequence[tuple[Due, Lease]], now: datetime, until: datetime, by: str
) -> None:
    """Move locked deliveries into a worker's hands, each under its lease until then.

    Raises:
        ForbiddenMove: the table has no such move.
    """
    if not taken:
        return
    began = [(due.id, Transport(due.state)) for due, _ in taken]
    moves.note_moves(session, began, Transport.DELIVERING, now, by)
    rows = [{"of_delivery": lease.delivery, "holder": lease.token, "until": until} for _, lease in taken]
    plain.run(session, _TAKE, rows)


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
