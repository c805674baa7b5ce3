"""Look-ups for news of letters: whom to ask of which, which letter is meant, what was not believed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from gateway.domain.transit.states import Transport
from gateway.store.transit.models import NAMED, NEWS_OPEN, DeliveryEvent, DeliveryRow, Message
from gateway.store.transit.news_models import NewsPoll, NewsRoute, NewsTrouble
from gateway.store.turns import take_turn

_MOST_MEANT = 20
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When a letter is asked about that is too old: out of the way of those that are due."""


def asked(session: Session, offices: Collection[str]) -> dict[str, NewsRoute]:
    """How asking goes, of those offices whose systems were ever asked."""
    rows = session.scalars(select(NewsRoute).where(NewsRoute.office.in_(list(offices))))
    return {row.office: row for row in rows}


def locked(session: Session, office: str, now: datetime) -> NewsRoute:
    """The row of an office, made where there is none, for the transaction alone."""
    take_turn(session, "news", office)
    row = session.get(NewsRoute, office)
    if row is None:
        row = NewsRoute(office=office, due_at=now, failures=0)
        session.add(row)
    return row


def forget_failures(session: Session, office: str, now: datetime) -> None:
    """Let a system that could not be asked be asked again now: another one has its place."""
    took = {"due_at": now, "failures": 0, "failing_since": None, "code": None, "said": None}
    failed = update(NewsRoute).where(NewsRoute.office == office, NewsRoute.failing_since.is_not(None))
    session.execute(failed.values(**took))


def to_ask(
    session: Session, office: str, now: datetime, since: datetime, beyond: datetime, limit: int
) -> list[DeliveryRow]:
    """Letters that an office has and is to be asked about now: those never asked about, then the longest due.

    Args:
        since: letters accepted earlier are not asked about any more.
        beyond: no schedule means a moment after this one: a clock did that was ahead.
    """
    due = DeliveryRow.news_due_at
    query = select(DeliveryRow).where(DeliveryRow.office == office, NEWS_OPEN)
    query = query.where(DeliveryRow.accepted_at > since)
    found: list[DeliveryRow] = []
    for part in (
        query.where(due.is_(None)).order_by(DeliveryRow.accepted_at),
        query.where(due <= now).order_by(due),
        query.where(due > beyond, due < NEVER).order_by(due),
    ):
        if len(found) < limit:
            found += session.scalars(part.limit(limit - len(found)))
    return found


def handed_over(session: Session, deliveries: Sequence[str]) -> dict[str, datetime]:
    """When each of these was handed over."""
    query = select(DeliveryEvent.delivery, func.max(DeliveryEvent.at)).where(
        DeliveryEvent.delivery.in_(list(deliveries)), DeliveryEvent.now == Transport.HANDED_OVER.value
    )
    return {row[0]: row[1] for row in session.execute(query.group_by(DeliveryEvent.delivery))}


def references(session: Session, messages: Sequence[int]) -> dict[int, str]:
    """The hub's reference of each of these letters."""
    query = select(Message.id, Message.reference).where(Message.id.in_(list(messages)))
    return {row[0]: row[1] or "" for row in session.execute(query)}


def put_off(session: Session, delivery: str, due: datetime, asks: int) -> None:
    """Note when a letter is asked about next, and how often it was without any news."""
    changed = {"news_due_at": due, "news_asks": asks}
    session.execute(update(DeliveryRow).where(DeliveryRow.id == delivery).values(**changed))


def by_reference(session: Session, office: str, reference: str) -> list[DeliveryRow]:
    """An office's deliveries of one letter, the latest last."""
    query = select(DeliveryRow).join(Message, Message.id == DeliveryRow.message)
    query = query.where(Message.reference == reference, DeliveryRow.office == office)
    return list(session.scalars(query.order_by(DeliveryRow.id).limit(_MOST_MEANT)))


def by_target_reference(session: Session, office: str, name: str) -> list[DeliveryRow]:
    """An office's letters that it has and that its system calls so."""
    # without the state, which would have SQLite read every letter that the office has
    query = select(DeliveryRow).where(DeliveryRow.office == office, DeliveryRow.target_reference == name)
    rows = session.scalars(query.where(NAMED).limit(_MOST_MEANT))
    return [row for row in rows if row.state == Transport.HANDED_OVER.value]


def add_poll(session: Session, row: NewsPoll, newest: int) -> None:
    """Keep one more poll of an office, and of those that ended alike the newest alone."""
    session.add(row)
    session.flush()
    alike = select(NewsPoll.id).where(NewsPoll.office == row.office, NewsPoll.failed.is_(row.failed))
    kept = session.scalars(alike.order_by(NewsPoll.id.desc()).limit(newest)).all()
    session.execute(delete(NewsPoll).where(NewsPoll.id.in_(alike), NewsPoll.id.not_in(kept)))


def polls(session: Session, office: str) -> list[NewsPoll]:
    """What is kept of an office's polls, the latest first."""
    query = select(NewsPoll).where(NewsPoll.office == office)
    return list(session.scalars(query.order_by(NewsPoll.id.desc())))


def note_trouble(session: Session, office: str, delivery: str, now: datetime, code: str, said: str) -> None:
    """Keep what was not believed, in place of what was not believed of the same letter before."""
    take_turn(session, "news", office)
    row = session.get(NewsTrouble, (office, delivery))
    if row is None:
        session.add(NewsTrouble(office=office, delivery=delivery, at=now, code=code, said=said, times=1))
    else:
        row.at, row.code, row.said, row.times = now, code, said, row.times + 1


def trouble_of(session: Session, office: str, delivery: str) -> NewsTrouble | None:
    """What was not believed of a letter, if the latest news of it was not."""
    return session.get(NewsTrouble, (office, delivery))


def troubled(session: Session, office: str, deliveries: Collection[str]) -> list[str]:
    """Those of some letters of which the latest news was not believed."""
    query = select(NewsTrouble.delivery).where(NewsTrouble.office == office)
    return list(session.scalars(query.where(NewsTrouble.delivery.in_(sorted(deliveries)))))


def forget_troubles(session: Session, office: str, deliveries: Collection[str]) -> None:
    """News of these letters is believed."""
    query = delete(NewsTrouble).where(NewsTrouble.office == office)
    session.execute(query.where(NewsTrouble.delivery.in_(sorted(deliveries))))


def troubles(session: Session, since: datetime, limit: int) -> list[NewsTrouble]:
    """What was not believed since then, the latest first."""
    query = select(NewsTrouble).where(NewsTrouble.at >= since)
    return list(session.scalars(query.order_by(NewsTrouble.at.desc(), NewsTrouble.delivery).limit(limit)))


def failing(session: Session) -> list[NewsRoute]:
    """Offices whose systems could not be asked when they last were, in order."""
    query = select(NewsRoute).where(NewsRoute.failing_since.is_not(None))
    return list(session.scalars(query.order_by(NewsRoute.office)))
