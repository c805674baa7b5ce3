"""A test letter whose signature is wrong is answered with what was found; a real one with nothing of it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from time import monotonic
from typing import Any

import pytest
from lxml import etree

from gateway.cli.compose import SignedLetter
from gateway.domain.evidence.examination import MOST_OCTETS
from gateway.domain.transit.envelope import Recipient
from gateway.trust.jwsprimitive import sign
from tests.support.hub import JWS, TEST_OFFICE, XML, HubUnderTest, make_hub

DS = "{http://www.w3.org/2000/09/xmldsig#}"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


def letter(hub: HubUnderTest, media_type: str = XML, test: bool = True, **changes: Any) -> SignedLetter:
    recipients = (Recipient(office=TEST_OFFICE),)
    return hub.signed(hub.envelope(test=test, recipients=recipients, **changes), media_type)


def altered(hub: HubUnderTest, test: bool = True, **changes: Any) -> SignedLetter:
    """A letter whose subject was changed after it was signed."""
    signed = letter(hub, test=test, **changes)
    return SignedLetter(signed.root.replace(b"request for a document", b"bequest of a document"), XML)


def resigned(hub: HubUnderTest) -> SignedLetter:
    """A letter whose signature value is of another one."""
    mine, other = (etree.fromstring(letter(hub).root) for _ in range(2))
    value = f".//{DS}SignatureValue"
    mine.find(value).text = other.find(value).text  # type: ignore[union-attr]
    return SignedLetter(etree.tostring(mine), XML)


def broken_jws(hub: HubUnderTest, test: bool = True) -> SignedLetter:
    head, payload, _ = letter(hub, JWS, test).root.split(b".")
    _, _, signature = letter(hub, JWS, test).root.split(b".")
    return SignedLetter(b".".join((head, payload, signature)), JWS)


@pytest.mark.parametrize("path", ["/api/v1/envelopes", "/api/v1/envelopes/check"])
def test_changed_content_is_shown_by_the_reference_that_covers_it(hub: HubUnderTest, path: str) -> None:
    sent = altered(hub)
    answer = hub.post(sent, path)
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-SIG-012")
    whole, *others = answer.json["signature"]["references"]
    assert [one["good"] for one in (whole, *others)] == [False, *[True] * len(others)]
    assert len(others) >= 1
    octets = b64decode(whole["canonical"]["octets"])
    assert b"bequest of a document" in octets
    assert (whole["uri"], whole["canonical"]["size"]) == ("", len(octets))
    assert whole["found"] == b64encode(sha256(octets).digest()).decode()
    stated = etree.fromstring(sent.root).findall(f".//{DS}Reference/{DS}DigestValue")
    assert [one["expected"] for one in (whole, *others)] == [one.text for one in stated]
    for one in others:
        assert one["uri"].startswith("#")
        digest = sha256(b64decode(one["canonical"]["octets"])).digest()
        assert one["found"] == one["expected"] == b64encode(digest).decode()


def test_the_octets_that_are_shown_are_those_that_would_verify(hub: HubUnderTest) -> None:
    """Signed over what the answer shows, the letter is taken."""
    sent = resigned(hub)
    answer = hub.post(sent)
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-SIG-013")
    shown = answer.json["signature"]
    assert all(one["good"] for one in shown["references"])
    value = sign("ES256", hub.sealer("ministry").key, b64decode(shown["signed"]["octets"]))
    root = etree.fromstring(sent.root)
    root.find(f".//{DS}SignatureValue").text = b64encode(value).decode()  # type: ignore[union-attr]
    assert shown["method"].endswith("ecdsa-sha256")
    assert hub.post(SignedLetter(etree.tostring(root), XML)).status_code == 201


def test_jws_is_shown_its_signing_input(hub: HubUnderTest) -> None:
    sent = broken_jws(hub)
    answer = hub.post(sent)
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-SIG-013")
    shown = answer.json["signature"]
    assert (shown["method"], shown["references"]) == ("ES256", [])
    assert b64decode(shown["signed"]["octets"]) == sent.root.rpartition(b".")[0]


@pytest.mark.parametrize(
    "made",
    [lambda hub: altered(hub, test=False), lambda hub: broken_jws(hub, test=False)],
    ids=["XML", "JWS"],
)
def test_real_letters_are_shown_nothing(
    hub: HubUnderTest, made: Callable[[HubUnderTest], SignedLetter]
) -> None:
    answer = hub.post(made(hub))
    assert answer.status_code == 422
    assert "signature" not in answer.json


def test_document_that_says_test_elsewhere_is_no_test(hub: HubUnderTest) -> None:
    sent = altered(hub, test=False).root
    hidden = sent.replace(b"<Sender>", b"<Sender><Test>true</Test>", 1)
    assert hidden != sent
    answer = hub.post(SignedLetter(hidden, XML))
    assert (answer.status_code, "signature" in answer.json) == (422, False)


def test_stranger_is_shown_nothing(hub: HubUnderTest) -> None:
    hub.issue("stranger")
    recipients = (Recipient(office=TEST_OFFICE),)
    signed = hub.signed(hub.envelope(test=True, recipients=recipients), by="stranger")
    answer = hub.post(SignedLetter(signed.root.replace(b"request for a", b"bequest of a"), XML))
    assert (answer.status_code, "signature" in answer.json) == (422, False)


def test_what_is_shown_is_bounded_and_costs_no_more_than_a_good_letter(hub: HubUnderTest) -> None:
    body = "é" * 90_000
    began = monotonic()
    assert hub.post(letter(hub, body=body)).status_code == 201
    good = monotonic() - began
    began = monotonic()
    answer = hub.post(altered(hub, body=body))
    assert monotonic() - began < good * 5 + 1
    whole = answer.json["signature"]["references"][0]["canonical"]
    assert len(b64decode(whole["octets"])) == MOST_OCTETS
    assert whole["size"] > 180_000
    assert len(answer.data) < 6 * MOST_OCTETS


def test_nothing_of_it_is_kept(hub: HubUnderTest) -> None:
    before = hub.kept()
    hub.post(altered(hub))
    hub.post(broken_jws(hub))
    assert hub.kept() == before
