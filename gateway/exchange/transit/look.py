"""Where a letter is now, for the party that sent it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.errors import NotFound
from gateway.domain.identifiers import read_reference
from gateway.store.sessions import Store
from gateway.store.transit import queries
from gateway.store.transit.models import DeliveryEvent, DeliveryRow, Message

NOT_FOUND = "WASL-REQ-005"


@dataclass(frozen=True)
class Step:
    """One move of a delivery."""

    track: str
    state: str
    at: datetime
    why: str | None


@dataclass(frozen=True)
class DeliveryView:
    """One recipient's delivery as its sender may see it."""

    id: str
    office: str
    name: str
    state: str
    processing: str
    notices: tuple[str, ...]
    register_number: str | None
    target_reference: str | None
    next_attempt: datetime | None
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class LetterView:
    """A letter as its sender may see it; ``request_id``: of the call that brought it."""

    reference: str
    message_id: str
    state: str
    test: bool
    subject: str
    received_at: datetime
    deliveries: tuple[DeliveryView, ...]
    request_id: str | None = None


@dataclass(frozen=True)
class Looking:
    """Answers senders' questions about their letters."""

    store: Store

    def letter(self, reference: str, party: str) -> LetterView:
        """The letter ``reference`` that ``party`` sent.

        Raises:
            NotFound: there is none that this party may see.
        """
        canonical = read_reference(reference)
        with self.store.read() as session:
            message = queries.accepted_by_reference(session, canonical or "")
            if message is None or message.party != party:
                raise NotFound.because(NOT_FOUND)
            deliveries = tuple(
                _delivery(row, queries.events(session, row.id))
                for row in queries.deliveries(session, message.id)
            )
            return _letter(message, deliveries)

    def by_message_id(self, message_id: str, party: str) -> LetterView:
        """The accepted letter of ``party`` with this message id.

        Raises:
            NotFound: there is none.
        """
        with self.store.read() as session:
            message = queries.accepted_by_id(session, party, message_id)
            reference = message.reference if message is not None else ""
        return self.letter(reference, party)


def _letter(message: Message, deliveries: tuple[DeliveryView, ...]) -> LetterView:
    return LetterView(
        reference=message.reference or "",
        message_id=message.message_id or "",
        state=message.state,
        test=message.test,
        subject=message.subject,
        received_at=message.received_at,
        deliveries=deliveries,
        request_id=message.request_id,
    )


def _delivery(row: DeliveryRow, events: list[DeliveryEvent]) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        office=row.office,
        name=row.office_name,
        state=row.state,
        processing=row.processing,
        notices=tuple(row.notices),
        register_number=row.register_number,
        target_reference=row.target_reference,
        next_attempt=row.due_at if row.state == "WAITING" else None,
        steps=tuple(Step(event.track, event.now, event.at, event.why) for event in events),
    )
