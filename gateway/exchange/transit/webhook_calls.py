"""One call to a webhook: an event, signed with the hub's seal, to an address that is judged each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from adapters.contract import Http
from gateway.domain.errors import DeliveryError, Refused, Temporary
from gateway.domain.transit.webhook import EVENT_TYP, Occurrence, trouble_of
from gateway.exchange.evidence.issue import Issuing
from gateway.exchange.transit.feed import cursor_after
from gateway.store.evidence.feed_queries import Told
from gateway.trust.jws import COMPACT, sign_jws
from gateway.wire.canonical import canonical_json

NOT_CALLED = "WASL-WHK-001"
NO_ANSWER = "WASL-WHK-005"
_NOT_ALLOWED = "WASL-DLV-006"


class JudgingHttp(Http, Protocol):
    """The guarded way out, which can be asked about an address beforehand."""

    def check(self, url: str) -> None:
        """Raises:
        DeliveryError: the address would not be called now.
        """


@dataclass(frozen=True)
class Said:
    """What an address said to one event.

    Attributes:
        status: of its answer; None when there was none.
        error: why it does not count as taken; None when it does.
    """

    status: int | None
    error: DeliveryError | None


@dataclass(frozen=True)
class WebhookCalls:
    """Signs events and sends them.

    Attributes:
        public_url: the hub's own address, which receipts are fetched from.
    """

    http: JudgingHttp
    issuing: Issuing
    public_url: str

    def check(self, url: str) -> None:
        """Judge an address that a party names.

        Raises:
            Refused: the hub does not call it. Why is not told: what lies inside is nobody's business.
        """
        try:
            self.http.check(url)
        except DeliveryError as error:
            raise Refused.because(NOT_CALLED, "url") from error

    def call(self, url: str, subscription: str, occurrence: Occurrence) -> Said:
        """Send one event.

        Raises:
            Unavailable: the seal is out; nothing was sent.
        """
        sealer, now = self.issuing.seals.choose(occurrence.test), self.issuing.ambient.now()
        payload = canonical_json(dict(occurrence.members(self.issuing.issuer.hub, subscription)))
        signed = sign_jws(payload, sealer, EVENT_TYP, now)
        headers = {"Content-Type": COMPACT, "Idempotency-Key": occurrence.id}
        try:
            answer = self.http.request("POST", url, headers=headers, body=signed)
        except DeliveryError as error:
            return Said(None, _of_address(error))
        wait = answer.headers.get("retry-after", "")
        return Said(answer.status, trouble_of(answer.status, wait, self.issuing.ambient.now()))

    def occurrence(self, party: str, told: Told) -> Occurrence:
        """The event of one receipt of a party's feed."""
        receipt = told.receipt
        path = f"/api/v1/envelopes/{told.reference}/receipts/{receipt.receipt_id}"
        return Occurrence(
            id=receipt.receipt_id,
            kind=receipt.kind,
            time=receipt.event_time,
            test=told.test,
            event=receipt.event,
            cursor=cursor_after(party, receipt),
            reference=told.reference,
            message_id=told.message_id,
            delivery=receipt.delivery,
            content_digest=receipt.content_digest,
            address=None if told.reference is None else self.public_url + path,
        )


def _of_address(error: DeliveryError) -> Temporary:
    """The same trouble in a webhook's words; where a name leads that is not called is nobody's business."""
    if error.code == _NOT_ALLOWED:
        return Temporary(NOT_CALLED)
    return Temporary(NO_ANSWER, error.detail)
