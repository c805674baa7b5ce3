"""Look-ups of recorded exchanges, and what makes room for newer ones."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gateway.store.transit.exchange_models import ExchangeRow
from gateway.store.transit.models import Attempt, DeliveryRow, Message
from gateway.store.transit.news_models import NewsPoll


def attempt(session: Session, delivery: str, number: int) -> Attempt | None:
    """An attempt at a delivery by its number."""
    return session.scalars(
        select(Attempt).where(Attempt.delivery == delivery, Attempt.number == number)
    ).first()


def purged(session: Session, message: int) -> bool:
    """Whether a letter's content is gone; its row is locked, so that it stays so until the commit."""
    row = session.get(Message, message, with_for_update={"read": True}, populate_existing=True)
    return row is None or row.purged_at is not None


def any_purged(session: Session, deliveries: Sequence[str]) -> bool:
    """Whether the content of one of these letters is gone; their rows are locked until the commit."""
    query = select(DeliveryRow.message).where(DeliveryRow.id.in_(list(deliveries)))
    return any(purged(session, message) for message in sorted(set(session.scalars(query))))


def add(session: Session, row: ExchangeRow) -> None:
    """Keep one more exchange."""
    session.add(row)


def drop_older(session: Session, delivery: str, number: int, newest: int) -> None:
    """Let go of a delivery's exchanges before the ``newest`` ones, but for that of its first attempt."""
    old = select(Attempt.id).where(
        Attempt.delivery == delivery, Attempt.number > 1, Attempt.number <= number - newest
    )
    session.execute(delete(ExchangeRow).where(ExchangeRow.attempt.in_(old)))


def drop_successes(session: Session, office: str) -> None:
    """Let go of what successful attempts at an office exchanged: a newer one follows."""
    query = delete(ExchangeRow).where(ExchangeRow.office == office, ExchangeRow.failed.is_(False))
    session.execute(query)


def forget(session: Session, message: int) -> None:
    """Destroy everything that was exchanged about a letter, with its keys.

    Polls of its recipients' systems go whole: any answer may tell of it.
    """
    deliveries = select(DeliveryRow.id).where(DeliveryRow.message == message)
    session.execute(delete(ExchangeRow).where(ExchangeRow.delivery.in_(deliveries)))
    offices = select(DeliveryRow.office).where(DeliveryRow.message == message)
    session.execute(delete(NewsPoll).where(NewsPoll.office.in_(offices)))


def of_delivery(session: Session, delivery: str) -> list[tuple[Attempt, ExchangeRow | None]]:
    """Each attempt at a delivery with what was exchanged, as far as that was kept."""
    query = select(Attempt, ExchangeRow).outerjoin(ExchangeRow, ExchangeRow.attempt == Attempt.id)
    rows = session.execute(query.where(Attempt.delivery == delivery).order_by(Attempt.number))
    return [(row[0], row[1]) for row in rows]


def deliveries_of(session: Session, reference: str) -> list[DeliveryRow]:
    """The deliveries of the letter with this reference, in their order."""
    query = select(DeliveryRow).join(Message, Message.id == DeliveryRow.message)
    return list(session.scalars(query.where(Message.reference == reference).order_by(DeliveryRow.ordinal)))
