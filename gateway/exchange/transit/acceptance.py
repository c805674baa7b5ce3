"""What is promised when a letter is accepted: the receipt's content and the rows that keep it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from gateway.domain.evidence.receipt import (
    Addressee,
    AttachmentDigest,
    Authentication,
    Event,
    Octets,
    Receipt,
    ReceiptKind,
    Represented,
    Signer,
    Submitter,
)
from gateway.domain.evidence.timelimit import Clock, TimeLimits, clock_for, stated_limit
from gateway.domain.identifiers import new_reference, uuid7
from gateway.domain.transit.envelope import Envelope
from gateway.domain.transit.persons import Person
from gateway.domain.transit.routing import Destination
from gateway.domain.transit.states import MessageState, Transport
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.issue import Issuing, Sealed
from gateway.exchange.evidence.owed import Owed, store
from gateway.exchange.registry.names import name_in
from gateway.exchange.transit.contents import Contents
from gateway.exchange.transit.decisions import decision_record
from gateway.exchange.transit.judge import Authenticated, Routed
from gateway.exchange.transit.received import check_complete
from gateway.exchange.transit.submission import Submission
from gateway.store import plain
from gateway.store.payloads import StoredPayload
from gateway.store.rows import table
from gateway.store.transit.clocks import clock_to_json
from gateway.store.transit.models import (
    AttachmentRow,
    DeliveryEvent,
    DeliveryRow,
    Message,
    Payload,
)
from gateway.store.transit.upload_queries import share

# Built once: building a statement takes longer than its execution.
_PAYLOADS, _MESSAGES, _ATTACHMENTS, _DELIVERIES, _EVENTS = (
    insert(table(model)) for model in (Payload, Message, AttachmentRow, DeliveryRow, DeliveryEvent)
)


@dataclass(frozen=True)
class Promise:
    """An acceptance ready to be committed."""

    sealed: Sealed
    deliveries: tuple[tuple[str, Destination], ...]
    routed: Routed
    clock: Clock

    @property
    def at(self) -> datetime:
        """When the letter was accepted."""
        return self.sealed.receipt.event_time


def promise(
    routed: Routed,
    submission: Submission,
    issuing: Issuing,
    ambient: Ambient,
    languages: tuple[str, ...],
    limits: TimeLimits,
) -> Promise:
    """Build and seal the acceptance; nothing is stored yet.

    Raises:
        Unavailable: the seal cannot be used now.
    """
    at = ambient.now()
    deliveries = tuple((uuid7(ambient.random_bytes, _milliseconds(at)), to) for to in routed.destinations)
    clock = limits.begin(routed.envelope, routed.authenticated.received_at)
    receipt = issuing.make(
        ReceiptKind.ACCEPTANCE,
        Event.SUBMISSION_ACCEPTANCE,
        at,
        reference=new_reference(ambient.random_bytes),
        directory_version=routed.directory_version,
        recipients=tuple(addressee(to, languages, delivery) for delivery, to in deliveries),
        time_limit=stated_limit(clock),
        **about_submission(routed.authenticated, submission, languages),
        **about_envelope(routed.envelope),
    )
    return Promise(issuing.seal(receipt, submission.sealed_type), deliveries, routed, clock)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def about_submission(
    authenticated: Authenticated, submission: Submission, languages: tuple[str, ...]
) -> dict[str, object]:
    """What a receipt states about the octets received and their signer."""
    judged = authenticated.judged
    party = judged.signer.party
    return {
        "authenticated_by": Authentication.OWN_SIGNATURE,
        "submitted_at": authenticated.received_at,
        "sender": Submitter(party.id, name_in(party.names, languages)),
        "signer": Signer(
            judged.signer.certificate_digest,
            judged.level,
            judged.verdict.indication,
            judged.verdict.sub,
            judged.claimed_time,
        ),
        "received": Octets(sha256(submission.root).hexdigest(), submission.media_type, len(submission.root)),
    }


def about_envelope(envelope: Envelope) -> dict[str, object]:
    """What a receipt states about a letter that could be read."""
    behalf = envelope.sender.on_behalf_of
    return {
        "test": envelope.test,
        "message_id": envelope.message_id,
        "subject": envelope.subject,
        "on_behalf_of": None if behalf is None else _represented(behalf),
        "attachments": tuple(
            AttachmentDigest(a.id, a.name, a.media_type, a.size, a.sha256) for a in envelope.attachments
        ),
    }


def _represented(person: Person) -> Represented:
    identification = person.identification
    # a citizen's identifiers are personal data that the evidence does not need
    identifiers = () if person.kind.value == "citizen" else person.identifiers
    return Represented(
        person.kind,
        person.name,
        identification.assurance,
        identification.identified_by,
        identification.method,
        identifiers,
    )


def addressee(to: Destination, languages: tuple[str, ...], delivery: str | None) -> Addressee:
    led = to.addressed if to.addressed.id != to.office.id else None
    return Addressee(
        office=to.office.id,
        party=to.party.id,
        name=name_in(to.office.names, languages),
        delivery=delivery,
        unit=to.recipient.unit,
        notices=to.notices,
        addressed=None if led is None else led.id,
        addressed_name=None if led is None else name_in(led.names, languages),
    )


@dataclass(eq=False)
class Accepting:
    """An acceptance on its way into the store.

    Attributes:
        written: all of it stands in a transaction, whatever becomes of that.
    """

    promised: Promise
    submission: Submission
    contents: Contents
    written: bool = False


def keep(session: Session, all_of: Sequence[Accepting]) -> list[Exception | None]:
    """Add everything that acceptances promise to the open transaction.

    Raises:
        Refused: a content that was uploaded before has just been forgotten.
        IntegrityError: one of the letters was accepted before.
    """
    for one in all_of:
        _share(session, one)
    # in one order: two processes with the same letters do not wait for each other
    _insert(session, sorted(all_of, key=lambda one: one.promised.routed.envelope.message_id))
    for one in all_of:
        one.written = True
    return [None] * len(all_of)


def _insert(session: Session, kept: Sequence[Accepting]) -> None:
    stored = [(payload, one.promised.at) for one in kept for payload in one.contents.written]
    plain.run(session, _PAYLOADS, [_payload(payload, at) for payload, at in stored])
    numbers = plain.inserted(session, _MESSAGES, [_message(one) for one in kept])
    messages = list(zip(numbers, kept, strict=True))
    attached = [
        {"message": message, "attachment_id": attachment_id, "payload": object_id}
        for message, one in messages
        for attachment_id, object_id in one.contents.objects.items()
    ]
    if attached:
        plain.run(session, _ATTACHMENTS, attached)
    deliveries = [
        _delivery(one.promised, message, ordinal, delivery_id, to)
        for message, one in messages
        for ordinal, (delivery_id, to) in enumerate(one.promised.deliveries)
    ]
    plain.run(session, _DELIVERIES, deliveries)
    plain.run(session, _EVENTS, [_first_event(one) for one in deliveries])
    store(session, [Owed(one.promised.sealed, message) for message, one in messages])


def _share(session: Session, accepting: Accepting) -> None:
    """Let the letter own what its sender uploaded before, as long as the upload does and beyond."""
    contents = accepting.contents
    gone = share(session, contents.shared.values()) if contents.shared else []
    if gone:
        there = {name for name, one in contents.objects.items() if one not in gone}
        check_complete(accepting.promised.routed.envelope, there)


def _message(accepting: Accepting) -> dict[str, Any]:
    promised, submission, contents = accepting.promised, accepting.submission, accepting.contents
    receipt, envelope = promised.sealed.receipt, promised.routed.envelope
    authenticated = promised.routed.authenticated
    return {
        "state": MessageState.ACCEPTED.value,
        "reference": receipt.reference,
        "party": authenticated.judged.signer.party.id,
        "message_id": envelope.message_id,
        "root_digest": sha256(submission.root).hexdigest(),
        "content_digest": authenticated.signed.content_digest,
        "media_type": submission.media_type,
        "received_at": authenticated.received_at,
        "envelope": contents.root.object_id if contents.root else None,
        "test": envelope.test,
        "lane": envelope.lane.value,
        "not_before": envelope.not_before,
        "expires_at": envelope.expires_at,
        "subject": envelope.subject,
        "document_type": envelope.document_type,
        "procedure": envelope.procedure,
        "request_id": submission.call and submission.call.request_id,
        "trace": submission.call and submission.call.followed,
    }


def _payload(payload: StoredPayload, at: datetime) -> dict[str, Any]:
    return {
        "object_id": payload.object_id,
        "wrapped_key": payload.wrapped_key,
        "sha256": payload.sha256,
        "size": payload.size,
        "inline": payload.inline,
        "owners": 1,
        "created_at": at,
    }


def _delivery(
    promised: Promise, message: int, ordinal: int, delivery_id: str, to: Destination
) -> dict[str, Any]:
    receipt: Receipt = promised.sealed.receipt
    return {
        "id": delivery_id,
        "message": message,
        "ordinal": ordinal,
        "office": to.office.id,
        "party": to.party.id,
        "office_name": receipt.recipients[ordinal].name,
        "unit": to.recipient.unit,
        "notices": list(to.notices),
        "lane": promised.routed.envelope.lane.value,
        "due_at": promised.routed.envelope.not_before or receipt.event_time,
        "expires_at": promised.routed.envelope.expires_at,
        "own_end": True,
        "accepted_at": receipt.event_time,
        "routing": None if to.decision is None else decision_record(to.decision, receipt.directory_version),
        "clock": clock_to_json(clock_for(promised.clock, to.recipient.role)),
        "chain_digest": promised.sealed.digest,
        "chain_time": receipt.event_time,
    }


def _first_event(delivery: dict[str, Any]) -> dict[str, Any]:
    return {
        "delivery": delivery["id"],
        "track": "transport",
        "was": "",
        "now": Transport.QUEUED.value,
        "at": delivery["accepted_at"],
        "by": "intake",
        "why": None,
    }
