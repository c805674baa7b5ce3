"""The door by which recipients' own systems tell what became of letters that they took."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from adapters.contract import Report
from gateway.domain.errors import Conflict, NotAuthenticated, Refused, UnsupportedMedia
from gateway.exchange.transit.news import Result, Told
from gateway.exchange.transit.news_reports import Reporting
from gateway.i18n import choose_language, mark
from gateway.web.access import Access
from gateway.web.answers import fresh
from gateway.web.openapi import common
from gateway.web.openapi.described import JSON, Body, Described, Example, Parameter, described, members
from gateway.web.openapi.schema import DIRECTORY_ID, OCTETS, UUID, listed, one_of, or_null, record
from gateway.web.problems import fault_members
from gateway.web.reading import COMPRESSED

_XML_TOO = ("application/xml", "text/xml")
_TOLD = (Result.TAKEN, Result.KNOWN, Result.REFUSED)

TELL = Described(
    common.OFFICE_INBOX,
    mark("Tell what became of letters, as the office’s own document system"),
    (
        members(
            200,
            mark("What became of each piece of news, in the order of the call."),
            record(
                "ReportTaken",
                news=listed(
                    record(
                        "NewsTaken",
                        result=one_of(_TOLD),
                        delivery=or_null(UUID),
                        problem={"anyOf": [common.FAULT, {"type": "null"}]},
                    )
                ),
            ),
        ),
    ),
    detail=mark(
        "The system calls in its own format and proves itself in its own way; the office’s route says how "
        "both are understood. A repeat changes nothing. 409: a letter is still on its way to the system, "
        "and the same call is to be made again later."
    ),
    parameters=(
        Parameter("office", mark("The office, by its identifier."), DIRECTORY_ID, "path", required=True),
    ),
    body=Body(
        {JSON: OCTETS, **dict.fromkeys(_XML_TOO, OCTETS)},
        {JSON: (Example("a number", {"identifiant": "-", "numero": "C-26-00017"}, gives=401),)},
    ),
    problems=(401, 409, 413, 415, 422),
)


def blueprint(reporting: Reporting, access: Access, languages: tuple[str, ...]) -> Blueprint:
    """The route ``POST /api/v1/offices/{office}/reports``."""
    door = Blueprint("reports", __name__, url_prefix="/api/v1/offices")

    @door.post("/<office>/reports")
    @access.report
    @described(TELL)
    def tell(office: str) -> Response:
        told = reporting.take(office, _report(), _party(access))
        _check(told)
        language = choose_language(request.headers.get("Accept-Language"), languages, languages[0])
        answer = fresh({"news": [_members(one, language) for one in told]})
        answer.headers["Content-Language"] = language
        answer.vary.add("Accept-Language")
        return answer

    return door


def _party(access: Access) -> str | None:
    """Whose certificate the connection shows; a stranger's counts as none, since a secret may do."""
    try:
        return access.connected()
    except NotAuthenticated:
        return None


def _report() -> Report:
    """The call as it came, read within the bound of all small bodies.

    Raises:
        UnsupportedMedia: it is compressed, or neither JSON nor XML by its own word.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMedia.because(COMPRESSED)
    octets = request.get_data(cache=False)
    if octets and request.mimetype not in (JSON, *_XML_TOO):
        raise UnsupportedMedia.instead_of(JSON, *_XML_TOO, found=request.mimetype)
    return Report({name.lower(): value for name, value in request.headers.items()}, octets)


def _check(told: tuple[Told, ...]) -> None:
    """Let a caller notice by the status what it must do.

    Raises:
        Conflict: at least one letter is still on its way there: the call is to be repeated.
        Refused: nothing of it is believed.
    """
    later = [one.fault for one in told if one.result is Result.LATER and one.fault is not None]
    if later:
        raise Conflict(later)
    faults = [one.fault for one in told if one.fault is not None]
    if faults and len(faults) == len(told):
        raise Refused(faults)


def _members(told: Told, language: str) -> dict[str, Any]:
    problem = None if told.fault is None else fault_members(told.fault, language)
    return {"result": told.result.value, "delivery": told.delivery, "problem": problem}
