"""What is to go away says so in time, in every answer and in the description."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask, Response

from gateway.domain.errors import NotFound
from gateway.i18n import Translator
from gateway.web import problems, retiring
from gateway.web.access import public
from gateway.web.openapi import common
from gateway.web.openapi.described import Answer, Described, described
from gateway.web.openapi.document import Place, document
from gateway.web.openapi.routes import operations
from gateway.web.retiring import Retirement

OLD = Retirement(date(2026, 1, 1), date(2032, 1, 1), "/api/v2/letters")
WORDS = Described(common.STATE, "Old", (Answer(200, "So."),))


@pytest.fixture
def app() -> Flask:
    """One call that retires, and one that does not."""
    app = Flask("retiring", static_folder=None)
    problems.install(app, ("en",))
    retiring.install(app)

    @app.get("/old/<name>")
    @public
    @described(WORDS.but(retired=OLD))
    def old(name: str) -> Response:
        if name == "none":
            raise NotFound.because("WASL-REQ-005")
        return Response("so")

    @app.get("/new")
    @public
    @described(WORDS)
    def new() -> Response:
        return Response("so")

    return app


@pytest.mark.parametrize(("path", "status"), [("/old/one", 200), ("/old/none", 404)])
def test_every_answer_of_a_retiring_call_tells_its_dates(app: Flask, path: str, status: int) -> None:
    answer = app.test_client().get(path)
    assert answer.status_code == status
    assert answer.headers["Deprecation"] == "@1767225600"  # RFC 9745 2.1: a structured date
    assert answer.headers["Sunset"] == "Thu, 01 Jan 2032 00:00:00 GMT"
    links = answer.headers.getlist("Link")
    assert '</docs/versions>; rel="deprecation"; type="text/html"' in links
    assert '</docs/versions>; rel="sunset"; type="text/html"' in links
    assert '</api/v2/letters>; rel="successor-version"' in links


def test_other_calls_say_nothing_of_it(app: Flask) -> None:
    for path in ("/new", "/nowhere"):
        headers = app.test_client().get(path).headers
        assert not {"Deprecation", "Sunset", "Link"} & set(headers.keys())


def test_the_description_marks_it(app: Flask) -> None:
    told = document(operations(app), Translator("en"), Place("hub", "http://hub.example"), ("en",))
    assert told["paths"]["/old/{name}"]["get"]["deprecated"] is True
    assert "deprecated" not in told["paths"]["/new"]["get"]


@pytest.mark.parametrize(
    ("since", "ends"),
    [
        (date(2026, 1, 1), date(2030, 12, 31)),
        (date(2026, 6, 2), date(2031, 6, 1)),
        (date(2026, 1, 1), date(2025, 1, 1)),
    ],
)
def test_nothing_ends_sooner_than_the_policy_promises(since: date, ends: date) -> None:
    with pytest.raises(ValueError, match="5 years"):
        Retirement(since, ends, "/api/v2/letters")


@pytest.mark.parametrize(
    ("since", "ends"), [(date(2026, 1, 1), date(2031, 1, 1)), (date(2028, 2, 29), date(2033, 3, 1))]
)
def test_five_years_are_enough(since: date, ends: date) -> None:
    assert Retirement(since, ends, "/api/v2/letters").ends == ends
