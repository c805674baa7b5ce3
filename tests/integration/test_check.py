"""A check judges a letter as intake would, keeps nothing, promises nothing, and tells recipients' limits."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.identifiers import directory_id
from gateway.domain.transit.envelope import Recipient
from gateway.domain.transit.persons import Sender
from gateway.wire.mime import OutgoingPart
from tests.support.hub import (
    AGENCY_OFFICE,
    COMMUNE,
    COMMUNE_OFFICE,
    JWS,
    MINISTRY,
    XML,
    HubUnderTest,
    make_hub,
)

CHECK = "/api/v1/envelopes/check"
NOWHERE = Recipient(office=directory_id("B", 77))


class AnyOptions:
    """An adapter that would take any options."""

    def check_options(self, options: Any) -> list[str]:
        return []


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    route = {"kind": "adapter", "adapter": "any", "max_bytes": 30}
    return make_hub(tmp_path_factory.mktemp("hub"), {COMMUNE_OFFICE: route}, {"any": AnyOptions()})


@pytest.fixture
def nothing_kept(hub: HubUnderTest) -> Iterator[None]:
    """Whatever is checked, not one row and not one file is left of it."""
    before = hub.kept()
    yield
    assert hub.kept() == before


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, ...]:
    paths = (tmp_path / "plan.txt", tmp_path / "annex.txt")
    for path in paths:
        path.write_bytes(b"DEMONSTRATION")
    return paths


def faults(answer: Any) -> list[tuple[str, str | None]]:
    assert answer.mimetype == "application/problem+json", answer.text
    return [(fault["code"], fault.get("where")) for fault in answer.json["faults"]]


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize(("media_type", "level"), [(XML, "XAdES"), (JWS, "JWS")])
def test_good_letter_gets_an_unsigned_report(hub: HubUnderTest, media_type: str, level: str) -> None:
    to = (Recipient(office=AGENCY_OFFICE), Recipient(office=COMMUNE_OFFICE))
    envelope = hub.envelope(recipients=to, document_type="permit")
    answer = hub.post(hub.signed(envelope, media_type), CHECK)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.json == {
        "party": MINISTRY,
        "level": level,
        "messageId": envelope.message_id,
        "recipients": [
            {
                "office": AGENCY_OFFICE,
                "name": "office of the agency (ar)",
                "route": "office",
                "maxBytes": None,
                "documentTypes": ["request"],
                "notices": ["WASL-RTE-101"],
                "addressed": None,
                "leads": [],
            },
            {
                "office": COMMUNE_OFFICE,
                "name": "office of the commune (ar)",
                "route": "adapter",
                "maxBytes": 30,
                "documentTypes": ["request"],
                "notices": ["WASL-RTE-101"],
                "addressed": None,
                "leads": [],
            },
        ],
        "missing": [],
    }


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/xml", "text/html"])
def test_report_is_json_whatever_receipt_a_client_would_accept(hub: HubUnderTest, accept: str) -> None:
    answer = hub.post(hub.signed(), CHECK, Accept=accept)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize(
    ("change", "by", "code"),
    [
        ({"recipients": (NOWHERE,)}, "ministry", "WASL-RTE-001"),
        ({"sender": Sender(COMMUNE)}, "ministry", "WASL-PTY-001"),
        ({"hub": "OTHER-HUB"}, "ministry", "WASL-ENV-101"),
        ({"subject": "x" * 241}, "ministry", "WASL-ENV-001"),
        ({"test": True}, "ministry", "WASL-RTE-005"),
        ({}, "office", "WASL-CRT-001"),
    ],
)
def test_letter_that_would_be_refused_gets_a_problem_and_never_a_receipt(
    hub: HubUnderTest, change: dict[str, Any], by: str, code: str
) -> None:
    answer = hub.post(hub.signed(hub.envelope(**change), by=by), CHECK)
    assert answer.status_code == 422
    assert faults(answer)[0][0] == code


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize(
    ("media_type", "place"), [(XML, "/Envelope/Recipients/Recipient[1]"), (JWS, "/recipients/0")]
)
def test_places_are_told_in_the_senders_own_syntax(hub: HubUnderTest, media_type: str, place: str) -> None:
    answer = hub.post(hub.signed(hub.envelope(recipients=(NOWHERE,)), media_type), CHECK)
    assert faults(answer) == [("WASL-RTE-001", place)]


@pytest.mark.usefixtures("nothing_kept")
def test_contents_that_stay_away_are_not_asked_for(hub: HubUnderTest, files: tuple[Path, ...]) -> None:
    letter = hub.signed(files=files)
    assert hub.post(replace(letter, parts=()), CHECK).status_code == 200


@pytest.mark.usefixtures("nothing_kept")
def test_contents_that_come_along_are_compared(hub: HubUnderTest, files: tuple[Path, ...]) -> None:
    letter = hub.signed(media_type=JWS, files=files)
    assert hub.post(letter, CHECK).status_code == 200
    first, second = letter.parts
    cases = {
        "WASL-ATT-001": (first,),
        "WASL-ATT-002": (first, second, part("more@wasl", b"x")),
        "WASL-ATT-003": (first, part(second.content_id, b"DEMONSTRATION!")),
        "WASL-ATT-004": (first, part(second.content_id, b"demonstration")),
        "WASL-ATT-005": (first, second, first),
    }
    found = {code: faults(hub.post(replace(letter, parts=parts), CHECK)) for code, parts in cases.items()}
    assert {code: [fault[0] for fault in told] for code, told in found.items()} == {c: [c] for c in cases}


def part(content_id: str, content: bytes) -> OutgoingPart:
    return OutgoingPart(content_id, "text/plain", len(content), lambda: io.BytesIO(content))


@pytest.mark.usefixtures("nothing_kept")
def test_recipients_own_limit_is_told_before_anything_is_sent(
    hub: HubUnderTest, files: tuple[Path, ...]
) -> None:
    to = (Recipient(office=COMMUNE_OFFICE),)
    fits = hub.signed(hub.envelope(recipients=to), files=files)
    assert hub.post(replace(fits, parts=()), CHECK).status_code == 200
    files[0].write_bytes(b"x" * 31)
    large = hub.signed(hub.envelope(recipients=to), JWS, files=files)
    assert faults(hub.post(replace(large, parts=()), CHECK)) == [("WASL-RTE-006", "/recipients/0")]


def test_used_message_id_is_told_like_intake_would(hub: HubUnderTest) -> None:
    envelope = hub.envelope()
    letter = hub.signed(envelope)
    assert hub.post(letter).status_code == 201
    other = hub.signed(replace(envelope, subject="DEMONSTRATION: another"))
    assert faults(hub.post(other, CHECK)) == [("WASL-DUP-001", None)]
    assert hub.post(other, CHECK).status_code == hub.post(other).status_code == 409
    assert hub.post(letter, CHECK).status_code == 200


def test_checked_letter_can_still_be_sent(hub: HubUnderTest) -> None:
    letter = hub.signed()
    assert hub.post(letter, CHECK).status_code == 200
    assert hub.post(letter).status_code == 201
