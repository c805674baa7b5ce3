"""Calls by which senders' systems are told receipts, as the options of a party describe them."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from adapters.contract import Context, Notice, Response, TellsSenders
from adapters.rest import RestAdapter
from adapters.skeleton import SkeletonAdapter
from adapters.soap import SoapAdapter
from adapters.view import notice_view
from gateway.domain.errors import Ambiguous, DeliveryError, Permanent, Temporary

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
NOTICE = Notice(
    receipt_id="018f0000-0000-7000-8000-000000000001",
    kind="registration",
    event="urn:wasl:event:Registered",
    event_time=NOW,
    sealed=b"<Receipt/>",
    media_type="application/xml",
    content_digest="ab" * 32,
    reference="7K2M-9QXT-4RB",
    message_id="018f0000-0000-7000-8000-000000000002",
    office="B0000002-4",
    register_number="C-26/7",
    register_date=date(2026, 11, 22),
    reasons=(("WASL-DLV-003", "It was refused."),),
)
OPTIONS: dict[str, Any] = {"base_url": "https://system.test/api", "tell": {"path": "/in/{receiptId}"}}


class Line:
    """Answers one response and keeps the call."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []

    def request(self, method: str, url: str, *, headers: Any = None, body: Any = None, **_: Any) -> Response:
        self.calls.append((method, url, dict(headers), body))
        return self.response


def told(options: dict[str, Any], response: Response, notice: Notice = NOTICE) -> tuple[Any, ...]:
    line = Line(response)
    RestAdapter().tell(notice, Context(line, options, {"key": "s3cret"}.__getitem__, lambda: NOW))
    [call] = line.calls
    return call


def answer(status: int, body: bytes = b"", **headers: str) -> Response:
    return Response(status, headers, body)


def test_sealed_receipt_goes_as_it_is_under_its_own_identifier() -> None:
    options = {**OPTIONS, "auth": {"kind": "bearer", "secret": "key"}, "headers": {"X-Hub": "wasl"}}
    method, url, headers, body = told(options, answer(204))
    assert (method, url, body) == ("POST", f"https://system.test/api/in/{NOTICE.receipt_id}", b"<Receipt/>")
    assert headers["Content-Type"] == "application/xml"
    assert headers["Idempotency-Key"] == NOTICE.receipt_id
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["X-Hub"] == "wasl"


def test_mapped_receipt_goes_as_json() -> None:
    tell = {
        "method": "PUT",
        "path": "/letters/{reference}/{deliveryId}",
        "body": {"no": "registerNumber", "on": "date(registerDate, '%d/%m/%Y')", "it": "receipt.content"},
    }
    options = {**OPTIONS, "idempotency_header": "X-Once", "tell": tell}
    method, url, headers, body = told(options, answer(200, b"{}"), replace(NOTICE, reference="a/../b c"))
    assert (method, url) == ("PUT", "https://system.test/api/letters/a%2F..%2Fb%20c/-")
    assert headers["X-Once"] == NOTICE.receipt_id
    assert json.loads(body) == {
        "no": "C-26/7",
        "on": "22/11/2026",
        "it": base64.b64encode(b"<Receipt/>").decode(),
    }


def test_view_tells_every_fact_and_no_octets_but_the_file() -> None:
    view = notice_view(NOTICE)
    assert view["eventName"] == "Registered"
    assert notice_view(replace(NOTICE, event="http://uri.etsi.org/19522/Event/ContentHandover"))[
        "eventName"
    ] == ("ContentHandover")
    assert view["eventTime"] == NOW.isoformat()
    assert view["reasons"] == [{"code": "WASL-DLV-003", "text": "It was refused."}]
    assert view["receipt"]["name"] == f"accuse-{NOTICE.receipt_id}.xml"
    assert view["receipt"]["content"].octets() == b"<Receipt/>"
    assert "sealed" not in view


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer(200, b"<!doctype html>"), Ambiguous),
        (answer(500), Ambiguous),
        (answer(302), Ambiguous),
        (answer(503, **{"retry-after": "9"}), Temporary),
        (answer(401), Temporary),
        (answer(422), Permanent),
        (answer(200, b'{"ok": false}'), Ambiguous),
    ],
)
def test_what_is_no_success_is_told_apart(response: Response, kind: type[DeliveryError]) -> None:
    options = {**OPTIONS, "tell": {"path": "/in", "success": "ok"}}
    with pytest.raises(DeliveryError) as caught:
        told(options, response)
    assert type(caught.value) is kind


@pytest.mark.parametrize("outcome", ["duplicate", "accepted"])
def test_rule_makes_an_answer_good(outcome: str) -> None:
    told({**OPTIONS, "rules": [{"status": 409, "outcome": outcome}]}, answer(409, b"there already"))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"tell": None}, "tell: is required"),
        ({"base_url": "ftp://x"}, "base_url: is no absolute http"),
        ({"tell": {"path": "/in/{handle}"}}, "tell.path: names handle"),
        ({"tell": {"path": "in"}}, "tell.path: does not begin with /"),
        ({"tell": {"path": "/in", "method": "GET"}}, "tell.method: is none of"),
        ({"tell": {"path": "/in", "body": {"a": "nope("}}}, "tell.body.a: "),
        ({"tell": {"path": "/in", "reads": {}}}, "tell.reads: is no option known here"),
        ({"create": {}}, "create: is no option known here"),
        ({"headers": {"a b": "c"}}, "headers.a b: is no header"),
    ],
)
def test_wrong_options_are_told_by_their_key(change: dict[str, Any], fault: str) -> None:
    options = {name: value for name, value in {**OPTIONS, **change}.items() if value is not None}
    [found] = RestAdapter().check_telling(options)
    assert found.startswith(fault)
    with pytest.raises(Temporary, match="WASL-DLV-007"):
        told(options, answer(200))


def test_good_options_have_no_faults() -> None:
    assert RestAdapter().check_telling(OPTIONS) == []
    soap = {"wsdl_url": "https://system.test/x?wsdl", "operation": "Tell", "request": {"id": "receiptId"}}
    assert SoapAdapter().check_telling(soap) == []
    assert SoapAdapter().check_telling({**soap, "find": {}, "reads": {"handle": "a"}})[:2] == [
        "reads: is no option for receipts",
        "find: is no option for receipts",
    ]
    assert SkeletonAdapter().check_telling({"url": "https://system.test/in"}) == []


def test_every_kind_of_the_project_tells_senders() -> None:
    assert all(isinstance(one, TellsSenders) for one in (RestAdapter(), SoapAdapter(), SkeletonAdapter()))
