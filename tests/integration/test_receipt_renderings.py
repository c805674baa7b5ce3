"""Which rendering of a receipt leaves the door, for what callers say that they accept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.domain.errors import NotFound
from gateway.domain.evidence.receipt import LONG_TERM, ReceiptKind
from tests.support.hub import JWS, XML, HubUnderTest, make_hub, receipt_of

FLATTENED, PDF = "application/jose+json", "application/pdf"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ONE = "/api/v1/envelopes/ABCD-EFGH-JK0/receipts/1"


@dataclass
class Asked:
    """Answers every question for a receipt and remembers it."""

    questions: list[tuple[str, str]] = field(default_factory=list)
    missing: str | None = None

    def one(self, reference: str, receipt_id: str, media_type: str, party: str, level: str) -> bytes:
        self.questions.append((media_type, level))
        if self.missing:
            raise NotFound.because(self.missing)
        return b'{"protected": "", "payload": "", "signature": ""}'


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


@pytest.fixture
def asked(hub: HubUnderTest) -> Iterator[Asked]:
    asked = Asked()
    with hub.using(receipts=asked):
        yield asked


@pytest.mark.parametrize(
    ("accept", "query", "rendering"),
    [
        ("*/*", "", (XML, "B")),
        (XML, "", (XML, "B")),
        (JWS, "", (JWS, "B")),
        (PDF, "", (PDF, "B")),
        (BROWSER, "", (XML, "B")),
        (f"{PDF}, {XML};q=0.9", "", (PDF, "B")),
        (f"{JWS};q=0.5, {PDF};q=0.5", "", (JWS, "B")),
        ("application/*", "?level=T", (XML, "T")),
        (XML, "?level=T", (XML, "T")),
        (FLATTENED, "?level=T", (FLATTENED, "T")),
        (PDF, "?level=T", (PDF, "T")),
        (XML, "?level=B", (XML, "B")),
    ],
)
def test_the_rendering_is_what_the_caller_likes_best(
    hub: HubUnderTest, asked: Asked, accept: str, query: str, rendering: tuple[str, str]
) -> None:
    answer = hub.get(ONE + query, Accept=accept)
    assert answer.status_code == 200
    assert asked.questions == [rendering]
    assert answer.headers["Content-Type"] == rendering[0]
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("accept", "query"),
    [
        ("text/html", ""),
        (FLATTENED, ""),
        (JWS, "?level=T"),
        ("application/zip", "?level=T"),
        (f"{XML};q=0, {JWS};q=0, {PDF};q=0", ""),
    ],
)
def test_what_does_not_exist_at_a_level_is_not_acceptable(
    hub: HubUnderTest, asked: Asked, accept: str, query: str
) -> None:
    answer = hub.get(ONE + query, Accept=accept)
    assert (answer.status_code, answer.json["code"]) == (406, "WASL-REQ-009")
    assert asked.questions == []


@pytest.mark.parametrize("query", ["?level=t", "?level=LTA", "?level=", "?level=T&level=B"])
def test_a_level_that_there_is_not_is_named(hub: HubUnderTest, asked: Asked, query: str) -> None:
    answer = hub.get(ONE + query)
    assert (answer.status_code, answer.json["faults"][0]["where"]) == (422, "level")
    assert asked.questions == []


def test_a_pdf_is_shown_under_a_name_of_its_own(hub: HubUnderTest, asked: Asked) -> None:
    answer = hub.get(ONE, Accept=PDF)
    assert answer.headers["Content-Disposition"] == 'inline; filename="receipt-1.pdf"'
    assert "Content-Disposition" not in hub.get(ONE, Accept=XML).headers


@pytest.mark.parametrize(("code", "again"), [("WASL-REQ-011", True), ("WASL-REQ-012", False)])
def test_what_is_promised_is_told_apart_from_what_never_comes(
    hub: HubUnderTest, asked: Asked, code: str, again: bool
) -> None:
    asked.missing = code
    answer = hub.get(f"{ONE}?level=T")
    assert (answer.status_code, answer.json["code"]) == (404, code)
    assert ("Retry-After" in answer.headers) is again


def test_a_list_tells_everything_that_can_be_asked_for(hub: HubUnderTest) -> None:
    accepted = hub.post(hub.signed())
    (listed,) = hub.get(f"{accepted.headers['Location']}/receipts").json["receipts"]
    assert listed["mediaTypes"] == [XML, JWS, PDF]
    assert listed["longTerm"] is (ReceiptKind.ACCEPTANCE in LONG_TERM)
    digest = listed["contentDigest"]
    assert (listed["proof"], listed["token"]) == (f"/ledger/proof/{digest}", f"/ledger/proof/{digest}.tsr")


def test_a_time_stamped_receipt_says_the_same_as_the_sealed_one(hub: HubUnderTest) -> None:
    accepted = hub.post(hub.signed())
    (listed,) = hub.get(f"{accepted.headers['Location']}/receipts").json["receipts"]
    long_term: Any = hub.get(f"{listed['href']}?level=T", Accept=XML)
    assert long_term.status_code == 200
    assert b"SignatureTimeStamp" in long_term.data
    assert receipt_of(long_term) == receipt_of(accepted)
    assert hub.get(f"{listed['href']}?level=T", Accept=XML).data == long_term.data


@pytest.mark.parametrize(
    ("accept", "query", "begins"),
    [(PDF, "", b"%PDF-"), (PDF, "?level=T", b"%PDF-"), (FLATTENED, "?level=T", b'{"payload":"')],
)
def test_a_rendering_is_made_once_and_then_the_same_for_ever(
    hub: HubUnderTest, accept: str, query: str, begins: bytes
) -> None:
    accepted = hub.post(hub.signed())
    (listed,) = hub.get(f"{accepted.headers['Location']}/receipts").json["receipts"]
    first, again = (hub.get(listed["href"] + query, Accept=accept) for _ in range(2))
    assert (first.status_code, first.mimetype) == (200, accept)
    assert first.data.startswith(begins)
    assert again.data == first.data
