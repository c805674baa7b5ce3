"""The inbox over HTTP: an office's system fetches its letters with what every language has."""

from __future__ import annotations

import json
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from werkzeug.http import parse_options_header

from gateway.domain.evidence.receipt import Event
from gateway.trust.assertion import make_assertion
from gateway.verifier.opening import open_receipt
from gateway.wire.mime import RelatedLimits, RelatedReader
from tests.support.hub import (
    AGENCY,
    AGENCY_OFFICE,
    COMMUNE,
    JWS,
    MINISTRY,
    MINISTRY_OFFICE,
    NAMES,
    XML,
    HubUnderTest,
    token_form,
)
from tests.support.systems import Simulator, accept, fresh_hub, receipts, state

INBOX = "/api/v1/inbox"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator())


def bearer(hub: HubUnderTest, party: str = AGENCY, scope: str = "inbox") -> dict[str, str]:
    address = "http://127.0.0.1:8080/oauth2/token"
    assertion = make_assertion(
        hub.sealer(NAMES[party]).key, party, address, hub.gateway.ambient.random_bytes(8).hex(), hub.clock()
    )
    answer = hub.client.post("/oauth2/token", data=token_form(assertion, scope=scope))
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json['access_token']}"}


def call(
    hub: HubUnderTest, method: str, path: str, body: object = None, party: str = AGENCY, **query: str
) -> Any:
    data = None if body is None else json.dumps(body)
    return hub.client.open(
        f"{INBOX}{path}",
        method=method,
        headers=bearer(hub, party),
        data=data,
        content_type="application/json" if data else None,
        query_string=query,
    )


def lying(hub: HubUnderTest, office: str = AGENCY_OFFICE, **letter: Any) -> str:
    [delivery] = accept(hub, office, **letter)
    hub.dispatch().run_once(100)
    assert state(hub, delivery) == "AVAILABLE"
    return delivery


def told(hub: HubUnderTest, delivery: str) -> list[Event]:
    return [one.event for one in receipts(hub, delivery) if one.event is not Event.TIME_LIMIT]


def test_a_letter_is_found_locked_fetched_and_acknowledged(hub: HubUnderTest, tmp_path: Path) -> None:
    plan = tmp_path / "plan d'été خطة.txt"
    plan.write_bytes(b"twelve bytes" * 100_000)
    delivery = lying(hub, files=(plan,), subject="Demande")
    listed = call(hub, "GET", "", office=AGENCY_OFFICE)
    assert (listed.status_code, listed.headers["Cache-Control"]) == (200, "no-store")
    [entry] = [one for one in listed.json["letters"] if one["delivery"] == delivery]
    assert (entry["sender"], entry["subject"], entry["attachments"]) == (MINISTRY, "Demande", 1)
    locked = call(hub, "POST", f"/{delivery}/lock", {"reader": "desk-1"})
    assert locked.json["lockedUntil"] > hub.clock().isoformat()
    assert call(hub, "POST", f"/{delivery}/lock", {"reader": "desk-2"}).status_code == 409
    fetched = hub.client.get(f"{entry['content']}?reader=desk-1", headers=bearer(hub))
    assert fetched.status_code == 200
    assert sha256(fetched.data).hexdigest() == receipts(hub, delivery)[0].received.sha256  # type: ignore[union-attr]
    link = fetched.headers["Link"].partition(">")[0].lstrip("<")
    attached = hub.client.get(f"{link}?reader=desk-1", headers=bearer(hub))
    assert attached.data == plan.read_bytes()
    disposition, named = parse_options_header(attached.headers["Content-Disposition"])
    assert (disposition, named["filename"]) == ("attachment", "plan d'été خطة.txt")
    taken = call(
        hub, "POST", f"/{delivery}/acknowledge",
        {"registerNumber": "7/2026", "registerDate": "2026-03-01", "reader": "desk-1", "unit": "Front desk"},
    )  # fmt: skip
    assert taken.json == {
        "delivery": delivery,
        "office": AGENCY_OFFICE,
        "name": receipts(hub, delivery)[0].recipient.name,  # type: ignore[union-attr]
        "state": "HANDED_OVER",
        "processing": "REGISTERED",
        "registerNumber": "7/2026",
    }
    events = told(hub, delivery)
    assert events.count(Event.CONTENT_ACCESS_TRACKING) <= 2
    assert events[-2:] == [Event.CONTENT_HANDOVER, Event.REGISTERED]


