"""Receipts are filled in, checked and sealed here, for every room that owes one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.domain.errors import Fault
from gateway.domain.evidence.invariants import check
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
from gateway.trust.jws import sign_jws
from gateway.trust.seal import Sealer, sign_xml
from gateway.wire.receipts import carried_json, carry_as, receipt_element

XML = "application/xml"
JWS = "application/jose"
RECEIPT_TYPE = "wasl-receipt+json"
_LONGEST_LINE = 500
_MOST_REASONS = 200
"""As many as a receipt's content model takes."""


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
        digest, content = carried_json(receipt)
        if media_type == XML:
            octets = sign_xml(receipt_element(carry_as(receipt, digest)), sealer, now)
        else:
            octets = sign_jws(content, sealer, RECEIPT_TYPE, now)
        return Sealed(receipt, digest, content, media_type, octets)


def stated(faults: tuple[Fault, ...]) -> tuple[StatedReason, ...]:
    """Faults as the reasons of a receipt."""
    return tuple(
        StatedReason(fault.code, explain(fault, "en")[0][:_LONGEST_LINE], _short(fault.where))
        for fault in faults[:_MOST_REASONS]
    )


def _short(where: str | None) -> str | None:
    return where[:_LONGEST_LINE] if where else None
