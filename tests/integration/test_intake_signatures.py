"""Letters of senders whose tools can do less: plain XML signatures, and certificates named by digest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from lxml import etree

from gateway import assets
from gateway.cli.compose import SignedLetter
from gateway.domain.transit.envelope import Envelope
from gateway.domain.transit.persons import Sender
from gateway.wire.envelopes import envelope_element, write_envelope_json
from tests.assets import rawjws, rawsign
from tests.support.hub import COMMUNE, JWS, XML, HubUnderTest, make_hub, receipt_of


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"))


def plain(hub: HubUnderTest, envelope: Envelope, holder: str = "ministry") -> SignedLetter:
    """A letter with a plain XML signature, which states no time of its own."""
    document = etree.tostring(envelope_element(envelope), encoding="unicode")
    slotted = document.replace("</Envelope>", f"{rawsign.SLOT}</Envelope>")
    assert rawsign.SLOT in slotted
    signer = hub.pki[holder]
    return SignedLetter(rawsign.sign(slotted, rawsign.plain_plan(signer.key, signer.certificate)), XML)


def by_digest(hub: HubUnderTest, envelope: Envelope, holder: str = "ministry") -> SignedLetter:
    """A JWS that names its certificate by digest and does not carry it."""
    signer = hub.pki[holder]
    header = rawjws.header(signer.certificate, "ES256", int(hub.clock().timestamp()), {"x5c": None})
    return SignedLetter(rawjws.compact(header, write_envelope_json(envelope), "ES256", signer.key), JWS)


def codes(answer: Any) -> list[str]:
    return [reason.code for reason in receipt_of(answer).reasons]


def test_plain_xml_signature_is_taken_and_named_in_the_receipt(hub: HubUnderTest) -> None:
    letter = plain(hub, hub.envelope())
    answer = hub.post(letter)
    assert answer.status_code == 201
    assert receipt_of(answer).signer.level.value == "XMLDSig"
    assert hub.post(letter).data == answer.data


@pytest.mark.parametrize(("offset", "good"), [(-7, True), (-8, False)])
def test_creation_time_stands_for_the_signing_time_of_a_plain_signature(
    hub: HubUnderTest, offset: int, good: bool
) -> None:
    answer = hub.post(plain(hub, hub.envelope(created_at=hub.clock() + timedelta(days=offset))))
    assert answer.status_code == 201 if good else codes(answer) == ["WASL-SIG-014"]


def test_plain_signature_made_before_its_certificate_began_is_refused(hub: HubUnderTest) -> None:
    hub.issue("young", start=timedelta(days=-1))
    hub.register("young", COMMUNE)
    made = hub.clock() - timedelta(days=2)
    early = hub.envelope(sender=Sender(COMMUNE), created_at=made)
    fresh = hub.envelope(sender=Sender(COMMUNE))
    assert codes(hub.post(plain(hub, early, "young"))) == ["WASL-CRT-003"]
    assert hub.post(plain(hub, fresh, "young")).status_code == 201


def test_stale_revocation_list_at_the_creation_time_is_no_refusal(hub: HubUnderTest) -> None:
    letter = plain(hub, hub.envelope())
    module = assets.testpki()
    module.write_crls(hub.pki, hub.clock() - timedelta(days=40), days=30)
    try:
        answer = hub.post(letter)
    finally:
        module.write_crls(hub.pki, hub.clock())
    assert (answer.status_code, answer.json["code"]) == (503, "WASL-CRT-008")


def test_plain_signature_needs_its_certificate_registered_exactly(hub: HubUnderTest) -> None:
    hub.issue("by-name", common_name="registered by name")
    hub.register("by-name", COMMUNE, exact=False)
    envelope = hub.envelope(sender=Sender(COMMUNE))
    answer = hub.post(plain(hub, envelope, "by-name"))
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-CRT-010")
    assert hub.post(hub.signed(envelope, by="by-name")).status_code == 201


def test_certificate_may_be_named_by_its_digest_when_it_is_registered(hub: HubUnderTest) -> None:
    answer = hub.post(by_digest(hub, hub.envelope()))
    assert answer.status_code == 201
    unknown = hub.post(by_digest(hub, hub.envelope(), "office"))
    assert (unknown.status_code, unknown.json["code"]) == (422, "WASL-CRT-001")
