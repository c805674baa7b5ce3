"""What was sent anew is stopped when the recipient acknowledges the delivery before it after all."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from gateway.domain.transit.states import Notice, Transport
from gateway.exchange.transit.line import successors
from gateway.store.transit import queries
from gateway.store.transit.models import DeliveryRow

CAME_LATE = "WASL-DLV-055"
_UNSENT = frozenset({Transport.QUEUED.value, Transport.WAITING.value})
_RESTING = frozenset({Transport.HELD.value, Transport.AVAILABLE.value})


def recall(session: Session, row: DeliveryRow, now: datetime, by: str) -> None:
    """Let the living successor of a delivery end as not needed, unless it is on its way this moment.

    It is only stopped here, in the transaction that records the acknowledgment; the job that ends what is
    held too long gives it up, with its receipt, at its next run.
    """
    last = _last(session, row)
    if last is None or last.state not in _UNSENT | _RESTING:
        return
    if not last.attempts:  # what nobody knew was about the delivery before
        last.doubt = False
    queries.notice(session, last, Notice.RECALLED, now, by, CAME_LATE)
    if last.state in _UNSENT:
        queries.move(session, last, Transport.HELD, now, by, CAME_LATE)
    last.held_code, last.held_until = CAME_LATE, now


def _last(session: Session, row: DeliveryRow) -> DeliveryRow | None:
    """The end of the line behind a delivery, locked; None where nothing succeeds it."""
    line = successors(session, row.message)
    name = row.id
    while name in line:
        name = line[name]
    if name == row.id:
        return None
    return session.get(DeliveryRow, name, with_for_update=True, populate_existing=True)