def test_a_repeated_acknowledgment_gets_the_same_answer(hub: HubUnderTest) -> None:
    delivery = lying(hub)
    body = {"registerNumber": "8/2026"}
    first = call(hub, "POST", f"/{delivery}/acknowledge", body)
    before = told(hub, delivery)
    again = call(hub, "POST", f"/{delivery}/acknowledge", body)
    assert (again.status_code, again.json) == (200, first.json)
    assert told(hub, delivery) == before


def test_without_a_body_the_letter_is_taken_and_the_number_may_follow(hub: HubUnderTest) -> None:
    delivery = lying(hub)
    assert call(hub, "POST", f"/{delivery}/acknowledge").json["processing"] == "NONE"
    later = call(hub, "POST", f"/{delivery}/acknowledge", {"registerNumber": "9", "registerBook": "B"})
    assert (later.json["processing"], later.json["registerNumber"]) == ("REGISTERED", "9")


def test_progress_is_told_until_the_matter_is_closed(hub: HubUnderTest) -> None:
    delivery = lying(hub)
    call(hub, "POST", f"/{delivery}/acknowledge", {"registerNumber": "10"})
    for said in ("IN_PROGRESS", "AWAITING_SENDER", "IN_PROGRESS", "CLOSED"):
        answer = call(hub, "POST", f"/{delivery}/progress", {"state": said, "at": hub.clock().isoformat()})
        assert (answer.status_code, answer.json["processing"]) == (200, said)
    assert call(hub, "POST", f"/{delivery}/progress", {"state": "REGISTERED"}).status_code == 422


def test_a_letter_is_refused_on_a_coded_ground(hub: HubUnderTest) -> None:
    delivery = lying(hub)
    assert call(hub, "POST", f"/{delivery}/refuse", {"code": "WASL-DLV-099"}).status_code == 422
    assert call(hub, "POST", f"/{delivery}/refuse", {"code": "WASL-DLV-039"}).status_code == 422
    answer = call(hub, "POST", f"/{delivery}/refuse", {"code": "WASL-DLV-039", "text": "sent by mistake"})
    assert answer.json["state"] == "REFUSED"
    last = receipts(hub, delivery)[-1]
    assert (last.event, last.reasons[0].code) == (Event.CONSIGNMENT_REJECTION, "WASL-DLV-039")


def test_a_letter_is_passed_on_to_another_office(hub: HubUnderTest) -> None:
    delivery = lying(hub)
    answer = call(hub, "POST", f"/{delivery}/redirect", {"office": MINISTRY_OFFICE, "code": "WASL-DLV-031"})
    assert (answer.status_code, answer.json["state"]) == (200, "REDIRECTED")
    assert state(hub, answer.json["successor"]) in ("QUEUED", "AVAILABLE")


def test_a_page_leads_to_the_next(hub: HubUnderTest) -> None:
    lies = {lying(hub) for _ in range(3)}
    found: set[str] = set()
    address: str | None = f"{INBOX}?office={AGENCY_OFFICE}&limit=2"
    while address:
        page = hub.client.get(address, headers=bearer(hub)).json
        assert len(page["letters"]) <= 2
        found |= {one["delivery"] for one in page["letters"]}
        address = page["next"]
    assert lies <= found


