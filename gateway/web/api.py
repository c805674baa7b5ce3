"""The REST door, version 1: submit, check, follow, receipts."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request, url_for

from gateway.domain.errors import Refused
from gateway.exchange.evidence.fetch import PDF, ReceiptSummary
from gateway.exchange.transit.look import LetterView
from gateway.exchange.transit.submission import Answer, AnswerKind
from gateway.settings import Limits
from gateway.web import views
from gateway.web.access import Access
from gateway.web.answers import fresh
from gateway.web.problems import status_of
from gateway.web.reading import BAD_PARAMETER, level_of, receipt_type, submission
from gateway.web.services import Services
from gateway.web.views import View

READ = "envelopes:read"


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
            return jsonify(views.report(services.checking.check(submitted)))

    @api.get("/envelopes")
    @access.token(READ)
    def find(party: str) -> Response:
        message_id = request.args.get("messageId")
        if not message_id:
            raise Refused.because(BAD_PARAMETER, "messageId")
        return fresh({"envelopes": [_letter(services.looking.by_message_id(message_id, party))]})

    @api.get("/envelopes/<reference>")
    @access.token(READ)
    def follow(party: str, reference: str) -> Response:
        return fresh(_letter(services.looking.letter(reference, party)))

    @api.get("/envelopes/<reference>/receipts")
    @access.token(READ)
    def receipts(party: str, reference: str) -> Response:
        found = services.receipts.all_of(reference, party)
        return fresh({"receipts": [_summary(reference, receipt) for receipt in found]})

    @api.get("/envelopes/<reference>/receipts/<receipt_id>")
    @access.token(READ)
    def receipt(party: str, reference: str, receipt_id: str) -> Response:
        level = level_of(request)
        media_type = receipt_type(request, level)
        octets = services.receipts.one(reference, receipt_id, media_type, party, level)
        return _rendering(octets, media_type, receipt_id)

    return api


def _receipt(answer: Answer) -> Response:
    statuses = {AnswerKind.ACCEPTED: 201, AnswerKind.REPEATED: 200}
    status = statuses.get(answer.kind) or status_of(answer.faults)
    response = Response(answer.octets, status, content_type=answer.media_type)
    if answer.reference is not None:
        response.headers["Location"] = url_for("api.follow", reference=answer.reference)
    response.headers["Cache-Control"] = "no-store"
    return response


def _rendering(octets: bytes, media_type: str, receipt_id: str) -> Response:
    answer = Response(octets, content_type=media_type)
    answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    answer.vary.add("Accept")
    if media_type == PDF:  # a stored receipt has this identifier: it is not just what the caller wrote
        answer.headers["Content-Disposition"] = f'inline; filename="receipt-{receipt_id}.pdf"'
    return answer


def _letter(letter: LetterView) -> View:
    return views.letter(letter) | {"receipts": url_for("api.receipts", reference=letter.reference)}


def _summary(reference: str, receipt: ReceiptSummary) -> View:
    return views.receipt(receipt) | {
        "href": url_for("api.receipt", reference=reference, receipt_id=receipt.receipt_id),
        "proof": url_for("ledger.proof", name=receipt.content_digest),
        "token": url_for("ledger.proof", name=f"{receipt.content_digest}.tsr"),
    }
