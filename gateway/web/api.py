"""The REST door, version 1: submit, check, follow, receipts."""

from __future__ import annotations

import structlog
from flask import Blueprint, Response, jsonify, request, url_for

from gateway.exchange.evidence.fetch import PDF
from gateway.exchange.registry.tokens import READ
from gateway.exchange.transit.submission import Answer
from gateway.settings import Limits
from gateway.web import api_described as words
from gateway.web.access import Access
from gateway.web.answers import conditional, stable, tell_allowance
from gateway.web.letters import letter_members, receipt_members, report_members
from gateway.web.openapi.described import described
from gateway.web.problems import answer_status
from gateway.web.reading import level_of, receipt_type, submission
from gateway.web.services import Services

_FOR_EVER = "private, max-age=31536000, immutable"
_log = structlog.get_logger()


def blueprint(services: Services, limits: Limits, access: Access) -> Blueprint:
    """The routes of ``/api/v1``."""
    api = Blueprint("api", __name__, url_prefix="/api/v1")

    @api.post("/envelopes")
    @access.signature
    @described(words.SUBMIT)
    def submit() -> Response:
        with submission(request, limits) as submitted:
            return _receipt(services.intake.submit(submitted))

    @api.post("/envelopes/check")
    @access.signature
    @described(words.CHECK)
    def check() -> Response:
        with submission(request, limits, for_receipt=False) as submitted:
            return jsonify(report_members(services.checking.check(submitted)))

    @api.get("/envelopes/<reference>")
    @access.token(READ)
    @described(words.FOLLOW)
    def follow(party: str, reference: str) -> Response:
        return stable(request, letter_members(services.looking.letter(reference, party)))

    @api.get("/envelopes/<reference>/receipts")
    @access.token(READ)
    @described(words.RECEIPTS)
    def receipts(party: str, reference: str) -> Response:
        found = services.receipts.all_of(reference, party)
        return stable(request, {"receipts": [receipt_members(reference, receipt) for receipt in found]})

    @api.get("/envelopes/<reference>/receipts/<receipt_id>")
    @access.token(READ)
    @described(words.RECEIPT_OF)
    def receipt(party: str, reference: str, receipt_id: str) -> Response:
        level = level_of(request)
        media_type = receipt_type(request, level)
        octets = services.receipts.one(reference, receipt_id, media_type, party, level)
        return conditional(request, _rendering(octets, media_type, receipt_id), _FOR_EVER)

    return api


def _receipt(answer: Answer) -> Response:
    codes = [fault.code for fault in answer.faults]
    _log.info("letter answered", kind=answer.kind.value, reference=answer.reference, codes=codes)
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
