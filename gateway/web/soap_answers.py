"""Answers and faults of the SOAP door, with the same reasons as every other door's."""

from __future__ import annotations

import structlog
from flask import Response, request
from werkzeug.exceptions import HTTPException

from gateway.domain.errors import Fault, GatewayFault, Refused, Unavailable
from gateway.i18n import choose_language
from gateway.web import problems
from gateway.web.problems import INTERNAL
from gateway.web.soap_reading import SoapRequest, version_of
from gateway.web.views import View
from gateway.wire.mime import write_related
from gateway.wire.soap_answer import Answer, write_fault
from gateway.wire.soap_message import NOT_UNDERSTOOD, OTHER_VERSION
from gateway.wire.soap_names import SOAP11, XOP_TYPE, SoapVersion

_OWN_CODES = {NOT_UNDERSTOOD: "MustUnderstand", OTHER_VERSION: "VersionMismatch"}
"""Reasons for which SOAP has a fault code of its own (SOAP 1.2-1 5.4.6)."""

_MEMBERS = ("code", "title", "remedy", "faults")
_SHOWN = 8 * 1024**2

_log = structlog.get_logger()


def answered(one: SoapRequest, members: View, most: int | None = _SHOWN) -> Response:
    """The answer to a call.

    Args:
        most: octets that may stand inside the message; None: they become parts (MTOM).

    Raises:
        TooLarge: they are more.
    """
    writing = Answer(one.message.version, most)
    root = writing.write(f"{one.message.operation}Response", members)
    version = one.message.version
    if most is not None:
        return _response(root, version)
    content_type, chunks, length = write_related(root, XOP_TYPE, writing.parts, start_info=version.media_type)
    answer = Response(chunks, content_type=content_type)
    for part in writing.parts:
        answer.call_on_close(part.open().close)  # also when nobody reads to the end
    answer.content_length = length
    answer.headers["Cache-Control"] = "no-store"
    return answer


def refused(languages: tuple[str, ...], error: Refused) -> Response:
    """The fault of a refusal; a request that is no SOAP gets a problem document."""
    version = version_of(request)
    if version is None:
        return problems.refused(languages, error)
    code = _OWN_CODES.get(error.faults[0].code, version.sender)
    # SOAP 1.1 6.2: every fault is a 500; SOAP 1.2-2 7.5.2.2: 400 for what the sender must change
    status = 400 if code == version.sender and version is not SOAP11 else 500
    return problems.later(_fault(version, code, status, error.faults, languages), error)


def ours(languages: tuple[str, ...], error: GatewayFault) -> Response:
    """The fault of our own trouble, with the time after which the same message may be sent again."""
    _log.warning("our fault", cause=str(error), kind=type(error).__name__)
    version = version_of(request) or SOAP11
    if not isinstance(error, Unavailable):
        return _fault(version, version.receiver, 500, (Fault(INTERNAL),), languages)
    answer = _fault(version, version.receiver, 503, (Fault(error.code),), languages)
    return problems.later(answer, error)


def unexpected(languages: tuple[str, ...], error: Exception) -> Response:
    """The fault of what nobody expected; what Flask itself answers stays as it is."""
    if isinstance(error, HTTPException):
        return problems.plain(languages, error)
    _log.exception("unexpected error", path=request.path)
    version = version_of(request) or SOAP11
    return _fault(version, version.receiver, 500, (Fault(INTERNAL),), languages)


def _fault(
    version: SoapVersion, code: str, status: int, faults: tuple[Fault, ...], languages: tuple[str, ...]
) -> Response:
    language = choose_language(request.headers.get("Accept-Language"), languages, languages[0])
    told = problems.problem(status, faults, language)
    detail = {name: told[name] for name in _MEMBERS}
    octets = write_fault(version, code, f"{told['code']}: {told['title']}", language, detail)
    answer = _response(octets, version, status)
    answer.headers["Content-Language"] = language
    answer.vary.add("Accept-Language")
    return answer


def _response(octets: bytes, version: SoapVersion, status: int = 200) -> Response:
    answer = Response(octets, status, content_type=f"{version.media_type}; charset=utf-8")
    answer.headers["Cache-Control"] = "no-store"
    return answer