@pytest.mark.parametrize(
    ("method", "verb"),
    [("POST", "lock"), ("DELETE", "lock"), ("GET", "content"), ("GET", "content/a"), ("POST", "acknowledge"),
     ("POST", "progress"), ("POST", "refuse"), ("POST", "redirect")],
)  # fmt: skip
def test_to_everybody_else_a_letter_does_not_exist(hub: HubUnderTest, method: str, verb: str) -> None:
    delivery = lying(hub)
    before = hub.kept()
    body = {"state": "IN_PROGRESS"} if verb == "progress" else None
    stranger = call(hub, method, f"/{delivery}/{verb}", body, party=COMMUNE)
    nobody = call(hub, method, f"/nothing/{verb}", body)
    assert (stranger.status_code, nobody.status_code) == (404, 404)
    assert stranger.json["code"] == nobody.json["code"] == "WASL-REQ-005"
    assert hub.kept() == before
    assert call(hub, "GET", "", office=AGENCY_OFFICE, party=COMMUNE).status_code == 404


def test_a_token_for_reading_ones_own_letters_opens_no_inbox(hub: HubUnderTest) -> None:
    answer = hub.client.get(f"{INBOX}?office={AGENCY_OFFICE}", headers=bearer(hub, scope="envelopes:read"))
    assert (answer.status_code, answer.json["code"]) == (403, "WASL-AUT-005")


@pytest.mark.parametrize(
    "body",
    [
        b'{"registerNumber": "1", "registerNumber": "2"}',
        b'{"registerNumber": 7}',
        b'{"registerNumber": ""}',
        b'{"registerNumber": "a\\u0000b"}',
        b'{"registerNumber": "a\\nb"}',
        b'{"registerNumber": "%s"}' % (b"9" * 121),
        b'{"registerDate": "2026-01-01"}',
        b'{"registerNumber": "1", "registerDate": "2026-02-30"}',
        b'{"registerNumber": "1", "registerDate": "20260201"}',
        b'{"registerNumber": "1", "other": "2"}',
        b'["registerNumber"]',
        b'"registerNumber"',
        b"{",
        b"\xff",
        b"[" * 5000,
        b'{"unit": "a\\u2028b"}',
        b'{"reader": "%s"}' % (b"r" * 121),
    ],
)
def test_a_body_that_is_none_is_refused_and_changes_nothing(hub: HubUnderTest, body: bytes) -> None:
    delivery = lying(hub)
    before = hub.kept()
    answer = hub.client.post(
        f"{INBOX}/{delivery}/acknowledge", data=body, headers=bearer(hub), content_type="application/json"
    )
    assert answer.status_code == 422, answer.text
    assert answer.json["code"].startswith("WASL-")
    assert hub.kept() == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
    ],
)
def test_a_body_of_another_kind_is_not_read(hub: HubUnderTest, headers: dict[str, str], status: int) -> None:
    delivery = lying(hub)
    answer = hub.client.post(
        f"{INBOX}/{delivery}/acknowledge", data=b"{}", headers={**bearer(hub), **headers}
    )
    assert answer.status_code == status
    assert state(hub, delivery) == "AVAILABLE"


def test_the_media_type_wanted_is_named(hub: HubUnderTest) -> None:
    headers = {**bearer(hub), "Content-Type": "text/plain"}
    answer = hub.client.post(f"{INBOX}/{lying(hub)}/acknowledge", data=b"{}", headers=headers)
    [fault] = answer.json["faults"]
    assert (fault["code"], fault["found"], fault["expected"]) == (
        "WASL-REQ-001",
        "text/plain",
        "application/json",
    )


def test_a_body_that_is_too_large_is_not_read(hub: HubUnderTest) -> None:
    delivery = lying(hub)
    answer = hub.client.post(
        f"{INBOX}/{delivery}/acknowledge",
        data=b'{"registerNumber": "1"' + b" " * 70_000 + b"}",
        headers=bearer(hub),
        content_type="application/json",
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "query",
    ["", "?office=", f"?office={AGENCY_OFFICE}&office={MINISTRY_OFFICE}", f"?office={AGENCY_OFFICE}&limit=0",
     f"?office={AGENCY_OFFICE}&limit=101", f"?office={AGENCY_OFFICE}&limit=1e1"],
)  # fmt: skip
def test_an_address_that_asks_for_nothing_sensible_is_refused(hub: HubUnderTest, query: str) -> None:
    answer = hub.client.get(f"{INBOX}{query}", headers=bearer(hub))
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-REQ-010")


