"""One identifier for each call: in its answer, its problem documents and every line of the log about it."""

from __future__ import annotations

import os
import re

import structlog
from flask import Flask, Response, g, request

from gateway.domain.identifiers import RandomBytes
from gateway.domain.transit.call import TRACE_PARENT, Call

REQUEST_ID = "X-Request-Id"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# W3C Trace Context 3.2.2: ff is no version, identifiers are not all zero, only later versions add parts
_TRACE = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
    r"(?P<more>-[!-~]{0,128})?"
)


def trace_of(header: str | None) -> str | None:
    """The trace that a ``traceparent`` header names; None where it is no such header."""
    found = _TRACE.fullmatch(header or "")
    if found is None or (found["version"] == "00" and found["more"]):
        return None
    return found["trace"]


def chosen(offered: str | None, trace: str | None, random_bytes: RandomBytes) -> str:
    """The caller's own identifier if it is harmless, else its trace, else a fresh one."""
    if offered and _ID.fullmatch(offered):
        return offered
    return trace or random_bytes(16).hex()


def current() -> str | None:
    """The identifier of the call that is being answered."""
    found: str | None = g.get("request_id")
    return found


def call() -> Call | None:
    """The call that is being answered, as a letter that it brings keeps it."""
    name = current()
    return None if name is None else Call(name, g.get("trace"))


def install(app: Flask, random_bytes: RandomBytes = os.urandom) -> None:
    """Give every call of the application its identifier."""

    @app.before_request
    def begin() -> None:
        g.trace = trace = trace_of(request.headers.get(TRACE_PARENT))
        g.request_id = chosen(request.headers.get(REQUEST_ID), trace, random_bytes)
        structlog.contextvars.clear_contextvars()  # a thread serves one call after the other
        structlog.contextvars.bind_contextvars(request=g.request_id)
        if trace is not None and trace != g.request_id:
            structlog.contextvars.bind_contextvars(trace=trace)

    @app.after_request
    def tell(answer: Response) -> Response:
        answer.headers[REQUEST_ID] = g.request_id
        # not sooner: a long answer is still being sent when its view has returned
        answer.call_on_close(structlog.contextvars.clear_contextvars)
        return answer
