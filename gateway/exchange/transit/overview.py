"""What an operator sees of deliveries: which there are, how each came where it is, what may be decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.domain.errors import NotFound
from gateway.domain.transit.repairs import Verb, open_to
from gateway.domain.transit.resend import WRONG_OFFICE
from gateway.domain.transit.states import Notice, Transport
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.line import successors
from gateway.exchange.transit.locks import locked
from gateway.store.evidence import queries as evidence
from gateway.store.sessions import Store
from gateway.store.transit import delivery_queries, news_queries, queries
from gateway.store.transit.delivery_queries import Wanted
from gateway.store.transit.models import DeliveryEvent, DeliveryRow, Message

NOT_FOUND = "WASL-REQ-005"
LONGEST_LIST = 10_000


@dataclass(frozen=True)
class DeliveryLine:
    """A delivery in one line.

    Attributes:
        doubt: the recipient may have it although nobody said so.
        due_at: when it is tried next, of one that is queued or waits.
        until: the deadline of one that is held or lies ready.
        held_code: why it is held, of one that is.
    """

    id: str
    reference: str
    office: str
    name: str
    state: str
    processing: str
    accepted_at: datetime
    doubt: bool
    due_at: datetime | None
    until: datetime | None
    held_code: str | None


@dataclass(frozen=True)
class Event:
    """One move, or something noted without a move; ``why`` is a reason's code."""

    at: datetime
    track: str
    was: str
    now: str
    by: str
    why: str | None


@dataclass(frozen=True)
class Try:
    """One attempt; ``detail`` is what the other side said."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    code: str | None
    detail: str


@dataclass(frozen=True)
class Attested:
    """One receipt of the delivery."""

    id: str
    kind: str
    event: str
    at: datetime
    ends: bool


@dataclass(frozen=True)
class Decided:
    """What an operator decided, in its own words."""

    at: datetime
    verb: str
    by: str
    why: str


@dataclass(frozen=True)
class Unbelieved:
    """What the recipient's system said of the letter last, and was not believed; ``code`` is the reason."""

    at: datetime
    code: str
    said: str
    times: int


@dataclass(frozen=True)
class DeliveryFile:
    """Everything that is kept about one delivery but the letter's content.

    Attributes:
        locked_until: while a reader keeps others off.
        succeeds: the delivery that this one succeeds.
        successor: the delivery that owes the outcome now.
        possible: what an operator may decide now.
        request_id, trace: of the call that brought the letter.
    """

    line: DeliveryLine
    subject: str
    failures: int
    target_reference: str | None
    register_number: str | None
    locked_until: datetime | None
    succeeds: str | None
    successor: str | None
    possible: tuple[Verb, ...]
    events: tuple[Event, ...]
    attempts: tuple[Try, ...]
    receipts: tuple[Attested, ...]
    decisions: tuple[Decided, ...]
    news: Unbelieved | None = None
    request_id: str | None = None
    trace: str | None = None


@dataclass(frozen=True)
class Overview:
    """Answers operators' questions about deliveries."""

    store: Store
    ambient: Ambient

    def list(self, wanted: Wanted, limit: int = 100) -> tuple[DeliveryLine, ...]:
        """Deliveries, oldest first; at most ``limit``, which is at most 10,000."""
        with self.store.read() as session:
            found = delivery_queries.listed(session, wanted, min(limit, LONGEST_LIST))
        return tuple(_line(row, message) for row, message in found)

    def show(self, delivery: str) -> DeliveryFile:
        """One delivery.

        Raises:
            NotFound: there is none of this identifier.
        """
        now = self.ambient.now()
        with self.store.read() as session:
            row = session.get(DeliveryRow, delivery)
            if row is None:
                raise NotFound.because(NOT_FOUND)
            return _file(session, row, session.get_one(Message, row.message), now)


def _line(row: DeliveryRow, message: Message) -> DeliveryLine:
    queued = row.state in (Transport.QUEUED.value, Transport.WAITING.value)
    rests = row.state in (Transport.HELD.value, Transport.AVAILABLE.value)
    return DeliveryLine(
        id=row.id,
        reference=message.reference or "",
        office=row.office,
        name=row.office_name,
        state=row.state,
        processing=row.processing,
        accepted_at=row.accepted_at,
        doubt=row.doubt,
        due_at=row.due_at if queued else None,
        until=row.held_until if rests else None,
        held_code=row.held_code if row.state == Transport.HELD.value else None,
    )


def _file(session: Session, row: DeliveryRow, message: Message, now: datetime) -> DeliveryFile:
    receipts = [one for one in evidence.receipts(session, message.id) if one.delivery == row.id]
    events, line = queries.events(session, row.id), successors(session, message.id)
    return DeliveryFile(
        line=_line(row, message),
        subject=message.subject,
        failures=row.failures,
        target_reference=row.target_reference,
        register_number=row.register_number,
        locked_until=row.lock_until if locked(row, now) else None,
        succeeds=next((before for before, after in line.items() if after == row.id), None),
        successor=line.get(row.id),
        possible=open_to(
            Transport(row.state), row.doubt, row.held_code, final=row.id in line or _final(events)
        ),
        events=tuple(Event(one.at, one.track, one.was, one.now, one.by, one.why) for one in events),
        attempts=tuple(
            Try(one.number, one.started_at, one.ended_at, one.code, one.detail)
            for one in queries.attempts(session, row.id)
        ),
        receipts=tuple(
            Attested(one.receipt_id, one.kind, one.event, one.event_time, one.outcome) for one in receipts
        ),
        decisions=tuple(
            Decided(one.at, one.verb, one.by, one.why) for one in delivery_queries.decisions(session, row.id)
        ),
        news=_unbelieved(session, row),
        request_id=message.request_id,
        trace=message.trace,
    )


def _unbelieved(session: Session, row: DeliveryRow) -> Unbelieved | None:
    found = news_queries.trouble_of(session, row.office, row.id)
    return None if found is None else Unbelieved(found.at, found.code, found.said, found.times)


def _final(events: Sequence[DeliveryEvent]) -> bool:
    """Whether the recipient has the letter after all, or refused the letter itself."""
    late = any(one.now == Notice.LATE_HANDOVER.value for one in events)
    refused = any(one.now == Transport.REFUSED.value and one.why not in WRONG_OFFICE for one in events)
    return late or refused
