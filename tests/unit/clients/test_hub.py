"""The client of a hub: typed answers, tokens kept while they are good, and nothing made of a bad answer."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.contract import Response
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings, Sink
from gateway.clients.hub import HubClient
from gateway.clients.hub_answers import Page, SentLetter, read
from gateway.clients.hub_inbox import InboxClient
from gateway.clients.hub_refused import Declined, check, retry_after
from gateway.clients.hub_sender import SenderClient
from gateway.domain.errors import Ambiguous, DeliveryError, Permanent, Temporary

REFERENCE = "7K3M-Q9XT-V2H"
LETTER = {
    "reference": REFERENCE,
    "messageId": "01950000-0000-7000-8000-000000000001",
    "state": "ACCEPTED",
    "test": False,
    "subject": "Demande",
    "receivedAt": "2026-03-01T09:00:00+00:00",
    "receipts": "/api/v1/envelopes/7K3M-Q9XT-V2H/receipts",
    "deliveries": [
        {
            "id": "d1",
            "office": "B0000002-4",
            "name": "Commune",
            "state": "HANDED_OVER",
            "processing": "REGISTERED",
            "notices": ["WASL-RTE-101"],
            "registerNumber": "7/2026",
            "targetReference": None,
            "nextAttempt": None,
            "events": [
                {"track": "transport", "state": "HANDED_OVER", "at": "2026-03-01T09:01:00Z", "reason": None}
            ],
        }
    ],
    "ofALaterVersion": {"passed": "over"},
}
TOKEN = {"access_token": "token-1", "token_type": "Bearer", "expires_in": 600, "scope": "envelopes:read"}


class Scripted(GuardedHttp):
    """The way out, answering as scripted: what is asked is kept."""

    def __init__(self, *answers: Response | Exception) -> None:
        super().__init__(HttpSettings())
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []

    def request(self, method: str, url: str, **how: Any) -> Response:
        self.asked.append((method, url, dict(how.get("headers") or {}), how.get("body") or b""))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer(status: int, members: Any = None, **headers: str) -> Response:
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def client(http: Scripted, now: Callable[[], float] = lambda: 0.0) -> HubClient:
    return HubClient(http, "http://hub.example", lambda address: f"assertion for {address}", now)


def test_a_letter_is_read_and_what_later_versions_add_passed_over() -> None:
    letter = read(SentLetter, json.dumps(LETTER).encode())
    assert letter.received_at == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert letter.deliveries[0].register_number == "7/2026"
    assert letter.deliveries[0].notices == ("WASL-RTE-101",)
    assert letter.deliveries[0].events[0].reason is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Sign in</html>",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"\xff",
        json.dumps({**LETTER, "deliveries": None}).encode(),
        json.dumps({**LETTER, "deliveries": [7]}).encode(),
        json.dumps({**LETTER, "test": "no"}).encode(),
        json.dumps({**LETTER, "reference": None}).encode(),
        json.dumps({**LETTER, "receivedAt": "yesterday"}).encode(),
        json.dumps({name: LETTER[name] for name in LETTER if name != "state"}).encode(),
    ],
)
def test_what_is_no_answer_of_a_hub_is_trouble_and_no_letter(body: bytes) -> None:
    with pytest.raises(Temporary):
        read(SentLetter, body)


def test_one_token_serves_many_calls_until_it_ends() -> None:
    http, now = (
        Scripted(answer(200, TOKEN), *[answer(200, LETTER)] * 2, answer(200, TOKEN), answer(200, LETTER)),
        [0.0],
    )
    sender = SenderClient(client(http, lambda: now[0]))
    sender.follow(REFERENCE)
    sender.follow(REFERENCE)
    now[0] = 571.0  # its last half minute
    sender.follow(REFERENCE)
    assert [url.rpartition("/")[2] for _, url, _, _ in http.asked] == [
        "token", REFERENCE, REFERENCE, "token", REFERENCE,
    ]  # fmt: skip
    assert http.asked[1][2]["Authorization"] == "Bearer token-1"
    assert b"assertion+for+http" in http.asked[0][3]


def test_a_token_that_the_hub_let_go_of_is_asked_for_anew_once() -> None:
    fresh = answer(200, {**TOKEN, "access_token": "token-2"})
    http = Scripted(answer(200, TOKEN), answer(401, {}), fresh, answer(200, LETTER))
    SenderClient(client(http)).follow(REFERENCE)
    assert http.asked[-1][2]["Authorization"] == "Bearer token-2"
    http = Scripted(answer(200, TOKEN), answer(401, {}), fresh, answer(401, {"code": "WASL-AUT-002"}))
    with pytest.raises(Declined):
        SenderClient(client(http)).follow(REFERENCE)


def test_each_scope_has_its_own_token() -> None:
    taken = {"deliveries": []}
    http = Scripted(answer(200, TOKEN), answer(200, taken), answer(200, TOKEN), answer(200, LETTER))
    sender = SenderClient(client(http))
    assert sender.cancel(REFERENCE) == ()
    sender.follow(REFERENCE)
    assert [b"envelopes%3Acancel" in http.asked[0][3], b"envelopes%3Aread" in http.asked[2][3]] == [
        True,
        True,
    ]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"access_token": 1, "expires_in": "soon"}', b'{"token": "x"}']
)
def test_a_token_answer_that_holds_none_is_trouble(body: bytes) -> None:
    with pytest.raises(Temporary):
        SenderClient(client(Scripted(answer(200, body)))).follow(REFERENCE)


def test_without_a_token_nothing_else_is_asked() -> None:
    http = Scripted(answer(401, {"error": "invalid_client"}))
    with pytest.raises(PermissionError, match="invalid_client"):
        SenderClient(client(http)).follow(REFERENCE)
    assert len(http.asked) == 1


def test_a_refusal_carries_its_reasons() -> None:
    fault = {"code": "WASL-RTE-001", "where": "/recipients/0", "text": "not known", "remedy": "look it up"}
    problem = {"code": "WASL-RTE-001", "title": "not known", "remedy": "look it up", "faults": [fault]}
    with pytest.raises(Declined, match="WASL-RTE-001 not known look it up") as caught:
        check(answer(422, problem), 200)
    assert (caught.value.status, caught.value.faults[0].where) == (422, "/recipients/0")


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"faults": 7}', b'{"faults": [7], "title": 7}', b"[" * 100_000]
)
def test_a_refusal_in_no_form_of_ours_is_one_all_the_same(body: bytes) -> None:
    with pytest.raises(Declined, match="WASL-REQ-010"):
        check(answer(404, body), 200)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_trouble_is_no_refusal(status: int) -> None:
    with pytest.raises(Temporary) as caught:
        check(answer(status, {}, retry_after="7"), 200)
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("5", 5.0), ("999999999", 86_400.0), ("-1", None), ("soon", None), ("٥", None), ("", None)],
)
def test_when_to_ask_again_is_bounded(told: str, seconds: float | None) -> None:
    assert retry_after(Response(503, {"retry-after": told}, b"")) == seconds


@pytest.mark.parametrize("href", ["https://elsewhere.example/x", "//elsewhere.example/x", "api", ""])
def test_an_address_that_leads_elsewhere_is_never_called(href: str) -> None:
    http = Scripted()
    with pytest.raises(Permanent):
        SenderClient(client(http)).receipt(href, "application/xml")
    assert http.asked == []


@pytest.mark.parametrize("reference", ["../../oauth2/token", "a/b", "a?b", "ا"])
def test_what_stands_for_a_reference_stays_one_segment(reference: str) -> None:
    http = Scripted(answer(200, TOKEN), answer(200, LETTER))
    SenderClient(client(http)).follow(reference)
    path = http.asked[1][1].removeprefix("http://hub.example/api/v1/envelopes/")
    assert not set(path) & set("/?#")


def test_an_inbox_is_read_page_by_page() -> None:
    entry = {
        "delivery": "d1", "reference": REFERENCE, "sender": "A0000001-3", "senderName": "Ministry",
        "subject": "x", "documentType": None, "test": False, "unit": None,
        "acceptedAt": "2026-03-01T09:00:00Z", "expiresAt": None, "attachments": 0, "octets": 0,
        "lockedUntil": None, "content": "/api/v1/inbox/d1/content",
    }  # fmt: skip
    pages = [{"letters": [entry], "next": "/api/v1/inbox?office=B&after=d1"}, {"letters": [], "next": None}]
    http = Scripted(answer(200, TOKEN), *(answer(200, page) for page in pages))
    assert [one.delivery for one in InboxClient(client(http)).letters("B")] == ["d1"]
    assert http.asked[2][1].endswith("after=d1")
    assert read(Page, json.dumps(pages[1]).encode()).letters == ()


def test_who_reads_stands_in_body_or_address() -> None:
    standing = {
        "delivery": "d1", "office": "B", "name": "Office", "state": "HANDED_OVER",
        "processing": "NONE", "registerNumber": None,
    }  # fmt: skip
    http = Scripted(
        answer(200, TOKEN), answer(200, standing), answer(200, b"<a/>", link='</a/1>; rel="item"')
    )
    inbox = InboxClient(client(http), unit="Guichet", reader="desk 1")
    assert inbox.acknowledge("d1", "7/2026").successor is None
    assert json.loads(http.asked[1][3]) == {"registerNumber": "7/2026", "unit": "Guichet", "reader": "desk 1"}
    assert inbox.content("d1").attachments == ("/a/1",)
    assert http.asked[2][1].endswith("?unit=Guichet&reader=desk+1")


# Streams -----------------------------------------------------------------------------------------------


def speaking(octets: bytes) -> Callable[..., None]:
    def behave(connection: Any, server: Any) -> None:
        server.read_head(connection)
        connection.sendall(octets)

    return behave


@pytest.fixture
def http() -> GuardedHttp:
    limits = HttpLimits(connect_s=5, read_s=5, total_s=10, answer_bytes=1000)
    return GuardedHttp(HttpSettings(allow=("127.0.0.0/8",), limits=limits))


def head(status: str, length: int) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n".encode()


def test_a_long_answer_goes_where_it_is_wanted(serve: Any, http: GuardedHttp) -> None:
    content, into = b"x" * 300_000, io.BytesIO()
    server = serve(speaking(head("200 OK", len(content)) + content))
    found = http.request("GET", f"http://127.0.0.1:{server.port}/", into=Sink(into.write, 300_000))
    assert (found.status, found.body, into.getvalue() == content) == (200, b"", True)


def test_a_refusal_never_goes_where_the_content_is_wanted(serve: Any, http: GuardedHttp) -> None:
    into = io.BytesIO()
    server = serve(speaking(head("404 Not Found", 2) + b"no"))
    found = http.request("GET", f"http://127.0.0.1:{server.port}/", into=Sink(into.write, 300_000))
    assert (found.status, found.body, into.getvalue()) == (404, b"no", b"")


@pytest.mark.parametrize("stated", [True, False])
def test_an_answer_longer_than_wanted_ends_there(serve: Any, http: GuardedHttp, stated: bool) -> None:
    content, into = b"x" * 200_000, io.BytesIO()
    server = serve(speaking((head("200 OK", 200_000) if stated else b"HTTP/1.1 200 OK\r\n\r\n") + content))
    with pytest.raises(DeliveryError, match="more than 100000 octets"):
        http.request("GET", f"http://127.0.0.1:{server.port}/", into=Sink(into.write, 100_000))
    assert len(into.getvalue()) <= 100_000


def test_an_answer_that_is_cut_off_is_none(serve: Any, http: GuardedHttp) -> None:
    into = io.BytesIO()
    server = serve(speaking(head("200 OK", 1000) + b"x" * 10))
    with pytest.raises(Ambiguous):
        http.request("GET", f"http://127.0.0.1:{server.port}/", into=Sink(into.write, 1000))
