"""What belongs to a range of letters, as plain tuples in one order, for those who compare it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, not_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from gateway.store.evidence.ledger_models import PendingEntry
from gateway.store.evidence.models import ReceiptRow, Rendering
from gateway.store.evidence.retention_models import PurgeRow
from gateway.store.transit.models import (
    AttachmentRow,
    DeliveryEvent,
    DeliveryRow,
    Message,
    Payload,
)

_AT_ONCE = 100


@dataclass(frozen=True)
class Span:
    """The letters from one row number to another, both included; no end: all that follow.

    What belongs to a letter that is not there any more falls into a span like the rest.
    """

    first: int
    last: int | None

    def of(self, column: InstrumentedAttribute[int]) -> ColumnElement[bool]:
        """Whether a column's letter lies in the span."""
        return column >= self.first if self.last is None else column.between(self.first, self.last)


@dataclass(frozen=True)
class StoredReceipt:
    """A receipt's row."""

    id: int
    receipt_id: str
    message: int
    delivery: str | None
    kind: str
    event: str
    event_time: datetime
    content: bytes
    content_digest: str
    predecessor: str | None
    outcome: bool


@dataclass(frozen=True)
class StoredContent:
    """A letter's envelope (no attachment id) or attachment, and where it lies; no object: the row is gone."""

    message: int
    attachment_id: str | None
    object_id: str
    found: bool
    wrapped_key: bytes | None
    inline: bool
    sha256: str
    size: int


@dataclass(frozen=True)
class StoredPurge:
    """A purge's record."""

    message: int
    at: datetime
    record: bytes
    record_digest: str


@dataclass(frozen=True)
class StoredRendering:
    """One sealed rendering and the receipt that it must be of."""

    receipt_id: str
    content_digest: str
    media_type: str
    level: str
    octets: bytes


def letter_ids(session: Session, after: int, limit: int) -> list[int]:
    """The row numbers of the letters that follow ``after``."""
    query = select(Message.id).where(Message.id > after).order_by(Message.id)
    return list(session.scalars(query.limit(limit)))


def letters(session: Session, span: Span) -> list[Message]:
    return list(session.scalars(select(Message).where(span.of(Message.id)).order_by(Message.id)))


def receipts(session: Session, span: Span) -> Iterator[StoredReceipt]:
    """Receipts of the span's letters in the order they were made, a few in memory at a time."""
    row = ReceiptRow
    query = select(
        row.id, row.receipt_id, row.message, row.delivery, row.kind, row.event, row.event_time,
        row.content, row.content_digest, row.predecessor, row.outcome,
    )  # fmt: skip
    for found in _streamed(session, query.where(span.of(row.message)).order_by(row.message, row.id)):
        yield StoredReceipt(*found)


def deliveries(session: Session, span: Span) -> list[DeliveryRow]:
    query = select(DeliveryRow).where(span.of(DeliveryRow.message))
    return list(session.scalars(query.order_by(DeliveryRow.message, DeliveryRow.ordinal)))


def transport_moves(session: Session, span: Span) -> Iterator[tuple[str, str, str]]:
    """Each move of a delivery's transport track in its order: delivery, state before, state after."""
    query = (
        select(DeliveryEvent.delivery, DeliveryEvent.was, DeliveryEvent.now)
        .join(DeliveryRow, DeliveryRow.id == DeliveryEvent.delivery)
        .where(span.of(DeliveryRow.message), DeliveryEvent.track == "transport")
    )
    for row in _streamed(session, query.order_by(DeliveryEvent.id)):
        yield row[0], row[1], row[2]


def contents(session: Session, span: Span) -> Iterator[StoredContent]:
    """Where the envelopes and attachments of the span's letters lie."""
    held = (Payload.object_id, Payload.wrapped_key, Payload.inline.is_not(None), Payload.sha256, Payload.size)
    roots = (
        select(Message.id, Message.envelope, *held)
        .outerjoin(Payload, Payload.object_id == Message.envelope)
        .where(span.of(Message.id), Message.envelope.is_not(None))
    )
    for row in _streamed(session, roots):
        yield _content(row[0], None, row[1], row[2:])
    attached = (
        select(AttachmentRow.message, AttachmentRow.attachment_id, AttachmentRow.payload, *held)
        .outerjoin(Payload, Payload.object_id == AttachmentRow.payload)
        .where(span.of(AttachmentRow.message))
    )
    for row in _streamed(session, attached):
        yield _content(row[0], row[1], row[2], row[3:])


def _content(message: int, attachment_id: str | None, object_id: str, held: Any) -> StoredContent:
    found, wrapped_key, inline, digest, size = held
    there = found is not None
    return StoredContent(
        message, attachment_id, object_id, there, wrapped_key, bool(inline), digest or "", size or 0
    )


def purges(session: Session, span: Span) -> Iterator[StoredPurge]:
    """Purges of the span's letters."""
    query = select(PurgeRow.message, PurgeRow.at, PurgeRow.record, PurgeRow.record_digest)
    for row in _streamed(session, query.where(span.of(PurgeRow.message))):
        yield StoredPurge(*row)


def renderings(session: Session, span: Span, every: int, turn: int) -> Iterator[StoredRendering]:
    """Renderings of every so-many-th receipt; ``turn`` (from 0) says of which ones."""
    query = (
        select(
            ReceiptRow.receipt_id,
            ReceiptRow.content_digest,
            Rendering.media_type,
            Rendering.level,
            Rendering.octets,
        )
        .join(ReceiptRow, ReceiptRow.id == Rendering.receipt)
        .where(span.of(ReceiptRow.message), ReceiptRow.id % every == turn)
    )
    for row in _streamed(session, query):
        yield StoredRendering(*row)


def unsealed(session: Session, span: Span) -> Iterator[str]:
    """Receipts that have no rendering at all."""
    rendered = exists().where(Rendering.receipt == ReceiptRow.id)
    query = select(ReceiptRow.receipt_id).where(span.of(ReceiptRow.message), not_(rendered))
    for row in _streamed(session, query):
        yield row[0]


def waiting(session: Session, before: datetime) -> Iterator[tuple[str | None, datetime]]:
    """Entries that have waited for their place in a ledger since before a moment, with their receipt."""
    query = select(ReceiptRow.receipt_id, PendingEntry.since).select_from(PendingEntry)
    query = query.outerjoin(ReceiptRow, ReceiptRow.id == PendingEntry.receipt)
    for row in _streamed(session, query.where(PendingEntry.since < before)):
        yield row[0], row[1]


def with_row(session: Session, object_ids: Sequence[str]) -> set[str]:
    """Those objects that the database knows, purged ones too."""
    return set(session.scalars(select(Payload.object_id).where(Payload.object_id.in_(object_ids))))


def _streamed(session: Session, query: Select[*tuple[Any, ...]]) -> Iterator[Any]:
    yield from session.execute(query.execution_options(yield_per=_AT_ONCE))
