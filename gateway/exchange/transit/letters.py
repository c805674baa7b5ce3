"""An accepted letter is put together again from the store, for whoever hands it over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from sqlalchemy.orm import Session

from adapters.contract import Letter
from gateway.domain.errors import Damaged, Gone, Refused
from gateway.domain.evidence.receipt import Addressee, Receipt
from gateway.domain.registry.parties import Office
from gateway.domain.transit.breaker import Breaker
from gateway.domain.transit.call import trace_parent
from gateway.domain.transit.envelope import Attachment, Envelope
from gateway.domain.transit.redirect import lineage
from gateway.domain.transit.retry import RetrySchedule
from gateway.domain.transit.states import IN_SPITE_OF_DOUBT, SENT_ANEW
from gateway.exchange.transit.line import successors
from gateway.store.payloads import PayloadStore
from gateway.store.registry.queries import office_of
from gateway.store.sessions import Store
from gateway.store.transit import queries
from gateway.store.transit.case_queries import Known, known
from gateway.store.transit.models import DeliveryRow, Message, Payload
from gateway.store.transit.route_queries import breaker_of
from gateway.trust.jws import JwsLimits, open_jws
from gateway.trust.xmlgate import XmlLimits, open_xml
from gateway.trust.xmlsig import verify_xml
from gateway.wire.envelopes import read_envelope_json, read_envelope_xml
from gateway.wire.receipts import read_kept_receipt

PURGED = "WASL-RET-001"
_JWS_TYPES = frozenset({"application/jose", "application/jose+json"})


@dataclass(frozen=True)
class Case:
    """One delivery with everything that handing it over, or giving it up, needs to know.

    Attributes:
        breaker: what was known of the office's route.
        resent: a person decided to send again although an earlier attempt may have arrived.
        released: that decision is for the attempt that is due now.
        earlier: deliveries before this one by which the same office may have the letter, while in doubt.
        first: that of them which was sent first, under whose identifier the letter may lie at the office.
    """

    row: DeliveryRow
    message: Message
    acceptance: Receipt
    office: Office | None
    contents: dict[str, Payload]
    root: Payload | None
    breaker: Breaker = Breaker()
    resent: bool = False
    released: bool = False
    earlier: tuple[str, ...] = ()
    first: str | None = None

    @property
    def key(self) -> str:
        """The identifier under which a system that takes one but once would recognise the letter."""
        return self.first or self.row.id

    @property
    def expires_at(self) -> datetime | None:
        """When the delivery's own end comes; None where there is none."""
        return self.row.expires_at if self.row.own_end else self.message.expires_at

    @property
    def addressee(self) -> Addressee:
        """The recipient concerned, and who was addressed instead, as the acceptance says.

        A successor's stands in no acceptance, so that the row is asked.
        """
        row = self.row
        found = Addressee(row.office, row.party, row.office_name, row.id, row.unit, tuple(row.notices))
        for one in self.acceptance.recipients:
            if one.delivery == row.id:
                return replace(found, addressed=one.addressed, addressed_name=one.addressed_name)
        return found


