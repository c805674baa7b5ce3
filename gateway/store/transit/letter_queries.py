"""A party's own letters: how many, and page after page in the order of their arrival."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Select, bindparam, exists, func, select, tuple_
from sqlalchemy.orm import Session

from gateway.domain.transit.states import MessageState
from gateway.store import plain
from gateway.store.transit.models import DeliveryRow, Message

_ACCEPTED = MessageState.ACCEPTED.value


# Built once: it is asked for with every few letters of a party.
_SINCE = (
    select(Message.id)
    .where(Message.party == bindparam("of_party"), Message.state == _ACCEPTED)
    .where(Message.received_at >= bindparam("since"))
    .limit(bindparam("most"))
)
_COUNT = select(func.count()).select_from(_SINCE.subquery())


def accepted_since(session: Session, party: str, since: datetime, most: int) -> int:
    """How many letters of a party were accepted since then; nobody counts beyond ``most``."""
    [[count]] = plain.found(session, _COUNT, {"of_party": party, "since": since, "most": most})
    return int(count)


def following(
    session: Session, party: str, after: Message | None, since: datetime | None, limit: int
) -> list[Message]:
    """A party's accepted letters behind ``after``, the oldest first."""
    query = _of_party(party).order_by(Message.received_at, Message.id)
    if since is not None:
        query = query.where(Message.received_at >= since)
    if after is not None:
        query = query.where(tuple_(Message.received_at, Message.id) > (after.received_at, after.id))
    return list(session.scalars(query.limit(limit)))


def _of_party(party: str) -> Select[Message]:
    return select(Message).where(Message.party == party, Message.state == _ACCEPTED)


def having(session: Session, messages: Collection[int], state: str) -> set[int]:
    """Those of some letters that have a delivery in this state."""
    here = exists().where(DeliveryRow.message == Message.id, DeliveryRow.state == state)
    return set(session.scalars(select(Message.id).where(Message.id.in_(list(messages)), here)))


def deliveries_of(session: Session, messages: Collection[int]) -> dict[int, list[DeliveryRow]]:
    """The deliveries of several letters, in order."""
    query = select(DeliveryRow).where(DeliveryRow.message.in_(list(messages)))
    found: dict[int, list[DeliveryRow]] = {message: [] for message in messages}
    for row in session.scalars(query.order_by(DeliveryRow.message, DeliveryRow.ordinal)):
        found[row.message].append(row)
    return found
