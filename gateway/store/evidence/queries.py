"""Look-ups of receipts and their renderings."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.store.evidence.models import ReceiptRow, Rendering

XML = "application/xml"
JWS = "application/jose"
"""Media types of the renderings that are sealed with the receipt."""


def receipts(session: Session, message: int) -> list[ReceiptRow]:
    """All receipts of a message in the order they were made."""
    query = select(ReceiptRow).where(ReceiptRow.message == message).order_by(ReceiptRow.id)
    return list(session.scalars(query))


def first_receipts(session: Session, messages: Collection[int]) -> Mapping[int, ReceiptRow]:
    """The acceptance, or the rejection, of each of these messages."""
    query = select(ReceiptRow).where(ReceiptRow.message.in_(messages), ReceiptRow.delivery.is_(None))
    return {row.message: row for row in session.scalars(query)}


def first_receipt(session: Session, message: int) -> ReceiptRow:
    """The acceptance, or the rejection, of a message."""
    query = select(ReceiptRow).where(ReceiptRow.message == message, ReceiptRow.delivery.is_(None))
    return session.scalars(query.order_by(ReceiptRow.id).limit(1)).one()


def receipt(session: Session, receipt_id: str) -> ReceiptRow | None:
    query = select(ReceiptRow).where(ReceiptRow.receipt_id == receipt_id)
    return session.scalars(query).first()


def attesting(session: Session, message: int, event: str) -> list[ReceiptRow]:
    """The receipts of a message that attest ``event``, of all its deliveries, in the order they were made."""
    query = select(ReceiptRow).where(ReceiptRow.message == message, ReceiptRow.event == event)
    return list(session.scalars(query.order_by(ReceiptRow.id)))


def receipt_by_digest(session: Session, content_digest: str) -> ReceiptRow:
    """The one receipt with this content."""
    return session.scalars(select(ReceiptRow).where(ReceiptRow.content_digest == content_digest)).one()


def rendering(session: Session, receipt: int, media_type: str, level: str = "B") -> Rendering | None:
    return session.get(Rendering, (receipt, media_type, level))


def first_rendering(session: Session, receipt: int) -> Rendering:
    """The rendering that was sealed together with the receipt.

    Receipts of the first version did not note it: of those, the one in XML, or else the only one.
    """
    return first_renderings(session, [receipt])[receipt]


def first_renderings(session: Session, receipts: Collection[int]) -> dict[int, Rendering]:
    """The same for many receipts, by receipt."""
    query = select(Rendering).join(ReceiptRow, ReceiptRow.id == Rendering.receipt)
    query = query.where(
        Rendering.receipt.in_(receipts), Rendering.level == "B", Rendering.media_type.in_((XML, JWS))
    )
    is_first = Rendering.media_type == func.coalesce(ReceiptRow.media_type, XML)
    return {one.receipt: one for one in session.scalars(query.order_by(is_first))}  # the last one stays


def long_term_of(session: Session, receipts: Collection[int]) -> set[tuple[int, str]]:
    """Which time-stamped renderings there are of receipts, as receipt and media type."""
    query = select(Rendering.receipt, Rendering.media_type)
    query = query.where(Rendering.receipt.in_(receipts), Rendering.level == "T")
    return {(receipt, media_type) for receipt, media_type in session.execute(query)}


def renderings(session: Session, receipt: int) -> list[Rendering]:
    query = select(Rendering).where(Rendering.receipt == receipt).order_by(Rendering.media_type)
    return list(session.scalars(query))
