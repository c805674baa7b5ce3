"""The door by which a sender takes a letter back."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request, url_for

from gateway.domain.transit.states import Transport
from gateway.exchange.registry.tokens import CANCEL
from gateway.exchange.transit.cancelling import Cancellation, Cancelling
from gateway.i18n import choose_language, mark
from gateway.web import views
from gateway.web.access import Access
from gateway.web.openapi import common
from gateway.web.openapi.described import Described, Parameter, described, members
from gateway.web.openapi.schema import ADDRESS, DIRECTORY_ID, TEXT, UUID, listed, one_of, record
from gateway.web.views import View


def blueprint(cancelling: Cancelling, access: Access, languages: tuple[str, ...]) -> Blueprint:
    """The route ``DELETE /api/v1/envelopes/{reference}``."""
    door = Blueprint("cancel", __name__, url_prefix="/api/v1")

    @door.delete("/envelopes/<reference>")
    @access.token(CANCEL)
    @described(TAKE_BACK)
    def cancel(party: str, reference: str) -> Response:
        done = cancelling.cancel(reference, party, request.args.get("delivery"))
        language = choose_language(request.headers.get("Accept-Language"), languages, languages[0])
        answer = jsonify({"deliveries": [_members(reference, one, language) for one in done]})
        answer.headers["Content-Language"] = language
        answer.headers["Cache-Control"] = "no-store"
        answer.vary.add("Accept-Language")
        return answer

    return door


TAKE_BACK = Described(
    common.FOLLOWING,
    mark("Take a letter back"),
    (
        members(
            200,
            mark(
                "What can still be taken back is; each delivery says by which receipt, or why it could not."
            ),
            record(
                "Cancellations",
                deliveries=listed(
                    record(
                        "Cancellation",
                        optional=("receipt", "refusal"),
                        id=UUID,
                        office=DIRECTORY_ID,
                        name=TEXT,
                        state=one_of(Transport),
                        receipt=ADDRESS,
                        refusal=common.FAULT,
                    )
                ),
            ),
        ),
    ),
    detail=mark("A repeat gets the same answer. Where nothing could be taken back, the answer is 409."),
    parameters=(
        common.LETTER,
        Parameter("delivery", mark("Only this delivery; without it, every one of the letter."), UUID),
    ),
    problems=(404, 409),
)


def _members(reference: str, done: Cancellation, language: str) -> View:
    shown = views.cancellation(done, language)
    if done.refusal is None:
        shown["receipt"] = url_for("api.receipt", reference=reference, receipt_id=done.receipt)
    return shown
