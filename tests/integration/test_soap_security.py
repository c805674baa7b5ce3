"""Signed calls: only what the signature covers is done, once, for the party whose registered key made it."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from lxml import etree

from gateway import assets
from tests.support.hub import AGENCY, AGENCY_OFFICE, COMMUNE, HubUnderTest, make_hub, party_table
from tests.support.soap import (
    DS,
    NS,
    SOAP11,
    SOAP12,
    WSSE,
    WSU,
    Signing,
    call,
    fault,
    message,
    post,
    said,
    sign_again,
    signed,
    signing,
)
from tests.support.systems import Simulator, accept, fresh_hub, state

FORM, NOBODY, STRANGER, LATE, AGAIN = (f"WASL-SOP-0{number}" for number in (10, 11, 12, 13, 14))
INBOX = call("ListInbox", office=AGENCY_OFFICE)
Root = Any


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator())


def lying(hub: HubUnderTest) -> str:
    [delivery] = accept(hub, AGENCY_OFFICE)
    hub.dispatch().run_once(100)
    return delivery


def code(hub: HubUnderTest, octets: bytes, version: str = SOAP11) -> str:
    """The reason of a refusal that changed nothing."""
    before = hub.kept()
    answer = post(hub, octets, version)
    assert hub.kept() == before
    kind, found = fault(answer, version)
    assert kind in ("Client", "Sender")
    return found


# Who signs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [SOAP11, SOAP12])
@pytest.mark.parametrize("key", ["p256", "p384", "rsa"])
def test_every_key_that_may_sign_letters_may_sign_messages(hub: HubUnderTest, version: str, key: str) -> None:
    holder = f"soap-{key}"
    hub.issue(holder, key=assets.testpki().new_key(key))
    hub.register(holder, AGENCY)
    assert said(post(hub, signed(INBOX, signing(hub, holder), version), version), version)


@pytest.mark.parametrize("holder", ["expired", "revoked", "office"])
def test_certificate_that_is_not_good_or_not_registered_is_refused(hub: HubUnderTest, holder: str) -> None:
    if holder != "office":
        hub.register(holder, AGENCY)
    assert code(hub, signed(INBOX, signing(hub, holder))) == STRANGER


def test_another_partys_good_signature_sees_nothing(hub: HubUnderTest) -> None:
    delivery = lying(hub)
    for operation in ("GetContent", "LockDelivery", "Acknowledge", "ReportProgress"):
        values = {"state": "IN_PROGRESS"} if operation == "ReportProgress" else {}
        body = call(operation, delivery=delivery, **values)
        assert code(hub, signed(body, signing(hub, "commune"))) == "WASL-REQ-005"
    assert state(hub, delivery) == "AVAILABLE"


def test_certificate_of_one_with_the_key_of_another_is_refused(hub: HubUnderTest) -> None:
    how = signing(hub, "agency").but(key=hub.pki["commune"].key)
    assert code(hub, signed(INBOX, how)) == "WASL-SIG-013"


def test_closed_party_is_refused(tmp_path: Any) -> None:
    hub = make_hub(tmp_path)
    hub.apply({"party": [{**party_table(hub.pki, COMMUNE), "active": False}]})
    assert code(hub, signed(INBOX, signing(hub, "commune"))) == STRANGER


def test_stale_revocation_lists_are_the_hubs_own_trouble(tmp_path: Any) -> None:
    hub, module = make_hub(tmp_path), assets.testpki()
    module.write_crls(hub.pki, hub.clock() - timedelta(days=40), days=30)
    for version, receiver in ((SOAP11, "Server"), (SOAP12, "Receiver")):
        answer = post(hub, signed(INBOX, signing(hub, "agency"), version), version)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert fault(answer, version) == (receiver, "WASL-CRT-008")


def test_unsigned_call_is_refused(hub: HubUnderTest) -> None:
    assert code(hub, message(INBOX)) == NOBODY


# When, and how often -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "lifetime", "good"),
    [(0, 300, True), (-299, 600, True), (-301, 600, False), (299, 600, True), (301, 600, False),
     (-100, 100, False), (-100, 101, True), (0, None, True), (-301, None, False), (0, -10, False)],
)  # fmt: skip
def test_time_stamp_must_be_of_now(hub: HubUnderTest, seconds: int, lifetime: int | None, good: bool) -> None:
    how = signing(hub, "agency", at=hub.clock() + timedelta(seconds=seconds))
    life = None if lifetime is None else timedelta(seconds=lifetime)
    octets = signed(INBOX, how.but(lifetime=life))
    assert said(post(hub, octets)) if good else code(hub, octets) == LATE


def test_message_that_changes_something_counts_once(hub: HubUnderTest) -> None:
    octets = signed(call("LockDelivery", delivery=lying(hub)), signing(hub, "agency"))
    assert said(post(hub, octets))
    assert code(hub, octets) == AGAIN
    assert fault(post(hub.second(), octets)) == ("Client", AGAIN)
    with hub.clock.moved(seconds=299):
        assert code(hub, octets) == AGAIN
    with hub.clock.moved(seconds=301):
        assert code(hub, octets) == LATE


def test_second_spelling_of_an_ecdsa_signature_is_the_same_message(hub: HubUnderTest) -> None:
    octets = signed(call("UnlockDelivery", delivery=lying(hub)), signing(hub, "agency"))
    assert said(post(hub, octets))
    root = etree.fromstring(octets)
    value = root.find(f".//{{{DS}}}SignatureValue")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    raw = base64.b64decode(value.text)
    value.text = base64.b64encode(raw[:32] + (order - int.from_bytes(raw[32:])).to_bytes(32)).decode()
    assert code(hub, etree.tostring(root)) == AGAIN


def test_message_that_only_reads_may_be_sent_again(hub: HubUnderTest) -> None:
    octets = signed(INBOX, signing(hub, "agency"))
    assert said(post(hub, octets)).element.tag == said(post(hub, octets)).element.tag


# What is covered: each is made by somebody whose own signature is good -----------------------------------


def changed(hub: HubUnderTest, how: Callable[[Root, Signing], Any], **signs: Any) -> bytes:
    """A good message to which something was done."""
    signer = signing(hub, "agency", **signs)
    root = etree.fromstring(signed(INBOX, signer))
    how(root, signer)
    return etree.tostring(root)


def header(root: Root) -> Root:
    return root[0]


def security(root: Root) -> Root:
    return root[0].find(f"{{{WSSE}}}Security")


def rename(root: Root, name: str, to: str | None) -> None:
    [found] = root.xpath(f"//*[@*[local-name()='Id']='{name}']")
    del found.attrib[f"{{{WSU}}}Id"]
    if to is not None:
        found.set(f"{{{WSU}}}Id", to)


def other_body(root: Root, _: Signing) -> None:
    """The signed body moves into the header, and another one stands in its place."""
    kept = copy.deepcopy(root[-1])
    wrapper = etree.SubElement(header(root), "{urn:elsewhere}Wrapper")
    wrapper.append(kept)
    root[-1][0][0].text = "B0000002-X"
    rename_last(root)


def rename_last(root: Root) -> None:
    root[-1].set(f"{{{WSU}}}Id", "other")


def other_body_beside(root: Root, _: Signing) -> None:
    header(root).append(copy.deepcopy(root[-1]))
    rename_last(root)


def second_body(root: Root, _: Signing) -> None:
    root.append(copy.deepcopy(root[-1]))


def same_id(root: Root, _: Signing) -> None:
    etree.SubElement(header(root), "{urn:elsewhere}Block").set(f"{{{WSU}}}Id", "body")


def same_id_otherwise(root: Root, _: Signing) -> None:
    etree.SubElement(header(root), "{urn:elsewhere}Block").set("ID", "body")


def id_of_another_kind(root: Root, _: Signing) -> None:
    del root[-1].attrib[f"{{{WSU}}}Id"]
    root[-1].set("Id", "body")


def altered_body(root: Root, _: Signing) -> None:
    root[-1].find(f".//{{{NS}}}office").text = "B0000002-X"


def altered_time(root: Root, _: Signing) -> None:
    security(root).find(f".//{{{WSU}}}Expires").text = "2099-01-01T00:00:00Z"


def no_time(root: Root, how: Signing) -> None:
    security(root).remove(security(root).find(f"{{{WSU}}}Timestamp"))
    sign_again(root, how.but(covered=("body", "token")))


def second_time(root: Root, _: Signing) -> None:
    stamp = copy.deepcopy(security(root).find(f"{{{WSU}}}Timestamp"))
    stamp.set(f"{{{WSU}}}Id", "second")
    security(root).append(stamp)


def second_signature(root: Root, _: Signing) -> None:
    security(root).append(copy.deepcopy(security(root).find(f"{{{DS}}}Signature")))


def second_token(root: Root, _: Signing) -> None:
    token = copy.deepcopy(security(root)[0])
    token.set(f"{{{WSU}}}Id", "second")
    security(root).insert(0, token)


def second_header(root: Root, _: Signing) -> None:
    header(root).append(copy.deepcopy(security(root)))


def only_a_part(root: Root, how: Signing) -> None:
    root[-1].set(f"{{{WSU}}}Id", "whole")
    root[-1][0].set(f"{{{WSU}}}Id", "body")
    sign_again(root, how)


def no_signature(root: Root, _: Signing) -> None:
    security(root).remove(security(root).find(f"{{{DS}}}Signature"))


def object_inside(root: Root, _: Signing) -> None:
    etree.SubElement(security(root).find(f"{{{DS}}}Signature"), f"{{{DS}}}Object")


def text_inside(root: Root, _: Signing) -> None:
    security(root)[0].tail = "text"


def empty_signature(root: Root, _: Signing) -> None:
    security(root).find(f".//{{{DS}}}SignatureValue").text = base64.b64encode(bytes(64)).decode()


def der_signature(root: Root, _: Signing) -> None:
    value = security(root).find(f".//{{{DS}}}SignatureValue")
    value.text = base64.b64encode(b"\x30\x06\x02\x01\x01\x02\x01\x01").decode()


def no_zone(root: Root, how: Signing) -> None:
    stamp = security(root).find(f".//{{{WSU}}}Created")
    stamp.text = stamp.text[:19]
    sign_again(root, how)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (other_body, FORM),
        (other_body_beside, FORM),
        (second_body, "WASL-SOP-001"),
        (same_id, FORM),
        (same_id_otherwise, FORM),
        (id_of_another_kind, FORM),
        (altered_body, "WASL-SIG-012"),
        (altered_time, "WASL-SIG-012"),
        (no_time, FORM),
        (second_time, FORM),
        (second_signature, FORM),
        (second_token, FORM),
        (second_header, "WASL-SOP-001"),
        (only_a_part, FORM),
        (no_signature, FORM),
        (object_inside, FORM),
        (text_inside, FORM),
        (empty_signature, "WASL-SIG-013"),
        (der_signature, "WASL-SIG-013"),
        (no_zone, FORM),
    ],
)
def test_message_that_was_tampered_with_is_refused(
    hub: HubUnderTest, how: Callable[[Root, Signing], Any], expected: str
) -> None:
    assert code(hub, changed(hub, how)) == expected


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        ({"covered": ("body",)}, FORM),
        ({"covered": ("stamp",)}, FORM),
        ({"covered": ("stamp", "token")}, FORM),
        ({"covered": ("body", "body", "stamp")}, FORM),
        ({"digest": "http://www.w3.org/2000/09/xmldsig#sha1"}, "WASL-SIG-007"),
        ({"method": "http://www.w3.org/2000/09/xmldsig#rsa-sha1"}, "WASL-SIG-007"),
        ({"method": "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1"}, "WASL-SIG-007"),
        ({"method": "http://www.w3.org/2000/09/xmldsig#hmac-sha256"}, "WASL-SIG-007"),
        ({"method": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"}, "WASL-SIG-013"),
        ({"transform": "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"}, "WASL-SIG-006"),
        ({"transform": "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"}, "WASL-SIG-006"),
        ({"transform": "http://www.w3.org/TR/1999/REC-xslt-19991116"}, "WASL-SIG-006"),
        ({"transform": "http://www.w3.org/TR/1999/REC-xpath-19991116"}, "WASL-SIG-006"),
        ({"c14n": "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"}, "WASL-SIG-006"),
        ({"key_info": "<ds:KeyName>agency</ds:KeyName>"}, FORM),
        ({"key_info": '<wsse:SecurityTokenReference><wsse:Reference URI="#body"/>'
                      "</wsse:SecurityTokenReference>"}, FORM),
        ({"key_info": '<wsse:SecurityTokenReference><wsse:Reference URI="https://elsewhere.example/"/>'
                      "</wsse:SecurityTokenReference>"}, FORM),
    ],
    ids=str,
)  # fmt: skip
def test_message_that_is_signed_otherwise_is_refused(
    hub: HubUnderTest, signs: dict[str, Any], expected: str
) -> None:
    assert code(hub, signed(INBOX, signing(hub, "agency", **signs))) == expected


def test_declarations_may_be_signed_along(hub: HubUnderTest) -> None:
    assert said(post(hub, signed(INBOX, signing(hub, "agency", prefixes="s wsse wsu"))))


def test_header_for_somebody_else_authenticates_nobody(hub: HubUnderTest) -> None:
    root = etree.fromstring(signed(INBOX, signing(hub, "agency", must=False)))
    security(root).set(f"{{{SOAP11}}}actor", "urn:somebody-else")
    assert code(hub, etree.tostring(root)) == NOBODY


def test_certificate_registered_by_name_must_be_covered_itself(hub: HubUnderTest) -> None:
    hub.issue("named")
    hub.register("named", AGENCY, exact=False)
    how = signing(hub, "named")
    assert code(hub, signed(INBOX, how)) == STRANGER
    assert said(post(hub, signed(INBOX, how.but(covered=("body", "stamp", "token")))))


# Letters in signed messages ----------------------------------------------------------------------------


def test_letter_in_a_signed_message_is_taken_if_both_signatures_hold(hub: HubUnderTest) -> None:
    letter = hub.signed()
    body = call("SubmitEnvelope", octets=letter.root, mediaType=letter.media_type)
    good = signed(body, signing(hub, "ministry"))
    assert said(post(hub, good))["status"] == "ACCEPTED"
    assert said(post(hub, good))["status"] == "REPEATED"  # a letter may always be sent again
    root = etree.fromstring(good)
    altered_time(root, signing(hub, "ministry"))
    assert code(hub, etree.tostring(root)) == "WASL-SIG-012"
