"""Look-ups for retention: letters whose content may go, what they hold, and who forbids it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from gateway.domain.evidence.retention import UNDER_WORK
from gateway.domain.transit.states import OUTCOMES, MessageState
from gateway.store.evidence.retention_models import LegalHold, PurgeRow, SelfCheckRow
from gateway.store.transit.models import (
    AttachmentRow,
    Attempt,
    DeliveryEvent,
    DeliveryRow,
    Message,
    Payload,
)

_OUTCOMES = [outcome.value for outcome in OUTCOMES]
_UNDER_WORK = [state.value for state in UNDER_WORK]


@dataclass(frozen=True)
class Ended:
    """A letter whose every delivery has ended, not purged, under no hold."""

    message: int
    reference: str
    document_type: str | None
    test: bool
    ended_at: datetime


def ended(session: Session, received_before: datetime, after: int, limit: int) -> list[Ended]:
    """Ended letters received before a moment, by their row number after ``after``."""
    query = _ended().where(Message.received_at <= received_before, Message.id > after)
    rows = session.execute(query.order_by(Message.id).limit(limit))
    return [found for row in rows if (found := _read(row)) is not None]


def still_ended(session: Session, message: int) -> Ended | None:
    """The same of one letter, its row locked: from here on nobody places a hold on it."""
    session.get(Message, message, with_for_update=True, populate_existing=True)
    row = session.execute(_ended().where(Message.id == message)).first()
    return None if row is None else _read(row)


def _read(row: Row[int, str | None, str | None, bool, datetime]) -> Ended | None:
    message, reference, document_type, test, ended_at = row
    # a letter without deliveries has no last event
    return None if ended_at is None else Ended(message, reference or "", document_type, test, ended_at)


def _ended() -> Select[int, str | None, str | None, bool, datetime]:
    living = exists().where(
        DeliveryRow.message == Message.id,
        or_(DeliveryRow.state.not_in(_OUTCOMES), DeliveryRow.processing.in_(_UNDER_WORK)),
    )
    return select(
        Message.id, Message.reference, Message.document_type, Message.test, _ended_at().label("ended_at")
    ).where(
        Message.state == MessageState.ACCEPTED.value,
        Message.purged_at.is_(None),
        not_(living),
        not_(exists().where(LegalHold.message == Message.id, LegalHold.released_at.is_(None))),
    )


def _ended_at() -> ScalarSelect[datetime]:
    """The last event of any delivery, on either track."""
    return (
        select(func.max(DeliveryEvent.at))
        .join(DeliveryRow, DeliveryRow.id == DeliveryEvent.delivery)
        .where(DeliveryRow.message == Message.id)
        .correlate(Message)
        .scalar_subquery()
    )


def contents(session: Session, message: Message) -> list[Payload]:
    """The envelope and every attachment of a letter, locked."""
    attached = select(AttachmentRow.payload).where(AttachmentRow.message == message.id)
    ours: ColumnElement[bool] = or_(Payload.object_id == message.envelope, Payload.object_id.in_(attached))
    return list(session.scalars(select(Payload).where(ours).order_by(Payload.object_id).with_for_update()))


def attachments_of(session: Session, message: int) -> list[AttachmentRow]:
    return list(session.scalars(select(AttachmentRow).where(AttachmentRow.message == message)))


def attempts_of(session: Session, message: int) -> list[Attempt]:
    """Every attempt at any delivery of a letter."""
    query = select(Attempt).join(DeliveryRow, DeliveryRow.id == Attempt.delivery)
    return list(session.scalars(query.where(DeliveryRow.message == message)))


def keyless(session: Session, object_ids: Iterable[str]) -> set[str]:
    """Those objects whose key was destroyed."""
    query = select(Payload.object_id).where(
        Payload.object_id.in_(list(object_ids)), Payload.wrapped_key.is_(None)
    )
    return set(session.scalars(query))


def purge_of(session: Session, message: int) -> PurgeRow | None:
    return session.scalars(select(PurgeRow).where(PurgeRow.message == message)).first()


def hold_of(session: Session, message: int) -> LegalHold | None:
    """The hold in force on a letter."""
    query = select(LegalHold).where(LegalHold.message == message, LegalHold.released_at.is_(None))
    return session.scalars(query).first()


def holds(session: Session, every: bool) -> list[tuple[LegalHold, str]]:
    """Holds with the references of their letters, oldest first: those in force, or ``every`` one."""
    query = select(LegalHold, Message.reference).join(Message, Message.id == LegalHold.message)
    query = query if every else query.where(LegalHold.released_at.is_(None))
    return [(row[0], row[1] or "") for row in session.execute(query.order_by(LegalHold.id))]


def last_check(session: Session) -> SelfCheckRow | None:
    """The latest run of the self-check that came to its end."""
    return session.scalars(select(SelfCheckRow).order_by(SelfCheckRow.id.desc()).limit(1)).first()


def holds_in_force(session: Session) -> int:
    """How many letters are under a hold."""
    query = select(func.count()).select_from(LegalHold).where(LegalHold.released_at.is_(None))
    return session.scalar(query) or 0


def objects_with_key(session: Session) -> int:
    """How many contents can still be read."""
    query = select(func.count()).select_from(Payload).where(Payload.wrapped_key.is_not(None))
    return session.scalar(query) or 0
