"""Look-ups of messages, deliveries and payload keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from gateway.domain.transit.states import (
    PROCESSING_MOVES,
    TRANSPORT_MOVES,
    MessageState,
    Notice,
    Processing,
    Transport,
    advance,
)
from gateway.store import plain
from gateway.store.rows import gathered, table
from gateway.store.transit.models import (
    RESTING,
    AttachmentRow,
    Attempt,
    DeliveryEvent,
    DeliveryRow,
    Message,
    Payload,
)
from gateway.store.turns import left_by_others

_ACCEPTED = MessageState.ACCEPTED.value
_LONGEST_BY = 120
_MESSAGE = table(Message)
_ACCEPTANCES = select(_MESSAGE.c.id, _MESSAGE.c.reference, _MESSAGE.c.content_digest).where(
    _MESSAGE.c.state == _ACCEPTED
)
# Built once: on the hot path building a statement takes longer than its execution.
_BY_ROOT = _ACCEPTANCES.where(_MESSAGE.c.root_digest == bindparam("root_digest")).limit(1)
_BY_ID = _ACCEPTANCES.where(
    _MESSAGE.c.party == bindparam("party"), _MESSAGE.c.message_id == bindparam("message_id")
)

_ATTEMPT = table(Attempt)
_EVENT = table(DeliveryEvent)
_ADD_EVENT, _ADD_ATTEMPT = insert(_EVENT), insert(_ATTEMPT)
_REASONS = (
    select(_EVENT.c.why)
    .where(
        _EVENT.c.delivery == bindparam("of_delivery"),
        _EVENT.c.track == "transport",
        _EVENT.c.now == Transport.QUEUED.value,
    )
    .order_by(_EVENT.c.id)
)
_ROW = table(DeliveryRow)
_STANDING = select(
    _ROW.c.id,
    _ROW.c.party,
    _ROW.c.office,
    _ROW.c.office_name,
    _ROW.c.state,
    _ROW.c.processing,
    _ROW.c.register_number,
).where(_ROW.c.id == bindparam("of_delivery"))
_END_ATTEMPT = (
    update(_ATTEMPT)
    .where(_ATTEMPT.c.delivery == bindparam("of_delivery"), _ATTEMPT.c.ended_at.is_(None))
    .values(ended_at=bindparam("ended_at"), code=bindparam("code"), detail=bindparam("detail"))
)


@dataclass(frozen=True)
class Accepted:
    """What the hot path must know of an accepted message."""

    id: int
    reference: str
    content_digest: str


def accepted_by_root(session: Session, root_digest: str) -> Accepted | None:
    """The accepted message whose root part had exactly these octets."""
    rows = plain.found(session, _BY_ROOT, {"root_digest": root_digest})
    return Accepted(*rows[0]) if rows else None


def accepted_by_id(session: Session, party: str, message_id: str) -> Accepted | None:
    """The accepted message of ``party`` with this message id."""
    rows = plain.found(session, _BY_ID, {"party": party, "message_id": message_id})
    return Accepted(*rows[0]) if rows else None


def accepted_by_reference(session: Session, reference: str) -> Message | None:
    query = select(Message).where(Message.reference == reference, Message.state == _ACCEPTED)
    return session.scalars(query).first()


def same_refusal(session: Session, party: str, refusal_digest: str, since: datetime) -> Message | None:
    """The same refusal of the same octets, if it was stored after ``since``."""
    query = select(Message).where(
        Message.party == party,
        Message.refusal_digest == refusal_digest,
        Message.state == MessageState.REFUSED.value,
        Message.received_at > since,
    )
    return session.scalars(query.order_by(Message.id.desc()).limit(1)).first()


def refusals_since(session: Session, party: str, since: datetime) -> int:
    query = (
        select(func.count())
        .select_from(Message)
        .where(
            Message.party == party,
            Message.state == MessageState.REFUSED.value,
            Message.received_at > since,
        )
    )
    return session.scalar(query) or 0


class Standing(NamedTuple):
    """Where a delivery is, and whose it is."""

    id: str
    party: str
    office: str
    office_name: str
    state: str
    processing: str
    register_number: str | None


def standing(session: Session, delivery: str) -> Standing | None:
    """Where a delivery is, without the rest that is known of it."""
    rows = plain.found(session, _STANDING, {"of_delivery": delivery})
    return Standing(*rows[0]) if rows else None


def deliveries(session: Session, message: int) -> list[DeliveryRow]:
    query = select(DeliveryRow).where(DeliveryRow.message == message).order_by(DeliveryRow.ordinal)
    return list(session.scalars(query))


def events(session: Session, delivery: str) -> list[DeliveryEvent]:
    query = select(DeliveryEvent).where(DeliveryEvent.delivery == delivery).order_by(DeliveryEvent.id)
    return list(session.scalars(query))


def reasons_of_queueing(session: Session, delivery: str) -> list[str | None]:
    """Why a delivery was queued, each time, in order."""
    return [row.why for row in plain.found(session, _REASONS, {"of_delivery": delivery})]


def attempts(session: Session, delivery: str) -> list[Attempt]:
    query = select(Attempt).where(Attempt.delivery == delivery).order_by(Attempt.number)
    return list(session.scalars(query))


def attachments(session: Session, message: int) -> dict[str, Payload]:
    """The payload of each attachment of a message, by attachment id."""
    query = (
        select(AttachmentRow.attachment_id, Payload)
        .join(Payload, Payload.object_id == AttachmentRow.payload)
        .where(AttachmentRow.message == message)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def held_too_long(session: Session, now: datetime, limit: int) -> list[DeliveryRow]:
    """Deliveries that waited for a person beyond their deadline: held ones, and those not collected."""
    query = select(DeliveryRow).where(RESTING, DeliveryRow.held_until <= now)
    query = query.order_by(DeliveryRow.held_until).limit(limit)
    return list(session.scalars(left_by_others(session, query)))


def clocks(session: Session, over: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Deliveries that a recipient may have, with their clocks, but for those whose processing is ``over``."""
    there = (Transport.AVAILABLE, Transport.HANDED_OVER, Transport.FAILED, Transport.EXPIRED)
    query = select(DeliveryRow.id, DeliveryRow.clock).where(
        DeliveryRow.state.in_([state.value for state in there]),
        DeliveryRow.processing.not_in(over),
        DeliveryRow.clock.is_not(None),
    )
    for row in session.execute(query.order_by(DeliveryRow.id).execution_options(yield_per=1000)):
        yield row[0], row[1]


