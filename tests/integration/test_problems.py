"""Problems: one stable code, the reader's language, places in the sender's own syntax, no detail of ours."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.errors import Fault
from gateway.domain.evidence.reasons import catalogue, explain
from gateway.web.problems import STATUS, problem
from tests.support.hub import JWS, XML, HubUnderTest, make_hub

ENVELOPES = "/api/v1/envelopes"
LANGUAGES = ("ar", "fr", "en")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


def unregistered(hub: HubUnderTest, **headers: str) -> Any:
    return hub.post(hub.signed(by="office"), **headers)


@pytest.mark.parametrize(
    ("wish", "language"),
    [
        ("ar", "ar"),
        ("fr", "fr"),
        ("en", "en"),
        ("fr-MA, en;q=0.5", "fr"),
        ("de, en;q=0.8, fr;q=0.9", "fr"),
        ("de", "ar"),
        ("", "ar"),
        ("*;q=nonsense, ;;;", "ar"),
        ("x" * 5000, "ar"),
    ],
)
def test_problem_speaks_the_language_asked_for(hub: HubUnderTest, wish: str, language: str) -> None:
    answer = unregistered(hub, **{"Accept-Language": wish})
    digest = answer.json["faults"][0]["found"]
    text, remedy = explain(Fault("WASL-CRT-001", found=digest), language)
    assert (answer.json["title"], answer.json["remedy"]) == (text, remedy)
    assert answer.headers["Content-Language"] == language
    assert "Accept-Language" in answer.headers["Vary"]


def test_problem_has_the_members_of_rfc_9457_and_a_stable_code(hub: HubUnderTest) -> None:
    answer = unregistered(hub, **{"Accept-Language": "en"})
    assert answer.mimetype == "application/problem+json"
    assert answer.json["type"] == "urn:wasl:problem:WASL-CRT-001"
    assert answer.json["code"] == "WASL-CRT-001"
    assert answer.json["status"] == answer.status_code == 422
    assert answer.json["detail"] == answer.json["remedy"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("language", LANGUAGES)
def test_code_and_places_are_the_same_in_every_language(hub: HubUnderTest, language: str) -> None:
    letter = hub.signed(hub.envelope(subject="x" * 241, language="??"), JWS)
    answer = hub.post(letter, f"{ENVELOPES}/check", **{"Accept-Language": language})
    told = [(fault["code"], fault["where"]) for fault in answer.json["faults"]]
    assert told == [("WASL-ENV-001", "/language"), ("WASL-ENV-001", "/subject")]


def test_schema_fault_tells_place_line_and_expectation(hub: HubUnderTest) -> None:
    letter = hub.signed(hub.envelope(subject="x" * 241), XML)
    (fault,) = hub.post(letter, f"{ENVELOPES}/check").json["faults"]
    assert fault["where"] == "/Envelope/Subject"
    assert fault["line"] >= 1
    assert "240" in fault["expected"]


@pytest.mark.parametrize("code", sorted(catalogue()))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_makes_a_problem_in_every_language(code: str, language: str) -> None:
    members = problem(422, (Fault(code),), language)
    assert members["title"]
    assert members["remedy"]
    assert "{" not in members["title"] + members["remedy"]


def test_statuses_of_kinds_agree_with_those_of_their_reasons() -> None:
    areas = {401: "WASL-AUT-001", 404: "WASL-REQ-005", 409: "WASL-DUP-001", 413: "WASL-REQ-002"}
    areas |= {410: "WASL-RET-001"}
    areas |= {403: "WASL-AUT-005", 415: "WASL-REQ-001", 429: "WASL-REQ-007", 503: "WASL-HUB-002"}
    assert {status: catalogue()[code].http for status, code in areas.items()} == {s: s for s in areas}
    assert set(STATUS.values()) == set(areas)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "WASL-REQ-005"),
        ("GET", "/api/v1/envelopes/../../etc/passwd", 404, "WASL-REQ-005"),
        ("DELETE", "/api/v1/envelopes", 405, "WASL-REQ-006"),
        ("PUT", "/api/v1/envelopes/check", 405, "WASL-REQ-006"),
        ("GET", "/oauth2/token", 405, "WASL-REQ-006"),
        ("TRACE", "/api/v1/envelopes", 405, "WASL-REQ-006"),
    ],
)
def test_what_is_not_there_is_a_problem_too(
    hub: HubUnderTest, method: str, path: str, status: int, code: str
) -> None:
    answer = hub.client.open(path, method=method)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json is not None
    assert answer.json["code"] == code
    assert status != 405 or "POST" in answer.headers["Allow"]


def test_programs_get_problems_even_when_they_say_html(hub: HubUnderTest) -> None:
    answer = hub.client.get("/api/v1/nothing", headers={"Accept": "text/html"})
    assert answer.mimetype == "application/problem+json"


def test_problem_carries_the_headers_that_protect_browsers(hub: HubUnderTest) -> None:
    answer = unregistered(hub)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_markup_in_what_was_found_stays_text(hub: HubUnderTest) -> None:
    answer = hub.client.post(ENVELOPES, data=b"x", content_type="text/<script>alert(1)</script>")
    assert (answer.status_code, answer.mimetype) == (415, "application/problem+json")


def test_list_of_faults_is_bounded() -> None:
    faults = tuple(Fault("WASL-ENV-001", f"/recipients/{n}") for n in range(1000))
    assert len(problem(422, faults, "en")["faults"]) == 100
