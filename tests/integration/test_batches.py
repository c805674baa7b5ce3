"""Many envelopes in one request: each has an outcome of its own, whatever becomes of the others."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.compose import SignedLetter
from gateway.domain.errors import Unavailable
from gateway.domain.identifiers import directory_id
from gateway.domain.transit.envelope import Recipient
from gateway.verifier.opening import open_receipt
from tests.support.hub import JWS, XML, HubUnderTest, make_hub
from tests.support.shapes import Shape

BATCHES = "/api/v1/batches"
NOWHERE = (Recipient(office=directory_id("B", 77)),)


@pytest.fixture(scope="module")
def hub(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    bounds = {"WASL_LIMITS_BATCH_LETTERS": "4", "WASL_LIMITS_BATCH_BYTES": "200000"}
    return make_hub(tmp_path_factory.mktemp("hub"), **bounds)


def mixed(letters: list[SignedLetter]) -> dict[str, Any]:
    parts = [
        f"--wasl\r\nContent-Type: {one.media_type}\r\n\r\n".encode() + one.root + b"\r\n" for one in letters
    ]
    return {"data": b"".join(parts) + b"--wasl--\r\n", "content_type": "multipart/mixed; boundary=wasl"}


def member(letter: SignedLetter) -> dict[str, str]:
    root = letter.root if letter.media_type == JWS else base64.b64encode(letter.root)
    return {"mediaType": letter.media_type, "content": root.decode()}


def as_json(letters: list[SignedLetter]) -> dict[str, Any]:
    return {"json": {"envelopes": [member(one) for one in letters]}}


FORMS = pytest.mark.parametrize("form", [mixed, as_json], ids=["multipart", "json"])


def outcomes(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json["outcomes"]
    return found


def told(answer: Any) -> list[tuple[int, str | None]]:
    return [(one["status"], one.get("problem", {}).get("code")) for one in outcomes(answer)]


def accepted(hub: HubUnderTest) -> int:
    return hub.kept()["delivery"]


@FORMS
def test_each_letter_gets_its_own_sealed_receipt_in_order(hub: HubUnderTest, form: Any) -> None:
    letters = [hub.signed(media_type=one) for one in (XML, JWS, XML)]
    found = outcomes(hub.client.post(BATCHES, **form(letters)))
    assert [one["status"] for one in found] == [201] * 3
    receipts = [open_receipt(base64.b64decode(one["receipt"]), one["mediaType"]).receipt for one in found]
    assert [one["mediaType"] for one in found] == [XML, JWS, XML]
    assert [one["location"] for one in found] == [f"/api/v1/envelopes/{one.reference}" for one in receipts]
    alone = [hub.post(letter) for letter in letters]
    assert [one.data for one in alone] == [base64.b64decode(one["receipt"]) for one in found]


@FORMS
def test_a_bad_letter_hurts_no_other(hub: HubUnderTest, form: Any) -> None:
    good, other, before = hub.signed(), hub.signed(media_type=JWS), accepted(hub)
    unknown = hub.signed(hub.envelope(recipients=NOWHERE))
    forged = replace(other, root=other.root[:-8] + b"AAAAAAAA")
    answer = hub.client.post(BATCHES, **form([unknown, good, forged, other]))
    found = outcomes(answer)
    assert [one["status"] for one in found] == [422, 201, 422, 201]
    sealed = open_receipt(base64.b64decode(found[0]["receipt"]), XML).receipt
    assert [one.code for one in sealed.reasons] == ["WASL-RTE-001"]
    assert found[2]["problem"]["code"].startswith("WASL-")
    assert accepted(hub) == before + 2


@FORMS
def test_a_repeated_batch_gets_the_identical_receipts(hub: HubUnderTest, form: Any) -> None:
    letters = [hub.signed(), hub.signed(media_type=JWS)]
    first, before = outcomes(hub.client.post(BATCHES, **form(letters))), hub.kept()
    again = outcomes(hub.client.post(BATCHES, **form([*letters, letters[0]])))
    assert [one["status"] for one in again] == [200, 200, 200]
    assert [one["receipt"] for one in again] == [one["receipt"] for one in (*first, first[0])]
    assert hub.kept() == before


@FORMS
def test_the_same_id_with_other_content_is_a_conflict_within_a_batch(hub: HubUnderTest, form: Any) -> None:
    envelope = hub.envelope()
    other = replace(envelope, subject="DEMONSTRATION: another")
    answer = hub.client.post(BATCHES, **form([hub.signed(envelope), hub.signed(other)]))
    assert told(answer) == [(201, None), (409, "WASL-DUP-001")]


@FORMS
def test_our_own_trouble_is_told_for_the_letter_that_met_it(hub: HubUnderTest, form: Any) -> None:
    letters, intake = [hub.signed() for _ in range(3)], hub.gateway.services.intake
    troubles = iter([Unavailable("seal"), ZeroDivisionError("a defect")])

    class Troubled:
        def submit(self, submission: Any) -> Any:
            if submission.root == letters[1].root:
                return intake.submit(submission)
            raise next(troubles)

    with hub.using(intake=Troubled()):
        answer = hub.client.post(BATCHES, **form(letters))
    assert told(answer) == [(503, "WASL-HUB-002"), (201, None), (500, "WASL-HUB-001")]
    assert outcomes(answer)[0]["retryAfter"] > 0
    assert told(hub.client.post(BATCHES, **form(letters))) == [(201, None), (200, None), (201, None)]


@FORMS
def test_too_many_letters_are_refused_before_any_is_submitted(hub: HubUnderTest, form: Any) -> None:
    before = hub.kept()
    answer = hub.client.post(BATCHES, **form([hub.signed() for _ in range(5)]))
    assert (answer.status_code, answer.json["code"]) == (413, "WASL-REQ-021")
    assert hub.kept() == before


def test_a_hundred_thousand_parts_are_refused_at_the_door(tmp_path: Path) -> None:
    hub = make_hub(tmp_path)
    part = b"--wasl\r\nContent-Type: application/xml\r\n\r\n<a/>\r\n"
    body = part * 100_000 + b"--wasl--"
    answer = hub.client.post(BATCHES, data=body, content_type="multipart/mixed; boundary=wasl")
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-REQ-003")
    assert answer.json["faults"][0]["found"] == "more parts"


@pytest.mark.parametrize("media_type", ["multipart/mixed; boundary=wasl", "application/json"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_batch_over_its_limit_is_too_large(hub: HubUnderTest, media_type: str, chunked: bool) -> None:
    more = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True} if chunked else {}
    body = {"input_stream": io.BytesIO(b"x" * 200_001)} if chunked else {"data": b"x" * 200_001}
    answer = hub.client.post(BATCHES, content_type=media_type, environ_overrides=more, **body)
    assert (answer.status_code, answer.json["code"]) == (413, "WASL-REQ-002")


def test_a_batch_that_was_cut_off_submits_nothing(hub: HubUnderTest) -> None:
    whole, before = mixed([hub.signed(), hub.signed()]), hub.kept()
    cut = whole["data"][:-40]
    for length in (len(cut), len(whole["data"])):  # by a client that says less, and by the wire
        answer = hub.client.post(
            BATCHES,
            input_stream=io.BytesIO(cut),
            content_type=whole["content_type"],
            environ_overrides={"CONTENT_LENGTH": str(length)},
        )
        assert (answer.status_code, answer.json["code"]) == (422, "WASL-REQ-004")
    assert hub.kept() == before


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_batch_is_refused_unread(hub: HubUnderTest, encoding: str) -> None:
    answer = hub.client.post(BATCHES, headers={"Content-Encoding": encoding}, **mixed([hub.signed()]))
    assert (answer.status_code, answer.json["code"]) == (415, "WASL-REQ-008")


@pytest.mark.parametrize("media_type", [None, "text/plain", "multipart/related; boundary=x", XML])
def test_other_media_types_are_no_batches(hub: HubUnderTest, media_type: str | None) -> None:
    answer = hub.client.post(BATCHES, data=b"x", content_type=media_type)
    assert (answer.status_code, answer.json["code"]) == (415, "WASL-REQ-001")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"envelopes": []}',
        b'{"envelopes": {}}',
        b'{"envelopes": [], "more": 1}',
        b'{"envelopes": [], "envelopes": []}',
        b'{"envelopes": [NaN]}',
        b'{"envelopes": ' + b"[" * 100 + b"]" * 100 + b"}",
        b"\xef\xbb\xbf{}",
        b"\xff",
    ],
)
def test_what_is_no_batch_is_refused_whole(hub: HubUnderTest, body: bytes) -> None:
    answer = hub.client.post(BATCHES, data=body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json["code"] in ("WASL-REQ-010", "WASL-JWS-010", "WASL-JWS-011")


@pytest.mark.parametrize(
    ("bad", "status", "code", "where"),
    [
        ({"mediaType": "text/plain", "content": ""}, 415, "WASL-REQ-001", None),
        ({"mediaType": XML, "content": "not base64!"}, 422, "WASL-REQ-010", "/envelopes/0/content"),
        ({"mediaType": XML, "content": "PGEvPg"}, 422, "WASL-REQ-010", "/envelopes/0/content"),
        ({"mediaType": JWS, "content": "\u202ex"}, 422, "WASL-REQ-010", "/envelopes/0/content"),
        ({"mediaType": 5, "content": ""}, 422, "WASL-REQ-010", "/envelopes/0"),
        ({"mediaType": XML}, 422, "WASL-REQ-010", "/envelopes/0"),
        ({"mediaType": XML, "content": "", "more": 1}, 422, "WASL-REQ-010", "/envelopes/0"),
        ("x", 422, "WASL-REQ-010", "/envelopes/0"),
    ],
)
def test_a_member_that_is_no_envelope_is_refused_alone(
    hub: HubUnderTest, bad: Any, status: int, code: str, where: str | None
) -> None:
    body = json.dumps({"envelopes": [bad, member(hub.signed())]})
    found = outcomes(hub.client.post(BATCHES, data=body, content_type="application/json"))
    assert [one["status"] for one in found] == [status, 201]
    fault = found[0]["problem"]["faults"][0]
    assert (fault["code"], fault.get("where")) == (code, where)


def test_problems_are_in_the_language_asked(hub: HubUnderTest) -> None:
    body = {"envelopes": [{"mediaType": "text/plain", "content": ""}]}
    answer = hub.client.post(BATCHES, json=body, headers={"Accept-Language": "fr"})
    assert answer.headers["Content-Language"] == "fr"
    assert "type de média" in outcomes(answer)[0]["problem"]["title"]
