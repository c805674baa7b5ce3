"""Receipts as sealed PDF files, one page in the country's languages."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.evidence.receipt import Receipt
from gateway.exchange.evidence.issue import Issuing
from gateway.trust.pades import seal_pdf
from gateway.wire.receipt_pdf import Look, write_receipt_pdf
from gateway.wire.receipts import content_digest

PDF = "application/pdf"


@dataclass(frozen=True)
class PdfReceipts:
    """Makes the PDF rendering of receipts (PAdES B-B), the first sealed rendering inside."""

    issuing: Issuing
    look: Look

    def make(self, receipt: Receipt, first: bytes, first_media_type: str) -> bytes:
        """The sealed file, made anew each time: whoever asks keeps the first one.

        Args:
            first: the first sealed rendering of the same receipt.

        Raises:
            Unavailable: ``WASL-HUB-002``, the seal cannot be used now.
        """
        page = write_receipt_pdf(receipt, content_digest(receipt), first, first_media_type, self.look)
        # as every seal: a clock that was set back must not make it older than what it seals
        sealed_at = max(self.issuing.ambient.now(), receipt.event_time)
        return seal_pdf(page, self.issuing.seals.choose(receipt.test), sealed_at)
