"""The door of batches: many envelopes in one request, and an outcome of its own for each."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import structlog
from flask import Blueprint, Request, Response, request, url_for

from gateway.domain.errors import GatewayFault, Refused, TooLarge, UnsupportedMedia, WaslError
from gateway.exchange.evidence.issue import JWS, XML
from gateway.exchange.transit.intake import Intake
from gateway.exchange.transit.judge import MEDIA_TYPES
from gateway.exchange.transit.submission import Answer, Submission
from gateway.i18n import choose_language
from gateway.settings import Limits
from gateway.web import batches_described as words
from gateway.web import correlation
from gateway.web.access import Access
from gateway.web.answers import fresh
from gateway.web.bodies import JSON
from gateway.web.openapi.described import described
from gateway.web.problems import answer_status, outcome_of
from gateway.web.reading import BAD_PARAMETER, Body, body, whole
from gateway.wire.mime import RelatedLimits
from gateway.wire.mime_mixed import MIXED, read_mixed
from gateway.wire.strict_json import parse_json

TOO_MANY = "WASL-REQ-021"
_log = structlog.get_logger()


@dataclass(frozen=True)
class Entry:
    """One envelope of a batch, exactly as it is to be signed and received."""

    media_type: str
    root: bytes


def blueprint(intake: Intake, limits: Limits, access: Access, languages: tuple[str, ...]) -> Blueprint:
    """The route ``/api/v1/batches``."""
    door = Blueprint("batches", __name__, url_prefix="/api/v1")

    @door.post("/batches")
    @access.signature
    @described(words.SUBMIT)
    def submit() -> Response:
        language = choose_language(request.headers.get("Accept-Language"), languages, languages[0])
        with body(request) as stream:
            entries = entries_of(request, stream, limits)
        answer = fresh({"outcomes": [_outcome(intake, entry, language) for entry in entries]})
        answer.headers["Content-Language"] = language
        answer.vary.add("Accept-Language")
        return answer

    return door


def entries_of(request: Request, stream: Body, limits: Limits) -> tuple[Entry | Refused, ...]:
    """The envelopes of a batch in their order, before any of them is submitted; or why one is none.

    Raises:
        UnsupportedMedia: the body is neither ``multipart/mixed`` nor JSON.
        TooLarge: too many envelopes, or too many octets together.
        Refused: it cannot be taken apart.
    """
    if request.mimetype not in (MIXED, JSON):
        raise UnsupportedMedia.instead_of(MIXED, JSON, found=request.mimetype)
    octets = whole(request, stream, limits.batch_bytes)
    most = limits.batch_letters
    found = _members(octets) if request.mimetype == JSON else _parts(request, octets, most)
    entries: list[Entry | Refused] = []
    for entry in found:
        if len(entries) == most:
            raise TooLarge.because(TOO_MANY, expected=str(most))
        entries.append(entry)
    if not entries:
        raise Refused.because(BAD_PARAMETER, "/envelopes")
    return tuple(entries)


def _parts(request: Request, octets: bytes, most: int) -> Iterator[Entry | Refused]:
    limits = RelatedLimits(parts=most)  # one more than the batch may have: it is counted before it is refused
    for media_type, content in read_mixed(BytesIO(octets), request.headers["Content-Type"], limits):
        yield _known(media_type, content)


def _members(octets: bytes) -> Iterator[Entry | Refused]:
    """``{"envelopes": [{"mediaType": …, "content": …}]}``; content is base64, or a compact JWS as it is."""
    batch = parse_json(octets)
    if not isinstance(batch, dict) or batch.keys() != {"envelopes"}:
        raise Refused.because(BAD_PARAMETER, "/")
    if not isinstance(batch["envelopes"], list):
        raise Refused.because(BAD_PARAMETER, "/envelopes")
    for index, member in enumerate(batch["envelopes"]):
        yield _member(member, f"/envelopes/{index}")


def _member(member: object, where: str) -> Entry | Refused:
    if not isinstance(member, dict) or member.keys() != {"mediaType", "content"}:
        return Refused.because(BAD_PARAMETER, where)
    media_type, content = member["mediaType"], member["content"]
    if not isinstance(media_type, str) or not isinstance(content, str):
        return Refused.because(BAD_PARAMETER, where)
    try:
        octets = content.encode("ascii")
        root = octets if media_type == JWS else base64.b64decode(octets, validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return Refused.because(BAD_PARAMETER, f"{where}/content")
    return _known(media_type, root)


def _known(media_type: str, root: bytes) -> Entry | Refused:
    if media_type not in MEDIA_TYPES:
        return UnsupportedMedia.instead_of(*MEDIA_TYPES, found=media_type)
    return Entry(media_type, root)


def _outcome(intake: Intake, entry: Entry | Refused, language: str) -> dict[str, Any]:
    """What became of one envelope; whatever it is, it concerns no other."""
    try:
        if isinstance(entry, Refused):
            raise entry
        syntax = XML if entry.media_type == XML else JWS
        one = Submission(entry.root, entry.media_type, iter(()), syntax, correlation.call())
        return _receipt(intake.submit(one))
    except WaslError as error:
        return outcome_of(error, language)
    except Exception:  # noqa: BLE001 - ours, and no receipt: this envelope is safely sent again
        _log.exception("unexpected error in a batch")
        return outcome_of(GatewayFault(), language)


def _receipt(answer: Answer) -> dict[str, Any]:
    members = {
        "status": answer_status(answer),
        "reference": answer.reference,
        "location": answer.reference and url_for("api.follow", reference=answer.reference),
        "mediaType": answer.media_type,
        "receipt": base64.b64encode(answer.octets).decode("ascii"),
    }
    return {name: value for name, value in members.items() if value is not None}
