"""Look-ups in the outbox of notifications, and its moves."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TypeVar

from sqlalchemy import and_, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from gateway.domain.transit.notification import TELLING_MOVES, Telling
from gateway.domain.transit.states import advance
from gateway.store.transit.notice_models import (
    MessageRow,
    NotificationRow,
    NotifiedDelivery,
    OperatorNoticeRow,
)
from gateway.store.turns import left_by_others

_OPEN = (Telling.WAITING.value, Telling.SENDING.value)


Row = TypeVar("Row", bound=MessageRow)


def by_key(session: Session, rows: type[Row], key: str) -> Row | None:
    """The message of this key, locked: it cannot start on its way meanwhile."""
    query = select(rows).where(rows.key == key).with_for_update()
    return session.scalars(query).first()


def add(session: Session, row: Row) -> Row | None:
    """Add a notification unless another transaction was quicker; None then, and this one goes on."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return None
    return row


def join(session: Session, row: NotificationRow, delivery: str) -> None:
    """Let a waiting notification tell of a delivery too."""
    if session.get(NotifiedDelivery, (row.id, delivery)) is None:
        session.add(NotifiedDelivery(notification=row.id, delivery=delivery))


def due(session: Session, rows: type[Row], now: datetime, limit: int) -> list[Row]:
    """Messages that somebody should send, the longest due first: due ones, and those left behind."""
    waiting = and_(rows.state == Telling.WAITING.value, rows.due_at <= now)
    left = and_(rows.state == Telling.SENDING.value, rows.lease_until <= now)
    query = select(rows).where(or_(waiting, left)).order_by(rows.due_at)
    return list(session.scalars(left_by_others(session, query.limit(limit))))


def move(row: MessageRow, to: Telling) -> None:
    """Move a notification, if the table allows it.

    Raises:
        ForbiddenMove: the table has no such move.
    """
    row.state = advance(TELLING_MOVES, Telling(row.state), to).value


def unattested(session: Session, limit: int) -> list[str]:
    """Deliveries of which a reader was told, or no reader could be, and no receipt says so yet; in order."""
    link, other, still = NotifiedDelivery, aliased(NotifiedDelivery), aliased(NotificationRow)
    being_told = (
        select(other.delivery)
        .join(still, still.id == other.notification)
        .where(other.delivery == link.delivery, still.state.in_(_OPEN))
    )
    told = NotificationRow.state == Telling.SENT.value
    failed = and_(NotificationRow.state == Telling.FAILED.value, ~being_told.exists())
    query = (
        select(link.delivery)
        .join(NotificationRow, NotificationRow.id == link.notification)
        .where(link.attested.is_(False), or_(told, failed))
        .order_by(link.notification, link.delivery)
        .limit(limit)
    )
    return list(dict.fromkeys(session.scalars(query)))


def telling_of(session: Session, delivery: str) -> list[NotificationRow]:
    """Every notification that tells of a delivery."""
    query = (
        select(NotificationRow)
        .join(NotifiedDelivery, NotifiedDelivery.notification == NotificationRow.id)
        .where(NotifiedDelivery.delivery == delivery)
    )
    return list(session.scalars(query.order_by(NotificationRow.id)))


def attest(session: Session, delivery: str, notifications: Collection[int]) -> None:
    """Mark that nothing is owed any more for what these notifications told of a delivery."""
    for notification in notifications:
        session.get_one(NotifiedDelivery, (notification, delivery)).attested = True


def waiting(session: Session) -> tuple[int, datetime | None]:
    """How many messages, to readers and to operators, are not sent yet, and since when the oldest is due."""
    both = [_waiting(session, NotificationRow), _waiting(session, OperatorNoticeRow)]
    return sum(count for count, _ in both), min((one for _, one in both if one is not None), default=None)


def _waiting(session: Session, rows: type[Row]) -> tuple[int, datetime | None]:
    query = select(func.count(), func.min(rows.first_due)).where(rows.state.in_(_OPEN))
    count, oldest = session.execute(query).one()
    return count, oldest
