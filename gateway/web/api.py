"""The REST door, version 1: submit, check, follow, receipts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for

from gateway.domain.evidence.receipt import LONG_TERM, ReceiptKind
from gateway.exchange.evidence.fetch import BASELINE, PDF, ReceiptSummary
from gateway.exchange.transit.check import Report
from gateway.exchange.transit.look import DeliveryView, LetterView
from gateway.exchange.transit.submission import Answer
from gateway.settings import Limits
from gateway.web.access import Access
from gateway.web.answers import conditional, stable, tell_allowance
from gateway.web.problems import answer_status
from gateway.web.reading import RENDERINGS, level_of, receipt_type, submission
from gateway.web.services import Services

READ = "envelopes:read"
_FOR_EVER = "private, max-age=31536000, immutable"


def blueprint(services: Services, limits: Limits, access: Access) -> Blueprint:
    """The routes of ``/api/v1``."""
    api = Blueprint("api", __name__, url_prefix="/api/v1")

    @api.post("/envelopes")
    @access.signature
    def submit() -> Response:
        with submission(request, limits) as submitted:
            return _receipt(services.intake.submit(submitted))

    @api.post("/envelopes/check")
    @access.signature
    def check() -> Response:
        with submission(request, limits, for_receipt=False) as submitted:
            return jsonify(_report(services.checking.check(submitted)))

    @api.get("/envelopes/<reference>")
    @access.token(READ)
    def follow(party: str, reference: str) -> Response:
        return stable(request, letter_members(services.looking.letter(reference, party)))

    @api.get("/envelopes/<reference>/receipts")
    @access.token(READ)
    def receipts(party: str, reference: str) -> Response:
        found = services.receipts.all_of(reference, party)
        return stable(request, {"receipts": [_summary(reference, receipt) for receipt in found]})

    @api.get("/envelopes/<reference>/receipts/<receipt_id>")
    @access.token(READ)
    def receipt(party: str, reference: str, receipt_id: str) -> Response:
        level = level_of(request)
        media_type = receipt_type(request, level)
        octets = services.receipts.one(reference, receipt_id, media_type, party, level)
        return conditional(request, _rendering(octets, media_type, receipt_id), _FOR_EVER)

    return api


def _receipt(answer: Answer) -> Response:
    response = Response(answer.octets, answer_status(answer), content_type=answer.media_type)
    tell_allowance(response, answer.allowance)
    if answer.reference is not None:
        response.headers["Location"] = url_for("api.follow", reference=answer.reference)
    response.headers["Cache-Control"] = "no-store"
    return response


def _rendering(octets: bytes, media_type: str, receipt_id: str) -> Response:
    answer = Response(octets, content_type=media_type)
    answer.vary.add("Accept")
    if media_type == PDF:  # a stored receipt has this identifier: it is not just what the caller wrote
        answer.headers["Content-Disposition"] = f'inline; filename="receipt-{receipt_id}.pdf"'
    return answer


def _report(report: Report) -> dict[str, Any]:
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


def letter_members(letter: LetterView) -> dict[str, Any]:
    """A letter as its sender may see it."""
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


def _summary(reference: str, receipt: ReceiptSummary) -> dict[str, Any]:
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
