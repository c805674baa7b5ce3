"""Look-ups of receipts and their renderings."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store.evidence.models import ReceiptRow, Rendering


def receipts(session: Session, message: int) -> list[ReceiptRow]:
    """All receipts of a message in the order they were made."""
    query = select(ReceiptRow).where(ReceiptRow.message == message).order_by(ReceiptRow.id)
    return list(session.scalars(query))


def first_receipt(session: Session, message: int) -> ReceiptRow:
    """The acceptance, or the rejection, of a message."""
    query = select(ReceiptRow).where(ReceiptRow.message == message, ReceiptRow.delivery.is_(None))
    return session.scalars(query.order_by(ReceiptRow.id).limit(1)).one()


def receipt(session: Session, receipt_id: str) -> ReceiptRow | None:
    query = select(ReceiptRow).where(ReceiptRow.receipt_id == receipt_id)
    return session.scalars(query).first()


def rendering(session: Session, receipt: int, media_type: str, level: str = "B") -> Rendering | None:
    return session.get(Rendering, (receipt, media_type, level))


def renderings(session: Session, receipt: int) -> list[Rendering]:
    query = select(Rendering).where(Rendering.receipt == receipt).order_by(Rendering.media_type)
    return list(session.scalars(query))
