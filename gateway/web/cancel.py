"""The door by which a sender takes a letter back."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request, url_for

from gateway.exchange.registry.tokens import CANCEL
from gateway.exchange.transit.cancelling import Cancellation, Cancelling
from gateway.i18n import choose_language
from gateway.web import views
from gateway.web.access import Access
from gateway.web.views import View


def blueprint(cancelling: Cancelling, access: Access, languages: tuple[str, ...]) -> Blueprint:
    """The route ``DELETE /api/v1/envelopes/{reference}``."""
    door = Blueprint("cancel", __name__, url_prefix="/api/v1")

    @door.delete("/envelopes/<reference>")
    @access.token(CANCEL)
    def cancel(party: str, reference: str) -> Response:
        done = cancelling.cancel(reference, party, request.args.get("delivery"))
        language = choose_language(request.headers.get("Accept-Language"), languages, languages[0])
        answer = jsonify({"deliveries": [_members(reference, one, language) for one in done]})
        answer.headers["Content-Language"] = language
        answer.headers["Cache-Control"] = "no-store"
        answer.vary.add("Accept-Language")
        return answer

    return door


def _members(reference: str, done: Cancellation, language: str) -> View:
    members = views.cancellation(done, language)
    if done.refusal is None:
        members["receipt"] = url_for("api.receipt", reference=reference, receipt_id=done.receipt)
    return members
