"""What an office's inbox shows of a letter before anybody opens it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.exchange.transit.locks import locked
from gateway.store.evidence import queries as evidence
from gateway.store.evidence.models import ReceiptRow
from gateway.store.transit import delivery_queries
from gateway.store.transit.models import DeliveryRow, Message
from gateway.wire.receipts import read_kept_receipt

LONGEST_PAGE = 100


@dataclass(frozen=True)
class Entry:
    """A letter that lies ready.

    Attributes:
        octets: of all attachments.
        expires_at: when the sender's own end comes, if it gave one.
        locked_until: while a reader keeps the others off.
    """

    delivery: str
    reference: str
    sender: str
    sender_name: str
    subject: str
    document_type: str | None
    test: bool
    unit: str | None
    accepted_at: datetime
    expires_at: datetime | None
    attachments: int
    octets: int
    locked_until: datetime | None


def entries(
    session: Session, office: str, party: str, after: str | None, limit: int, now: datetime
) -> tuple[Entry, ...]:
    """A page of what lies ready for a party's office.

    Args:
        limit: 1 to 100; what is beyond is cut to that.
    """
    page = min(max(limit, 1), LONGEST_PAGE)
    found = delivery_queries.lying(session, office, party, after, page)
    first = evidence.first_receipts(session, {message.id for _, message in found})
    return tuple(_entry(first[message.id], row, message, now) for row, message in found)


def _entry(first: ReceiptRow, row: DeliveryRow, message: Message, now: datetime) -> Entry:
    acceptance = read_kept_receipt(first.content)
    sender = acceptance.sender
    return Entry(
        delivery=row.id,
        reference=message.reference or "",
        sender=message.party,
        sender_name=sender.name if sender is not None else "",
        subject=message.subject,
        document_type=message.document_type,
        test=message.test,
        unit=row.unit,
        accepted_at=row.accepted_at,
        expires_at=row.expires_at if row.own_end else message.expires_at,
        attachments=len(acceptance.attachments),
        octets=sum(one.size for one in acceptance.attachments),
        locked_until=row.lock_until if locked(row, now) else None,
    )