@dataclass(frozen=True)
class Letters:
    """Reads accepted letters back.

    Attributes:
        retry: the schedule of routes, but for what each says itself.
    """

    store: Store
    payloads: PayloadStore
    xml_limits: XmlLimits
    jws_limits: JwsLimits
    retry: RetrySchedule = RetrySchedule()

    def case(self, delivery: str) -> Case:
        """What is known of a delivery, detached from the store.

        Raises:
            LookupError: there is no such delivery.
        """
        return self.cases((delivery,))[delivery]

    def cases(self, deliveries: Collection[str]) -> Mapping[str, Case]:
        """What is known of deliveries, by their identifiers, all in one look."""
        with self.store.read() as session:
            return {name: self._case(session, one) for name, one in known(session, deliveries).items()}

    def _case(self, session: Session, known: Known) -> Case:
        row, message, root, content, office, route = known
        acceptance = read_kept_receipt(content)
        queued = queries.reasons_of_queueing(session, row.id) if row.doubt else []
        earlier = _earlier(session, row) if SENT_ANEW in queued else ()
        return Case(
            row=row,
            message=message,
            acceptance=acceptance,
            office=None if office is None else office_of(office, self.retry),
            contents=queries.attachments(session, message.id) if acceptance.attachments else {},
            root=root,
            breaker=Breaker() if route is None else breaker_of(route),
            resent=not IN_SPITE_OF_DOUBT.isdisjoint(queued),
            released=bool(queued) and queued[-1] in IN_SPITE_OF_DOUBT,
            earlier=earlier,
            first=_first(session, earlier),
        )

    def letter(self, case: Case, office: Office) -> Letter:
        """The letter as an adapter gets it; the envelope read from the octets that were signed.

        Raises:
            Gone: its content was purged; no delivery that could still be handed over comes so far.
            Damaged: content is missing or damaged; found now, it leaves no doubt about what was sent.
            Unavailable: content cannot be read for now.
        """
        original = self.original(case)
        try:
            envelope = self.envelope(original, case.message.media_type)
        except Refused as error:
            raise Damaged(f"the stored envelope is no letter any more: {error}") from error
        opened = self._opener(case)
        for attachment in envelope.attachments:
            opened(attachment).close()
        sender = case.acceptance.sender
        return Letter(
            delivery_id=case.row.id,
            reference=case.message.reference or "",
            accepted_at=case.acceptance.event_time,
            envelope=envelope,
            original=original,
            original_media_type=case.message.media_type,
            sender_name=sender.name if sender is not None else "",
            office=office.id,
            open=opened,
            document_type=office.document_types.get(envelope.document_type or ""),
            possible_duplicate=case.resent,
            trace_parent=trace_parent(case.message.trace, case.row.id),
        )

    def envelope(self, original: bytes, media_type: str) -> Envelope:
        """The content of a stored envelope, from the octets that its signature covers.

        Raises:
            Refused: they are no envelope within today's limits.
        """
        if media_type in _JWS_TYPES:
            return read_envelope_json(open_jws(original, media_type, self.jws_limits).payload)
        return read_envelope_xml(verify_xml(open_xml(original, self.xml_limits)).signed_bytes)

    def original(self, case: Case) -> bytes:
        """The octets of the envelope exactly as they were received.

        Raises:
            Gone: they were purged.
            Damaged: they are missing or damaged.
            Unavailable: they cannot be read for now.
        """
        if case.message.purged_at is not None:
            raise Gone.because(PURGED, time=case.message.purged_at.isoformat())
        if case.root is None or case.root.wrapped_key is None:
            raise Damaged("the letter's content was purged")
        return self.payloads.read_small(case.root.object_id, case.root.wrapped_key, case.root.inline)

    def _opener(self, case: Case) -> Callable[[Attachment], BinaryIO]:
        return lambda attachment: self.content(case, attachment.id)

    def content(self, case: Case, attachment: str) -> BinaryIO:
        """The content of an attachment as a stream; the caller closes it.

        Args:
            attachment: its identifier within the envelope.

        Raises:
            Damaged: it is missing or damaged.
            Unavailable: it cannot be read for now.
        """
        payload = case.contents.get(attachment)
        if payload is None or payload.wrapped_key is None:
            raise Damaged(f"attachment {attachment} was purged")
        return self.payloads.open(payload.object_id, payload.wrapped_key)


def _earlier(session: Session, row: DeliveryRow) -> tuple[str, ...]:
    """The deliveries before a successor, to its own office."""
    known = {one.id: one.office for one in queries.deliveries(session, row.message)}
    line = lineage(row.id, successors(session, row.message))
    return tuple(one for one in line[:-1] if known[one] == row.office)


def _first(session: Session, earlier: tuple[str, ...]) -> str | None:
    """The delivery that those after it were sent anew for, each in doubt about the one before."""
    for name in reversed(earlier):
        if SENT_ANEW not in queries.reasons_of_queueing(session, name):
            return name
    return earlier[0] if earlier else None
