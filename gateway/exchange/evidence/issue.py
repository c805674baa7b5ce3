"""Receipts are filled in, checked, sealed and stored here, for every room that owes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert
from sqlalchemy.orm import Session

from gateway.domain.errors import Fault
from gateway.domain.evidence.invariants import check
from gateway.domain.evidence.ledger import receipt_entry
from gateway.domain.evidence.reasons import explain
from gateway.domain.evidence.receipt import (
    Event,
    Issuer,
    Receipt,
    ReceiptKind,
    StatedReason,
)
from gateway.domain.identifiers import uuid7
from gateway.exchange.clock import Ambient
from gateway.store.evidence.ledger_models import PendingEntry
from gateway.store.evidence.models import ReceiptRow, Rendering
from gateway.store.rows import inserted_ids, table
from gateway.trust.jws import sign_jws
from gateway.trust.seal import Sealer, sign_xml
from gateway.wire.receipts import carried_json, receipt_element

XML = "application/xml"
JWS = "application/jose"
RECEIPT_TYPE = "wasl-receipt+json"
_LONGEST_LINE = 500
_MOST_REASONS = 200
"""As many as a receipt's content model takes."""
_RECEIPTS, _RENDERINGS, _PENDING = (insert(table(one)) for one in (ReceiptRow, Rendering, PendingEntry))


@dataclass(frozen=True)
class Sealed:
    """A receipt with its digest, its canonical content, and one sealed rendering."""

    receipt: Receipt
    digest: str
    content: bytes
    media_type: str
    octets: bytes


@dataclass(frozen=True)
class Seals:
    """The seal for real letters and the one for tests."""

    real: Sealer
    test: Sealer

    def choose(self, test: bool) -> Sealer:
        return self.test if test else self.real


@dataclass(frozen=True)
class Ledgers:
    """The names of the ledger for real letters and of the one for tests."""

    real: str
    test: str

    def choose(self, test: bool) -> str:
        return self.test if test else self.real


@dataclass(frozen=True)
class Issuing:
    """Makes receipts of this hub.

    Attributes:
        policy: URI of the evidence policy.
        ledgers: the ledgers that will record them.
    """

    issuer: Issuer
    policy: str
    zone: ZoneInfo
    seals: Seals
    ambient: Ambient
    ledgers: Ledgers

    def make(self, kind: ReceiptKind, event: Event, at: datetime, **content: Any) -> Receipt:
        """A receipt with everything that all receipts state, and ``content``.

        Raises:
            BrokenReceipt: it breaks an invariant.
        """
        return check(
            Receipt(
                version="1.0",
                receipt_id=uuid7(self.ambient.random_bytes, int(at.timestamp() * 1000)),
                kind=kind,
                event=event,
                event_time=at,
                local_time=at.astimezone(self.zone),
                issuer=self.issuer,
                policy=self.policy,
                nonce=self.ambient.random_bytes(16).hex(),
                ledger_origin=self.ledgers.choose(bool(content.get("test"))),
                **content,
            )
        )

    def seal(self, receipt: Receipt, media_type: str) -> Sealed:
        """The receipt with one sealed rendering.

        Raises:
            Unavailable: the seal cannot be used now.
        """
        sealer = self.seals.choose(receipt.test)
        # a clock that was set back must not let a seal be older than what it seals
        now = max(self.ambient.now(), receipt.event_time)
        carried, content = carried_json(receipt)
        if media_type == XML:
            octets = sign_xml(receipt_element(carried), sealer, now)
        else:
            octets = sign_jws(content, sealer, RECEIPT_TYPE, now)
        return Sealed(receipt, carried.content_digest, content, media_type, octets)


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
    numbers = inserted_ids(session, _RECEIPTS, [_row(one) for one in receipts])
    made = [(number, one.sealed) for number, one in zip(numbers, receipts, strict=True)]
    session.execute(_RENDERINGS, [_rendering(number, sealed) for number, sealed in made])
    session.execute(_PENDING, [_entry(number, sealed) for number, sealed in made])


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


def stated(faults: tuple[Fault, ...]) -> tuple[StatedReason, ...]:
    """Faults as the reasons of a receipt."""
    return tuple(
        StatedReason(fault.code, explain(fault, "en")[0][:_LONGEST_LINE], _short(fault.where))
        for fault in faults[:_MOST_REASONS]
    )


def _short(where: str | None) -> str | None:
    return where[:_LONGEST_LINE] if where else None