def test_head_fetches_nothing_and_attests_nothing(hub: HubUnderTest) -> None:
    delivery = lying(hub)
    assert hub.client.head(f"{INBOX}/{delivery}/content", headers=bearer(hub)).status_code == 405
    assert Event.CONTENT_ACCESS_TRACKING not in told(hub, delivery)


def test_who_does_not_say_its_unit_reads_as_the_office(hub: HubUnderTest) -> None:
    delivery = lying(hub)
    call(hub, "GET", f"/{delivery}/content")
    [opened] = [one for one in receipts(hub, delivery) if one.event is Event.CONTENT_ACCESS_TRACKING]
    assert opened.accessed_by == opened.recipient.name  # type: ignore[union-attr]


def test_a_sender_sees_what_the_office_did(hub: HubUnderTest) -> None:
    delivery = lying(hub)
    call(hub, "POST", f"/{delivery}/acknowledge", {"registerNumber": "11"})
    reference = receipts(hub, delivery)[0].reference
    listed = hub.client.get(
        f"/api/v1/envelopes/{reference}/receipts", headers=bearer(hub, MINISTRY, "envelopes:read")
    )
    given = hub.client.get(
        listed.json["receipts"][-1]["href"], headers=bearer(hub, MINISTRY, "envelopes:read")
    )
    assert open_receipt(given.data, given.mimetype).receipt.event in (Event.REGISTERED, Event.TIME_LIMIT)


def whole(hub: HubUnderTest, delivery: str, accept_header: str) -> Any:
    headers = {**bearer(hub), "Accept": accept_header}
    return hub.client.get(f"{INBOX}/{delivery}/content", headers=headers)


@pytest.mark.parametrize("media_type", [XML, JWS])
def test_all_of_a_letter_comes_in_one_answer_where_that_is_asked_for(
    hub: HubUnderTest, tmp_path: Path, media_type: str
) -> None:
    plans = []
    for number, octets in enumerate([b"", b"\r\n--boundary\r\n" * 70_000, "خطة".encode()]):
        plans.append(tmp_path / f"plan-{number}.txt")
        plans[-1].write_bytes(octets)
    delivery = lying(hub, files=tuple(plans), media_type=media_type)
    alone = whole(hub, delivery, "*/*")
    assert alone.mimetype == media_type
    answer = whole(hub, delivery, "multipart/related, */*;q=0.1")
    assert (answer.status_code, answer.mimetype) == (200, "multipart/related")
    assert answer.content_length == len(answer.data)
    assert "Accept" in answer.vary
    reader = RelatedReader(BytesIO(answer.data), answer.headers["Content-Type"], RelatedLimits(1 << 20, 10))
    assert reader.root() == (media_type, alone.data)
    found = [b"".join(part.chunks) for part in reader.parts()]
    assert sorted(found) == sorted(plan.read_bytes() for plan in plans)
    assert told(hub, delivery).count(Event.CONTENT_HANDOVER) == 0


@pytest.mark.parametrize("wish", ["multipart/related;q=0", "application/xml", "multipart/*;q=0.1, */*", "x"])
def test_who_does_not_rather_want_all_in_one_answer_gets_the_envelope(hub: HubUnderTest, wish: str) -> None:
    assert whole(hub, lying(hub), wish).mimetype == XML


def test_all_in_one_answer_costs_no_more_memory_for_more_octets(hub: HubUnderTest, tmp_path: Path) -> None:
    import tracemalloc

    big = tmp_path / "big.bin"
    with big.open("wb") as file:
        file.truncate(64 * 1024**2)
    delivery = lying(hub, files=(big,))
    headers = {**bearer(hub), "Accept": "multipart/related"}
    answer = hub.client.get(f"{INBOX}/{delivery}/content", headers=headers, buffered=False)
    tracemalloc.start()
    try:
        octets = sum(len(chunk) for chunk in answer.response)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        answer.close()
    assert octets == answer.content_length > 64 * 1024**2
    assert peak < 8 * 1024**2
