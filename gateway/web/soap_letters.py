"""The two calls that carry a letter: to hand it in, and to have it judged only."""

from __future__ import annotations

from gateway.domain.errors import Refused, UnsupportedMedia
from gateway.exchange.evidence.fetch import PDF
from gateway.exchange.evidence.issue import JWS, XML
from gateway.exchange.transit.judge import MEDIA_TYPES
from gateway.exchange.transit.submission import Answer, Submission
from gateway.web import correlation, views
from gateway.web.bodies import Members
from gateway.web.problems import fault_members
from gateway.web.reading import NOT_ACCEPTABLE
from gateway.web.services import Services
from gateway.web.soap_reading import SoapLimits, SoapRequest
from gateway.web.views import View
from gateway.wire.soap_answer import Content
from gateway.wire.soap_call import SoapCall
from gateway.wire.soap_parts import check_inline, contents_of, envelope_of

SUBMIT, CHECK = "SubmitEnvelope", "CheckEnvelope"
CARRIERS = frozenset({SUBMIT, CHECK})
_RECEIPTS = (XML, JWS, PDF)


def carry(services: Services, call: SoapCall, one: SoapRequest, limits: SoapLimits, language: str) -> View:
    """What becomes of the letter, or would become of it.

    Raises:
        UnsupportedMedia, TooLarge, Refused, Conflict, Unavailable: as over REST.
    """
    check_inline(call, limits.inline)
    said = Members(call.values)
    media_type = said.needed("mediaType")
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMedia.instead_of(*MEDIA_TYPES, found=media_type, where="mediaType")
    submission = Submission(
        root=envelope_of(call, one.parts, limits.envelope),
        media_type=media_type,
        parts=contents_of(call, one.parts),
        answer_type=_wanted(said.line("receiptType"), media_type),
        call=correlation.call(),
    )
    if call.operation == CHECK:
        return views.report(services.checking.check(submission))
    return _outcome(services.intake.submit(submission), language)


def _wanted(stated: str | None, media_type: str) -> str:
    """The receipt's media type: the one stated, or the letter's own syntax."""
    if stated is None:
        return XML if media_type == XML else JWS
    if stated not in _RECEIPTS:
        raise Refused.because(NOT_ACCEPTABLE, "receiptType", expected=", ".join(_RECEIPTS))
    return stated


def _outcome(answer: Answer, language: str) -> View:
    """A sealed rejection is an answer, not a fault: the sender keeps it like any receipt."""
    return {
        "status": answer.kind.name,
        "reference": answer.reference,
        "mediaType": answer.media_type,
        "receipt": Content.of(answer.octets, answer.media_type),
        "faults": [fault_members(fault, language) for fault in answer.faults],
    }
