"""Receipts are found here, in the rendering asked for; a rendering not yet made is sealed once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.domain.errors import NotFound
from gateway.domain.identifiers import read_reference
from gateway.exchange.evidence.issue import Issuing
from gateway.store.evidence import queries
from gateway.store.evidence.models import ReceiptRow, Rendering
from gateway.store.sessions import Store
from gateway.store.transit import queries as transit
from gateway.store.transit.models import Message
from gateway.wire.receipts import read_receipt_json

NOT_FOUND = "WASL-REQ-005"


@dataclass(frozen=True)
class ReceiptSummary:
    """A receipt as lists show it."""

    receipt_id: str
    kind: str
    event: str
    event_time: datetime
    delivery: str | None
    content_digest: str


@dataclass(frozen=True)
class Receipts:
    """Finds receipts for those who may see them."""

    store: Store
    issuing: Issuing

    def all_of(self, reference: str, party: str) -> list[ReceiptSummary]:
        """Every receipt of a letter that ``party`` sent.

        Raises:
            NotFound: no such letter of that party.
        """
        with self.store.read() as session:
            message = _letter(session, reference, party)
            return [_summary(row) for row in queries.receipts(session, message.id)]

    def one(self, reference: str, receipt_id: str, media_type: str, party: str) -> bytes:
        """One receipt of a letter that ``party`` sent, in the rendering asked for.

        Raises:
            NotFound: no such receipt for that party.
            Unavailable: the rendering must still be made and the seal is out.
        """
        with self.store.read() as session:
            message = _letter(session, reference, party)
            row = queries.receipt(session, receipt_id)
            if row is None or row.message != message.id:
                raise NotFound.because(NOT_FOUND)
            receipt = row.id
        return self.rendering(receipt, media_type)

    def rendering(self, receipt: int, media_type: str) -> bytes:
        """The stored rendering; made, sealed and stored first if it does not exist yet."""
        with self.store.read() as session:
            found = queries.rendering(session, receipt, media_type)
            row = session.get_one(ReceiptRow, receipt)
            if found is not None:
                return found.octets
        return self._render(row, media_type)

    def _render(self, row: ReceiptRow, media_type: str) -> bytes:
        sealed = self.issuing.seal(read_receipt_json(row.content), media_type)
        try:
            with self.store.write() as session:
                first = queries.rendering(session, row.id, media_type)
                if first is not None:  # another request was quicker: the first stored one wins
                    return first.octets
                session.add(Rendering(receipt=row.id, media_type=media_type, octets=sealed.octets))
        except IntegrityError:  # quicker still, where writers do not wait for each other
            return self.rendering(row.id, media_type)
        return sealed.octets


def _letter(session: Session, reference: str, party: str) -> Message:
    """The accepted letter of ``party``, its reference written as people write it.

    Raises:
        NotFound: there is none that this party may see.
    """
    message = transit.accepted_by_reference(session, read_reference(reference) or "")
    if message is None or message.party != party:
        raise NotFound.because(NOT_FOUND)
    return message


def _summary(row: ReceiptRow) -> ReceiptSummary:
    return ReceiptSummary(
        row.receipt_id, row.kind, row.event, row.event_time, row.delivery, row.content_digest
    )
