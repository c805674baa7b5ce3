"""Problem documents become pages for people who came with a browser."""

from __future__ import annotations

from flask import Flask, Response, request

from gateway.domain.errors import Fault
from gateway.web import correlation
from gateway.web.layout import Layout
from gateway.web.problems import PROBLEM

FOR_PROGRAMS = ("/api/", "/oauth2/", "/health/", "/ledger/")
"""Below these, problems are documents whatever the caller accepts."""


def install(app: Flask, layout: Layout) -> None:
    """Let every problem outside the programs' doors leave as a page with the same words."""

    @app.after_request
    def readable(answer: Response) -> Response:
        if answer.mimetype == PROBLEM and _asked_by_a_person():
            _as_page(answer, layout)
        return answer


def _asked_by_a_person() -> bool:
    # "*/*" alone is what programs send that do not care
    wanted = request.accept_mimetypes.best_match([PROBLEM, "application/json", "text/html"])
    return wanted == "text/html" and not f"{request.path}/".startswith(FOR_PROGRAMS)


def _as_page(answer: Response, layout: Layout) -> None:
    reader = layout.reader()
    faults = [
        Fault(told["code"], told.get("where"), told.get("line"), told.get("expected"), told.get("found"))
        for told in answer.get_json()["faults"]
    ]
    explained = [(fault, *reader.reason(fault)) for fault in faults]
    page = layout.html(
        "error.html", reader, status=answer.status_code, faults=explained, call=correlation.current()
    )
    answer.set_data(page)
    answer.mimetype = "text/html"
    layout.describe(answer, reader)
