"""The one table from errors to HTTP answers (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from gateway.domain.errors import (
    Conflict,
    Fault,
    GatewayFault,
    Gone,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Refused,
    TooLarge,
    TooMany,
    Unavailable,
    UnsupportedMedia,
    Unverified,
    WaslError,
)
from gateway.domain.evidence.reasons import catalogue, explain
from gateway.exchange.transit.submission import Answer, AnswerKind
from gateway.i18n import choose_language
from gateway.web import correlation
from gateway.web.answers import tell_allowance
from gateway.web.examined import examined

PROBLEM = "application/problem+json"
INTERNAL = "WASL-HUB-001"
NOT_YET = "WASL-REQ-011"
_LARGEST_LIST = 100
_AGAIN_S = 10
"""When to ask again for what is promised and made in the background."""

STATUS: Mapping[type[Exception], int] = {
    NotAuthenticated: 401,
    NotAllowed: 403,
    NotFound: 404,
    Gone: 410,
    Conflict: 409,
    TooLarge: 413,
    UnsupportedMedia: 415,
    TooMany: 429,
    Unavailable: 503,
}
"""Status by kind of error; any other refusal has the status of its first reason, all else is a 500."""

_FROM_HTTP: Mapping[int, str] = {404: "WASL-REQ-005", 405: "WASL-REQ-006", 413: "WASL-REQ-002"}

_NO_MORE: Mapping[str, Any] = MappingProxyType({})

_log = structlog.get_logger()


def status_of(faults: tuple[Fault, ...]) -> int:
    """The status that the first reason gives a refusal."""
    return catalogue()[faults[0].code].http or 422


def install(app: Flask, languages: tuple[str, ...]) -> None:
    """Let every error leave the application as a problem document in one of ``languages``."""
    for kind, answer in (
        (Refused, refused),
        (GatewayFault, _ours),
        (HTTPException, plain),
        (Exception, _unknown),
    ):
        app.register_error_handler(kind, partial(answer, languages))


def answer_status(answer: Answer) -> int:
    """The status of what intake answers with a receipt."""
    statuses = {AnswerKind.ACCEPTED: 201, AnswerKind.REPEATED: 200}
    return statuses.get(answer.kind) or status_of(answer.faults)


def outcome_of(error: WaslError, language: str) -> dict[str, Any]:
    """An error as one outcome among several: its status and problem, and when to ask again."""
    status, faults = judged(error)
    members: dict[str, Any] = {"status": status, "problem": problem(status, faults, language)}
    if isinstance(error, TooMany | Unavailable):
        members["retryAfter"] = error.retry_after
    return members


def judged(error: WaslError) -> tuple[int, tuple[Fault, ...]]:
    """The status of an error and what is told of it; of our own troubles, nothing but that they are ours."""
    if isinstance(error, Refused):
        return STATUS.get(type(error)) or status_of(error.faults), error.faults
    _log.warning("our fault", cause=str(error), kind=type(error).__name__)
    if isinstance(error, Unavailable):
        return STATUS[Unavailable], (Fault(error.code),)
    return 500, (Fault(INTERNAL),)


def refused(languages: tuple[str, ...], error: Refused) -> Response:
    """The problem document of a refusal."""
    more = {"signature": examined(error.examination)} if isinstance(error, Unverified) else {}
    answer = _problem(*judged(error), languages, more)
    if isinstance(error, NotAuthenticated):
        answer.headers["WWW-Authenticate"] = "Bearer"
    return later(answer, error)


def later(answer: Response, error: Exception) -> Response:
    """``answer`` with the time after which the same call may work, where that is known."""
    if isinstance(error, TooMany | Unavailable):
        answer.headers["Retry-After"] = str(error.retry_after)
        tell_allowance(answer, error.allowance if isinstance(error, TooMany) else None)
    elif isinstance(error, Refused) and error.faults[0].code == NOT_YET:
        answer.headers["Retry-After"] = str(_AGAIN_S)
    return answer


def _ours(languages: tuple[str, ...], error: GatewayFault) -> Response:
    return later(_problem(*judged(error), languages), error)


def plain(languages: tuple[str, ...], error: HTTPException) -> Response:
    """The problem document of what Flask itself refuses."""
    status = error.code or 500
    code = _FROM_HTTP.get(status, INTERNAL if status >= 500 else "WASL-REQ-010")
    limit = str(request.max_content_length or "") if status == 413 else None
    answer = _problem(status, (Fault(code, expected=limit or None),), languages)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return answer


def _unknown(languages: tuple[str, ...], error: Exception) -> Response:
    _log.exception("unexpected error", path=request.path)
    return _problem(500, (Fault(INTERNAL),), languages)


def _problem(
    status: int, faults: tuple[Fault, ...], languages: tuple[str, ...], more: Mapping[str, Any] = _NO_MORE
) -> Response:
    language = choose_language(request.headers.get("Accept-Language"), languages, languages[0])
    members = {**problem(status, faults, language, correlation.current()), **more}
    answer = Response(json.dumps(members, ensure_ascii=False), status, mimetype=PROBLEM)
    answer.headers["Content-Language"] = language
    answer.headers["Cache-Control"] = "no-store"
    answer.vary.add("Accept-Language")
    return answer


def problem(
    status: int, faults: tuple[Fault, ...], language: str, request_id: str | None = None
) -> dict[str, Any]:
    """The members of a problem document: the first fault in front, all of them in ``faults``.

    Args:
        request_id: of the call; ``instance`` names it (RFC 9457 3.1.5).
    """
    first = faults[0]
    text, remedy = explain(first, language)
    instance = {} if request_id is None else {"instance": f"urn:wasl:request:{request_id}"}
    return {
        "type": f"urn:wasl:problem:{first.code}",
        "title": text,
        "status": status,
        "detail": remedy,
        **instance,
        "code": first.code,
        "remedy": remedy,
        "faults": [fault_members(fault, language) for fault in faults[:_LARGEST_LIST]],
    }


def fault_members(fault: Fault, language: str) -> dict[str, Any]:
    """One thing that is wrong, in words of ``language``."""
    text, remedy = explain(fault, language)
    members = {
        "code": fault.code,
        "where": fault.where,
        "line": fault.line,
        "expected": fault.expected,
        "found": fault.found,
        "text": text,
        "remedy": remedy,
    }
    return {name: value for name, value in members.items() if value is not None}