def begin_attempts(session: Session, began: Sequence[tuple[str, int, datetime]]) -> None:
    """Record that attempts start, each a delivery with the attempt's number and its moment."""
    rows = [
        {"delivery": delivery, "number": number, "started_at": at, "detail": ""}
        for delivery, number, at in began
    ]
    plain.run(session, _ADD_ATTEMPT, rows)


def end_attempt(session: Session, delivery: str, at: datetime, code: str | None, detail: str = "") -> None:
    """Close the attempt that was started and not yet ended, if there is one."""
    ended = {"of_delivery": delivery, "ended_at": at, "code": code, "detail": detail}
    gathered(session, _END_ATTEMPT, ended)


def move(
    session: Session, row: DeliveryRow, to: Transport, at: datetime, by: str, why: str | None = None
) -> None:
    """Move the transport track, if the table allows it, and append the event.

    Raises:
        ForbiddenMove: the table has no such move.
    """
    was = Transport(row.state)
    row.state = advance(TRANSPORT_MOVES, was, to).value
    row.lock_owner = row.lock_until = None  # a reader's lock ends with the state that it was taken in
    _record(session, row, "transport", was.value, to.value, at, by, why)


def note_moves(
    session: Session, began: Sequence[tuple[str, Transport]], to: Transport, at: datetime, by: str
) -> None:
    """Append the events of deliveries that all move to one state; their rows are written by the caller.

    Args:
        began: each delivery with the state that it was in.

    Raises:
        ForbiddenMove: the table has no such move.
    """
    events = [
        _event(delivery, "transport", was.value, advance(TRANSPORT_MOVES, was, to).value, at, by, None)
        for delivery, was in began
    ]
    plain.run(session, _ADD_EVENT, events)


def begin(session: Session, row: DeliveryRow, at: datetime, by: str, why: str | None = None) -> None:
    """Append the first event of a delivery that succeeds another."""
    _record(session, row, "transport", "", row.state, at, by, why)


def process(
    session: Session, row: DeliveryRow, to: Processing, at: datetime, by: str, why: str | None = None
) -> None:
    """Move the processing track, if the table allows it, and append the event.

    Raises:
        ForbiddenMove: the table has no such move.
    """
    was = Processing(row.processing)
    row.processing = advance(PROCESSING_MOVES, was, to).value
    _record(session, row, "processing", was.value, to.value, at, by, why)


def notice(
    session: Session, row: DeliveryRow, what: Notice, at: datetime, by: str, why: str | None = None
) -> None:
    """Append an event that moves neither track."""
    _record(session, row, "notice", "", what.value, at, by, why)


def _record(
    session: Session,
    row: DeliveryRow,
    track: str,
    was: str,
    now: str,
    at: datetime,
    by: str,
    why: str | None,
) -> None:
    gathered(session, _ADD_EVENT, _event(row.id, track, was, now, at, by, why))


def _event(
    delivery: str, track: str, was: str, now: str, at: datetime, by: str, why: str | None
) -> dict[str, Any]:
    moved = {"track": track, "was": was, "now": now}
    return {"delivery": delivery, **moved, "at": at, "by": by[:_LONGEST_BY], "why": why}


def depth(session: Session) -> dict[str, int]:
    """How many deliveries are in each transport state."""
    query = select(DeliveryRow.state, func.count()).group_by(DeliveryRow.state)
    return {row[0]: row[1] for row in session.execute(query)}
