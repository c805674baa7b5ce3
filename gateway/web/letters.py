"""A letter, its deliveries and its receipts as a sender's system reads them: members, and their schemas."""

from __future__ import annotations

from typing import Any

from flask import url_for

from gateway.domain.evidence.receipt import LONG_TERM, Event, ReceiptKind
from gateway.domain.evidence.verdict import Level
from gateway.domain.registry.parties import RouteKind
from gateway.domain.transit.states import MessageState, Processing, Transport
from gateway.exchange.evidence.fetch import BASELINE, ReceiptSummary
from gateway.exchange.transit.check import Report
from gateway.exchange.transit.look import DeliveryView, LetterView
from gateway.web.openapi.schema import (
    ADDRESS,
    BOOLEAN,
    CODE,
    COUNT,
    DIGEST,
    DIRECTORY_ID,
    MOMENT,
    REFERENCE,
    TEXT,
    UUID,
    listed,
    one_of,
    or_null,
    record,
)
from gateway.web.reading import RENDERINGS

REPORT = record(
    "Report",
    party=DIRECTORY_ID,
    level=one_of(Level),
    messageId=UUID,
    recipients=listed(
        record(
            "RecipientLimits",
            office=DIRECTORY_ID,
            name=TEXT,
            route=one_of(RouteKind),
            maxBytes=or_null(COUNT),
            documentTypes=listed(TEXT),
            notices=listed(CODE),
        )
    ),
    missing=listed(record("MissingContent", id=TEXT, where=TEXT, sha256=DIGEST, size=COUNT, href=ADDRESS)),
)


def report_members(report: Report) -> dict[str, Any]:
    """What intake would say of a letter."""
    return {
        "party": report.party,
        "level": report.level,
        "messageId": report.message_id,
        "recipients": [
            {
                "office": limits.office,
                "name": limits.name,
                "route": limits.route,
                "maxBytes": limits.max_bytes,
                "documentTypes": list(limits.document_types),
                "notices": list(limits.notices),
            }
            for limits in report.recipients
        ],
        "missing": [
            {
                "id": one.id,
                "where": one.where,
                "sha256": one.sha256,
                "size": one.size,
                "href": url_for("attachments.put", digest=one.sha256),
            }
            for one in report.missing
        ],
    }


LETTER = record(
    "Letter",
    reference=REFERENCE,
    messageId=UUID,
    state=one_of(MessageState),
    test=BOOLEAN,
    subject=TEXT,
    receivedAt=MOMENT,
    deliveries=listed(
        record(
            "Delivery",
            id=UUID,
            office=DIRECTORY_ID,
            name=TEXT,
            state=one_of(Transport),
            processing=one_of(Processing),
            notices=listed(CODE),
            registerNumber=or_null(TEXT),
            targetReference=or_null(TEXT),
            nextAttempt=or_null(MOMENT),
            events=listed(record("Move", track=TEXT, state=TEXT, at=MOMENT, reason=or_null(TEXT))),
        )
    ),
    receipts=ADDRESS,
)


def letter_members(letter: LetterView) -> dict[str, Any]:
    """Where a letter and each of its deliveries is."""
    return {
        "reference": letter.reference,
        "messageId": letter.message_id,
        "state": letter.state,
        "test": letter.test,
        "subject": letter.subject,
        "receivedAt": letter.received_at.isoformat(),
        "deliveries": [_delivery(delivery) for delivery in letter.deliveries],
        "receipts": url_for("api.receipts", reference=letter.reference),
    }


def _delivery(delivery: DeliveryView) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "office": delivery.office,
        "name": delivery.name,
        "state": delivery.state,
        "processing": delivery.processing,
        "notices": list(delivery.notices),
        "registerNumber": delivery.register_number,
        "targetReference": delivery.target_reference,
        "nextAttempt": delivery.next_attempt.isoformat() if delivery.next_attempt else None,
        "events": [
            {"track": step.track, "state": step.state, "at": step.at.isoformat(), "reason": step.why}
            for step in delivery.steps
        ],
    }


RECEIPT = record(
    "ReceiptSummary",
    id=UUID,
    kind=one_of(ReceiptKind),
    event=one_of(Event),
    eventTime=MOMENT,
    delivery=or_null(UUID),
    contentDigest=DIGEST,
    mediaTypes=listed(TEXT),
    longTerm=BOOLEAN,
    href=ADDRESS,
    proof=ADDRESS,
    token=ADDRESS,
)


def receipt_members(reference: str, receipt: ReceiptSummary) -> dict[str, Any]:
    """One receipt as lists show it, with where its renderings and its proof are."""
    return {
        "id": receipt.receipt_id,
        "kind": receipt.kind,
        "event": receipt.event,
        "eventTime": receipt.event_time.isoformat(),
        "delivery": receipt.delivery,
        "contentDigest": receipt.content_digest,
        "mediaTypes": list(RENDERINGS[BASELINE]),
        "longTerm": ReceiptKind(receipt.kind) in LONG_TERM,
        "href": url_for("api.receipt", reference=reference, receipt_id=receipt.receipt_id),
        "proof": url_for("ledger.proof", name=receipt.content_digest),
        "token": url_for("ledger.proof", name=f"{receipt.content_digest}.tsr"),
    }
