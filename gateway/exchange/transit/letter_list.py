"""A party's own letters, page after page, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.domain.errors import Refused
from gateway.domain.identifiers import read_reference
from gateway.domain.transit.states import Transport
from gateway.store.sessions import Store
from gateway.store.transit import letter_queries, queries
from gateway.store.transit.models import DeliveryRow, Message

BAD_PARAMETER = "WASL-REQ-010"
MOST = 200
_LOOKED_THROUGH = 5_000
"""Letters that one call looks at for a rare state; the next page goes on behind them."""


@dataclass(frozen=True)
class Wanted:
    """Which letters.

    Attributes:
        state: of one of their deliveries; None: whatever it is.
        since: received then or later.
    """

    state: Transport | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class ListedDelivery:
    """Where one delivery of a listed letter is."""

    id: str
    office: str
    name: str
    state: str
    processing: str


@dataclass(frozen=True)
class Listed:
    """A letter as a list shows it."""

    reference: str
    message_id: str
    state: str
    test: bool
    subject: str
    received_at: datetime
    deliveries: tuple[ListedDelivery, ...]


@dataclass(frozen=True)
class Page:
    """Some letters; ``after`` is where the next page begins, None when there is none."""

    letters: tuple[Listed, ...]
    after: str | None


@dataclass(frozen=True)
class Listing:
    """Lists letters."""

    store: Store

    def page(self, party: str, wanted: Wanted, after: str | None, limit: int) -> Page:
        """The letters of ``party`` that follow ``after``.

        Where few letters are in the state asked for, a page may have fewer than ``limit`` of them and
        yet be followed by another.

        Args:
            after: what a page told, or the reference of any letter of the party's own.
            limit: 1 to `MOST`.

        Raises:
            Refused: ``after`` is no letter that the party sent.
            Unavailable: the database cannot be read now.
        """
        looked_at = limit if wanted.state is None else _LOOKED_THROUGH
        with self.store.read() as session:
            start = None if after is None else _own(session, party, after)
            rows = letter_queries.following(session, party, start, wanted.since, looked_at + 1)
            looked, more = rows[:looked_at], len(rows) > looked_at
            found = looked if wanted.state is None else _in_state(session, looked, wanted.state)
            last = looked[-1:]
            if len(found) > limit:
                found, more = found[:limit], True
                last = found[-1:]
            deliveries = letter_queries.deliveries_of(session, [row.id for row in found])
        letters = tuple(_listed(row, deliveries[row.id]) for row in found)
        return Page(letters, last[0].reference if more else None)


def _own(session: Session, party: str, reference: str) -> Message:
    message = queries.accepted_by_reference(session, read_reference(reference) or "")
    if message is None or message.party != party:
        raise Refused.because(BAD_PARAMETER, "after")
    return message


def _in_state(session: Session, rows: list[Message], state: Transport) -> list[Message]:
    there = letter_queries.having(session, [row.id for row in rows], state.value)
    return [row for row in rows if row.id in there]


def _listed(row: Message, deliveries: list[DeliveryRow]) -> Listed:
    return Listed(
        reference=row.reference or "",
        message_id=row.message_id or "",
        state=row.state,
        test=row.test,
        subject=row.subject,
        received_at=row.received_at,
        deliveries=tuple(
            ListedDelivery(one.id, one.office, one.office_name, one.state, one.processing)
            for one in deliveries
        ),
    )
