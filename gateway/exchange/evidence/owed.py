"""Sealed receipts on their way into the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from gateway.domain.evidence.ledger import receipt_entry
from gateway.exchange.evidence.issue import Sealed
from gateway.store import plain
from gateway.store.evidence.ledger_models import PendingEntry
from gateway.store.evidence.models import ReceiptRow, Rendering
from gateway.store.rows import table

_RECEIPTS, _RENDERINGS, _PENDING = (insert(table(one)) for one in (ReceiptRow, Rendering, PendingEntry))


@dataclass(frozen=True)
class Owed:
    """A sealed receipt on its way into the store.

    Attributes:
        message: row number of the message.
        delivery: that it concerns; None for the message as a whole.
        outcome: it is the one outcome of the delivery.
    """

    sealed: Sealed
    message: int
    delivery: str | None = None
    outcome: bool = False


def store(session: Session, receipts: Sequence[Owed]) -> None:
    """Add sealed receipts, and their entries for the ledger, to the open transaction, in their order."""
    if not receipts:
        return
    numbers = plain.inserted(session, _RECEIPTS, [_row(one) for one in receipts])
    made = [(number, one.sealed) for number, one in zip(numbers, receipts, strict=True)]
    plain.run(session, _RENDERINGS, [_rendering(number, sealed) for number, sealed in made])
    plain.run(session, _PENDING, [_entry(number, sealed) for number, sealed in made])


def _row(owed: Owed) -> dict[str, Any]:
    sealed, receipt = owed.sealed, owed.sealed.receipt
    return {
        "receipt_id": receipt.receipt_id,
        "message": owed.message,
        "delivery": owed.delivery,
        "kind": receipt.kind.value,
        "event": receipt.event.value,
        "event_time": receipt.event_time,
        "content": sealed.content,
        "content_digest": sealed.digest,
        "predecessor": receipt.predecessor,
        "outcome": owed.outcome,
        "media_type": sealed.media_type,
    }


def _rendering(number: int, sealed: Sealed) -> dict[str, Any]:
    return {"receipt": number, "media_type": sealed.media_type, "octets": sealed.octets}


def _entry(number: int, sealed: Sealed) -> dict[str, Any]:
    receipt = sealed.receipt
    return {
        "test": receipt.test,
        "octets": receipt_entry(receipt, sealed.digest),
        "receipt": number,
        "since": receipt.event_time,
    }
