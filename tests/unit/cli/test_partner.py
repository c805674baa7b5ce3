"""A party in a program: the same octets are sent until there is an answer, and only a receipt counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from adapters.contract import Response
from gateway.cli.compose import XML, SignedLetter
from gateway.cli.partner.partner import Partner, Rejected
from gateway.cli.partner.sealed import BadReceipt
from gateway.clients.hub import HubClient
from gateway.clients.hub_inbox import InboxClient
from gateway.clients.hub_refused import Declined
from gateway.clients.hub_sender import SenderClient
from gateway.domain.errors import Ambiguous, Permanent, Temporary
from tests.unit.clients.test_hub import Scripted, answer

LETTER = SignedLetter(b"<Envelope/>", XML)
PROBLEM = {"faults": [{"code": "WASL-RTE-001", "text": "not known", "remedy": "look it up", "where": "/a"}]}


def partner(http: Scripted, waited: list[float]) -> Partner:
    hub: Any = HubClient(http, "http://hub.example")
    nobody: Any = None
    return Partner("A", "HUB", nobody, SenderClient(hub), InboxClient(hub), sleep=waited.append)


def refused() -> Response:
    return answer(422, PROBLEM, content_type="application/problem+json")


def test_the_same_octets_are_sent_until_there_is_an_answer() -> None:
    trouble = [
        Temporary("WASL-DLV-003"),
        Ambiguous("WASL-DLV-004"),
        answer(503, {}, retry_after="9"),
        answer(429, {}),
    ]
    http, waited = Scripted(*trouble, refused()), []
    with pytest.raises(Rejected) as caught:
        partner(http, waited).send(LETTER)
    assert caught.value.reasons == ("WASL-RTE-001 not known look it up (/a)",)
    assert {body for _, _, _, body in http.asked} == {LETTER.root}
    assert waited == [1.0, 2.0, 9.0, 8.0]


def test_in_the_end_it_is_said_that_there_is_no_answer() -> None:
    http, waited = Scripted(*[Ambiguous("WASL-DLV-004")] * 3), []
    with pytest.raises(Ambiguous):
        partner(http, waited).send(LETTER, waits=(1, 1))
    assert len(http.asked) == 3


def test_an_address_that_may_not_be_called_is_called_once() -> None:
    http, waited = Scripted(Permanent("WASL-DLV-006")), []
    with pytest.raises(Permanent):
        partner(http, waited).send(LETTER)
    assert waited == []


def test_what_is_no_receipt_is_none_whatever_the_status() -> None:
    http = Scripted(answer(201, b"<Receipt/>", content_type=XML))
    with pytest.raises(BadReceipt):
        partner(http, []).send(LETTER)


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_a_refusal_by_somebody_else_is_no_rejection_of_the_letter(kind: str) -> None:
    with pytest.raises(Declined):
        partner(Scripted(answer(403, PROBLEM, content_type=kind)), []).send(LETTER)


def test_a_party_file_that_lacks_something_is_told(tmp_path: Path) -> None:
    file = tmp_path / "party.toml"
    file.write_text('hub = "http://127.0.0.1:9"\n')
    with pytest.raises(click.BadParameter, match="certificate, hub_code, key, party"):
        Partner.from_file(file)
