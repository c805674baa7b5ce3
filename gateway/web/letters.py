"""A letter, its deliveries and its receipts as a sender's system reads them: members, and their schemas."""

from __future__ import annotations

from flask import url_for

from gateway.domain.evidence.receipt import Event, ReceiptKind
from gateway.domain.evidence.verdict import Level
from gateway.domain.registry.parties import RouteKind
from gateway.domain.transit.states import MessageState, Processing, Transport
from gateway.exchange.evidence.fetch import ReceiptSummary
from gateway.exchange.transit.check import Report
from gateway.exchange.transit.look import LetterView
from gateway.web import views
from gateway.web.openapi.schema import (
    ADDRESS,
    BOOLEAN,
    CODE,
    COUNT,
    DAY,
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
from gateway.web.views import View

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
            addressed=or_null(DIRECTORY_ID),
            leads=listed(
                record("Lead", office=DIRECTORY_ID, to=DIRECTORY_ID, rule=or_null(TEXT), closed=or_null(DAY))
            ),
        )
    ),
    missing=listed(record("MissingContent", id=TEXT, where=TEXT, sha256=DIGEST, size=COUNT, href=ADDRESS)),
)


def report_members(report: Report) -> View:
    """What intake would say of a letter."""
    told = views.report(report)
    uploads = (url_for("attachments.put", digest=one.sha256) for one in report.missing)
    return told | {
        "missing": [one | {"href": href} for one, href in zip(told["missing"], uploads, strict=True)]
    }


ABOUT_LETTER = {
    "reference": REFERENCE,
    "messageId": UUID,
    "state": one_of(MessageState),
    "test": BOOLEAN,
    "subject": TEXT,
    "receivedAt": MOMENT,
}
"""What is told of a letter wherever it is shown."""
LETTER = record(
    "Letter",
    optional=(),
    **ABOUT_LETTER,
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
    requestId=or_null(TEXT),
)


def letter_members(letter: LetterView) -> View:
    """Where a letter and each of its deliveries is."""
    receipts = url_for("api.receipts", reference=letter.reference)
    return views.letter(letter) | {"receipts": receipts}


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


def receipt_members(reference: str, receipt: ReceiptSummary) -> View:
    """One receipt as lists show it, with where its renderings and its proof are."""
    return views.receipt(receipt) | {
        "href": url_for("api.receipt", reference=reference, receipt_id=receipt.receipt_id),
        "proof": url_for("ledger.proof", name=receipt.content_digest),
        "token": url_for("ledger.proof", name=f"{receipt.content_digest}.tsr"),
    }
