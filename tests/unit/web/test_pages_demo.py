"""The demonstration's page shows what happened and does only what its own buttons ask."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from adapters.contract import Response as Answer
from gateway.cli.demo import letters
from gateway.domain.errors import Ambiguous, Permanent, Temporary
from gateway.domain.transit.states import Transport
from gateway.i18n import Translator
from gateway.web import demo_view
from gateway.web.demo import LIMITS, SAID
from gateway.web.demo_view import COMMUNE_OFFICE, KINDS, MINISTRY, MINISTRY_OFFICE, SHAPES
from tests.support.show import (
    LANGUAGES,
    FakeHub,
    FakeShow,
    busy_show,
    delivery,
    make_app,
    running,
    settings_for,
    told,
)

REFERENCE = "ABCD-EFGH-JK0"


@dataclass
class Stage:
    """A demonstration to look at."""

    show: FakeShow
    hub: FakeHub
    app: Flask
    home: Path
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def page(self, path: str = "/demo", language: str = "en") -> str:
        answer = self.client.get(path, query_string={"lang": language} if "?" not in path else None)
        assert answer.status_code == 200
        return answer.text

    def press(self, action: str, token: str | None = None, **headers: str) -> str:
        """Press a button of the page; where that leads."""
        if token is None:
            token = re.findall(r'name="token" value="([0-9a-f]+)"', self.page())[0]
        answer = self.client.post(f"/demo/{action}", data={"token": token}, headers=headers)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    show, hub = FakeShow(), FakeHub()
    with running(show, tmp_path):
        yield Stage(show, hub, make_app(settings_for(tmp_path), hub), tmp_path)


def test_the_page_knows_the_letters_that_the_demonstration_sends() -> None:
    now = datetime.now(UTC)
    drafts = [
        letters.works_notice(1, now, Path()),
        letters.permit_request(2, now),
        letters.lost_letter(4, now),
    ]
    assert {draft.name: draft.party for draft in drafts} == {name: kind.party for name, kind in KINDS.items()}
    assert set(demo_view.OFFICES) == set(letters.OFFICE_NAMES)


def test_every_state_has_a_shape() -> None:
    assert set(SHAPES) == set(Transport)


def test_before_the_first_letter_the_page_says_what_to_do(stage: Stage) -> None:
    page = stage.page()
    assert "No letter has been sent yet." in page
    assert "<table" not in page
    off = re.findall(r'action="/demo/([a-z]+)".*?<button[^>]*?( disabled)?>', page, re.DOTALL)
    assert off == [("send", ""), ("repeat", " disabled"), ("stop", ""), ("tamper", " disabled")]


def test_a_letter_is_drawn_from_its_sender_to_each_recipients_own_number(stage: Stage) -> None:
    stage.show.letters = [told(1, "works-notice", subject="Avis <b>", language="fr")]
    stage.hub.letters[REFERENCE, MINISTRY] = (
        delivery(COMMUNE_OFFICE, "Commune", "HANDED_OVER", register_number="C-1", target_reference="T-9"),
        delivery("B0000999-0", "Agence & fils", "AVAILABLE"),
        delivery(MINISTRY_OFFICE, "Ministère", "HANDED_OVER", target_reference="R-7"),
    )
    page = stage.page()
    for expected in (
        "A notice of works with two PDF files",
        REFERENCE,
        "Avis &lt;b&gt;",
        'lang="fr" dir="auto"',
        "Its own register number",
        "C-1",
        "Its own reference",
        "R-7",
        "Agence &amp; fils",
        "Handed over to the recipient",
        "Ready for the recipient to collect",
        "agents find the letter",
    ):
        assert expected in page
    assert "T-9" not in page
    assert "data-moving" not in page


def test_the_way_to_the_systems_of_the_recipients_is_shown(tmp_path: Path) -> None:
    app = make_app(settings_for(tmp_path, WASL_DEMO_SOAP_PORT="8191", WASL_DEMO_REST_PORT="8192"))
    with running(FakeShow(), tmp_path):
        page = app.test_client().get("/demo").text
    assert 'href="http://127.0.0.1:8191/"' in page
    assert 'href="http://127.0.0.1:8192/"' in page


def test_a_letter_that_waits_says_that_it_will_be_tried_again(stage: Stage) -> None:
    stage.show.commune_running = False
    stage.show.letters = [told(6, "works-notice")]
    soon = datetime.now(UTC) + timedelta(hours=3)
    stage.hub.letters[REFERENCE, MINISTRY] = (
        delivery(COMMUNE_OFFICE, "Commune", "WAITING", next_attempt=soon),
    )
    page = stage.page()
    assert "Waiting for another attempt" in page
    assert "will be tried again" in page
    assert "Next attempt: <bdi>in 3 hours</bdi>." in page
    assert "data-moving" in page
    assert "Start the commune’s system" in page
    assert "Stop the commune’s system" not in page


def test_an_attempt_that_is_due_is_given_no_time(stage: Stage) -> None:
    stage.show.letters = [told(6, "works-notice")]
    past = datetime.now(UTC) - timedelta(seconds=5)
    stage.hub.letters[REFERENCE, MINISTRY] = (
        delivery(COMMUNE_OFFICE, "Commune", "WAITING", next_attempt=past),
    )
    assert "Next attempt" not in stage.page()


def test_a_refused_letter_says_why_and_links_to_the_reason(stage: Stage) -> None:
    problem = "WASL-RTE-001: The recipient B0000999-I is not known."
    stage.show.letters = [
        told(4, "unknown-recipient", status=422, reference=None, problems=[problem]),
        told(5, "unknown-recipient", status=422, reference=None),
    ]
    page = stage.page("/demo?letter=4&lang=en")
    assert "The recipient B0000999-I is not known." in page
    assert 'href="/docs/problems/WASL-RTE-001"' in page
    assert "sealed refusal" in page
    assert "Nobody" in page
    assert "data-moving" not in page
    assert "No reason was given." in stage.page("/demo?letter=5&lang=en")


def test_a_letter_that_is_being_sent_shows_what_is_known(stage: Stage) -> None:
    stage.show.letters = [told(6, "works-notice", status=0, reference=None)]
    page = stage.page()
    assert "Being sent" in page
    assert "The recipients appear here" in page
    assert "data-moving" in page


def test_a_letter_that_the_hub_does_not_know_any_more_still_has_its_row(stage: Stage) -> None:
    stage.show.letters = [told(6, "works-notice"), told(7, "something-new", files=[])]
    page = stage.page()
    assert "A sender" in page
    assert "A letter" in page


def test_the_newest_letter_that_was_not_refused_is_drawn_unless_another_is_asked_for(stage: Stage) -> None:
    stage.show.letters = [
        told(1, "works-notice", reference=None, status=0),
        told(2, "permit-request"),
        told(4, "unknown-recipient", status=422, reference=None),
    ]
    assert "Letter 2: " in stage.page()
    assert "Letter 1: " in stage.page("/demo?letter=1&lang=en")
    assert "Letter 2: " in stage.page("/demo?letter=99&lang=en")
    stage.show.letters = stage.show.letters[2:]
    assert "Letter 4: " in stage.page()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_whole_in_every_language(tmp_path: Path, language: str) -> None:
    show, hub = busy_show()
    with running(show, tmp_path):
        stage = Stage(show, hub, make_app(settings_for(tmp_path), hub), tmp_path)
        page = stage.page(language=language)
    reader = Translator(language)
    assert reader.text("A letter on its way") in page
    for state in (Transport.WAITING, Transport.AVAILABLE, Transport.HANDED_OVER):
        assert reader.term(state) in page


# Buttons


@pytest.mark.parametrize("action", ["send", "repeat", "stop", "start"])
def test_a_button_asks_for_its_action_and_shows_the_page_again(stage: Stage, action: str) -> None:
    assert stage.press(action) == f"/demo?said={action}"
    assert stage.show.asked.count(action) == 1
    assert Translator("en").text(SAID[action]) in stage.page(f"/demo?said={action}&lang=en")


def test_an_action_that_fails_is_said(stage: Stage) -> None:
    stage.show.answers["repeat"] = {"done": False, "error": "no"}
    assert stage.press("repeat") == "/demo?said=failed"
    assert "This did not work." in stage.page("/demo?said=failed&lang=en")


def test_altering_one_byte_shows_both_verdicts(stage: Stage) -> None:
    stage.show.letters = [told(1, "works-notice")]
    token = re.findall(r'name="token" value="([0-9a-f]+)"', stage.page())[0]
    answer = stage.client.post("/demo/tamper", data={"token": token})
    assert answer.status_code == 200
    assert "Proved, and not changed since." in answer.text
    assert "This file proves nothing." in answer.text
    assert "byte 412" in answer.text
    assert 'href="/demo?lang=fr"' in answer.text
    assert "data-moving" not in answer.text


def test_an_altered_receipt_that_nobody_noticed_is_a_failure(stage: Stage) -> None:
    stage.show.answers["tamper"] = {"done": False, "error": "it still verifies"}
    assert stage.press("tamper") == "/demo?said=failed"


@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
def test_a_form_without_the_pages_token_does_nothing(stage: Stage, token: str) -> None:
    stage.page()
    assert stage.press("stop", token) == "/demo?said=stale"
    assert "stop" not in stage.show.asked


def test_a_token_without_its_cookie_does_nothing(stage: Stage) -> None:
    token = re.findall(r'name="token" value="([0-9a-f]+)"', stage.page())[0]
    stage.client.delete_cookie("wasl-demo", path="/demo")
    assert stage.press("stop", token) == "/demo?said=stale"
    assert "stop" not in stage.show.asked


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_from_another_site_does_nothing(stage: Stage, site: str) -> None:
    assert stage.press("stop", **{"Sec-Fetch-Site": site}) == "/demo?said=stale"
    assert "stop" not in stage.show.asked


def test_the_cookie_of_the_form_stays_with_the_page(stage: Stage) -> None:
    cookie = next(
        value
        for value in stage.client.get("/demo").headers.getlist("Set-Cookie")
        if value.startswith("wasl-demo=")
    )
    assert {"HttpOnly", "SameSite=Strict", "Path=/demo"} <= set(cookie.split("; "))


@pytest.mark.parametrize("action", ["state", "shutdown", "SEND"])
def test_there_are_no_other_actions(stage: Stage, action: str) -> None:
    assert stage.client.post(f"/demo/{action}").status_code in (404, 405)
    assert stage.show.asked == []


def test_buttons_are_not_pressed_by_following_a_link(stage: Stage) -> None:
    assert stage.client.get("/demo/stop").status_code == 405
    assert stage.show.asked == []


# The process that runs the show


class Elsewhere:
    """An outgoing door behind which something else happens."""

    def __init__(self, *outcomes: Exception | Answer) -> None:
        self.outcomes = list(outcomes)

    def request(self, *_: object, **__: object) -> Answer:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


STATE = Answer(200, {}, json.dumps({"commune_running": True, "letters": []}).encode())


def staged(home: Path, http: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr("gateway.web.demo._http", lambda: http)
    (home / "demo").mkdir()
    (home / "demo" / "control.json").write_text('{"url": "http://127.0.0.1:1", "secret": "s"}')
    return make_app(settings_for(home)).test_client()


def test_without_the_process_the_page_says_how_to_start_it(tmp_path: Path) -> None:
    client = make_app(settings_for(tmp_path)).test_client()
    answer = client.get("/demo?lang=en")
    assert answer.status_code == 503
    assert "make run" in answer.text
    assert client.post("/demo/send").headers["Location"] == "/demo"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"text"', '{"url": "http://127.0.0.1:1"}'])
def test_a_broken_note_about_the_process_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "control.json").write_text(text)
    assert make_app(settings_for(tmp_path)).test_client().get("/demo").status_code == 503


def test_a_process_that_has_ended_counts_as_none(tmp_path: Path) -> None:
    with running(FakeShow(), tmp_path):
        pass
    assert make_app(settings_for(tmp_path)).test_client().get("/demo").status_code == 503


def test_another_process_on_the_same_port_counts_as_none(tmp_path: Path) -> None:
    with running(FakeShow(), tmp_path, secret="of an earlier run"):
        assert make_app(settings_for(tmp_path)).test_client().get("/demo").status_code == 503


def test_only_this_machine_is_ever_asked(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    note = {"url": "http://10.0.0.1:80", "secret": "s"}
    (tmp_path / "demo" / "control.json").write_text(json.dumps(note))
    assert make_app(settings_for(tmp_path)).test_client().get("/demo").status_code == 503


@pytest.mark.parametrize(
    "error", [Temporary("WASL-DLV-001"), Permanent("WASL-DLV-005"), Ambiguous("WASL-DLV-004")]
)
def test_a_process_that_does_not_tell_its_state_counts_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    client = staged(tmp_path, Elsewhere(error), monkeypatch)
    assert client.get("/demo").status_code == 503


def test_an_action_that_takes_long_is_left_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = staged(tmp_path, Elsewhere(STATE, Ambiguous("WASL-DLV-004")), monkeypatch)
    token = re.findall(r'name="token" value="([0-9a-f]+)"', client.get("/demo").text)[0]
    answer = client.post("/demo/send", data={"token": token})
    assert answer.headers["Location"] == "/demo?said=slow"
    assert LIMITS.total_s < 30


# Files and the letter by hand


def test_the_command_names_the_letter_that_lies_ready(tmp_path: Path) -> None:
    home = tmp_path / "a home's"
    home.mkdir()
    app = make_app(settings_for(home, WASL_HUB_PUBLIC_URL="http://hub.example"))
    with running(FakeShow(), home):
        assert "curl" not in app.test_client().get("/demo?lang=en").text
        (home / "demo" / "05-by-hand-envelope.xml").write_text("<x/>")
        page = app.test_client().get("/demo?lang=en").text
    assert "http://hub.example/api/v1/envelopes" in page
    quoted = "&#39;@" + str(home).replace("'", "&#39;&#34;&#39;&#34;&#39;")
    assert quoted in page


def test_the_files_of_a_letter_can_be_kept(stage: Stage) -> None:
    stage.show.letters = [told(1, "works-notice")]
    (stage.home / "demo" / "01-works-notice-envelope.xml").write_text("<x/>")
    assert 'href="/demo/files/01-works-notice-envelope.xml"' in stage.page()
    answer = stage.client.get("/demo/files/01-works-notice-envelope.xml", buffered=True)
    assert answer.data == b"<x/>"
    assert answer.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("name", ["control.json", "..%2Fwasl.lock", "logs", "STORY.md", "none.xml", ".xml"])
def test_nothing_else_of_the_folder_is_given_out(stage: Stage, name: str) -> None:
    assert stage.client.get(f"/demo/files/{name}").status_code == 404


def test_every_view_of_the_pages_declares_its_authentication(stage: Stage) -> None:
    mine = {
        name: getattr(view, "authentication", None)
        for name, view in stage.app.view_functions.items()
        if name.split(".")[0] in ("pages", "demo", "files", "static")
    }
    assert len(mine) == 8
    assert set(mine.values()) == {"public"}
