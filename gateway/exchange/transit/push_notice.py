"""A receipt as a sender's own system is told it: the sealed octets, and the plain facts in them."""

from __future__ import annotations

from adapters.contract import Notice
from gateway.domain.evidence.receipt import Receipt
from gateway.exchange.evidence.fetch import Receipts
from gateway.exchange.evidence.issue import JWS, XML
from gateway.store.evidence.feed_queries import Told
from gateway.wire.receipts import read_kept_receipt


def notice_of(told: Told, receipts: Receipts) -> Notice:
    """What an adapter is given for one receipt of the feed.

    The seal is in the syntax of the letter, whatever syntax its sender asked for when it was accepted.

    Raises:
        Unavailable: that rendering must still be made and the seal is out, or the database is.
    """
    media_type = XML if told.media_type == XML else JWS
    sealed = receipts.rendering(told.receipt.id, media_type)
    return stated_in(read_kept_receipt(told.receipt.content), told.receipt.content_digest, sealed, media_type)


def stated_in(receipt: Receipt, digest: str, sealed: bytes, media_type: str) -> Notice:
    """The notice of a receipt's content; nothing is in it that the receipt does not state."""
    recipient, registered = receipt.recipient, receipt.registered
    return Notice(
        receipt_id=receipt.receipt_id,
        kind=receipt.kind.value,
        event=receipt.event.value,
        event_time=receipt.event_time,
        sealed=sealed,
        media_type=media_type,
        content_digest=digest,
        test=receipt.test,
        reference=receipt.reference,
        message_id=receipt.message_id,
        subject=receipt.subject,
        delivery_id=recipient.delivery if recipient else None,
        office=recipient.office if recipient else None,
        office_name=recipient.name if recipient else None,
        register_number=registered.number if registered else None,
        register_date=registered.date if registered else None,
        register_book=registered.book if registered else None,
        progress=receipt.progress,
        outcome=receipt.outcome.state if receipt.outcome else None,
        reasons=tuple((reason.code, reason.text) for reason in receipt.reasons),
    )
