"""Messages that say who speaks, judged by what is not under test: libxmlsec, and the hub's own door."""

from __future__ import annotations

import base64
import copy
import email
import email.policy
import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import xmlsec
from cryptography import x509
from lxml import etree

from adapters.contract import Context
from adapters.soap import SoapAdapter
from gateway.domain.errors import DeliveryError, Permanent, Refused, Temporary
from gateway.trust.wsse import verify_message
from tests.unit.adapters.credentials import certificate_of, identity_pem, key_of, pem_of
from tests.unit.adapters.doubles import NOW, ORIGINAL, PLAN, Sent, attachment, context, envelope, letter, sent
from tests.unit.adapters.test_soap import ROUTE, WSDL, WSDL_TEXT, registered, said

OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
WSSE, WSU = f"{{{OASIS}-wssecurity-secext-1.0.xsd}}", f"{{{OASIS}-wssecurity-utility-1.0.xsd}}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
SOAP_12 = "{http://www.w3.org/2003/05/soap-envelope}"
XOP = "{http://www.w3.org/2004/08/xop/include}Include"
WSA = "{http://www.w3.org/2005/08/addressing}"
SIGNED = {"kind": "x509", "secret": "identity"}
WITH_ADDRESSING = WSDL_TEXT.replace(
    '<wsdl:input message="tns:EnregistrerCourrierMessage"/>',
    '<wsdl:input message="tns:EnregistrerCourrierMessage" '
    'xmlns:wsam="http://www.w3.org/2007/05/addressing/metadata" wsam:Action="urn:enregistrer"/>',
)
IN_SOAP_12 = WSDL_TEXT.replace(
    'xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"',
    'xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap12/"',
)


def using(pem: str, wsdl: str = WSDL_TEXT, **changes: Any) -> Context:
    made = context({**ROUTE, "auth": SIGNED, **changes}, said(200, wsdl.encode()), registered())
    return replace(made, secret={"identity": pem}.__getitem__)


def called(used: Context, **changes: Any) -> Sent:
    SoapAdapter().deliver(letter(**changes), used)
    return sent(used)[1]


def restored(call: Sent) -> etree._Element:
    """The message as its receiver understands it: parts back in their places (XOP 1.0, 3.2)."""
    media = call.headers["Content-Type"]
    if not media.startswith("multipart/related"):
        return etree.fromstring(call.body)
    whole = b"Content-Type: " + media.encode() + b"\r\n\r\n" + call.body
    parts = list(email.message_from_bytes(whole, policy=email.policy.HTTP).iter_parts())
    contents = {part["Content-ID"].strip("<>"): part.get_payload(decode=True) for part in parts[1:]}
    root = etree.fromstring(parts[0].get_payload(decode=True))
    for include in list(root.iter(XOP)):
        parent = include.getparent()
        assert parent is not None
        content = contents.pop(include.get("href").removeprefix("cid:"))
        parent.remove(include)
        parent.text = base64.b64encode(content).decode()
    assert not contents, "a part that the message does not name"
    return root


def xmlsec_verifies(root: etree._Element) -> set[str]:
    """The local names of what the signature covers, once libxmlsec finds it good."""
    root = etree.fromstring(etree.tostring(root))
    token = root.find(f".//{WSSE}BinarySecurityToken")
    signature = root.find(f".//{DS}Signature")
    assert token is not None
    der = base64.b64decode(token.text or "")
    judge = xmlsec.SignatureContext()
    for element in root.iter(etree.Element):
        if element.get(f"{WSU}Id"):
            judge.register_id(element, "Id", WSU[1:-1])
    judge.key = xmlsec.Key.from_memory(der, xmlsec.KeyFormat.CERT_DER)
    judge.verify(signature)
    uris = [reference.get("URI") for reference in root.iter(f"{DS}Reference")]
    covered = [
        element
        for uri in uris
        for element in root.iter(etree.Element)
        if element.get(f"{WSU}Id") == (uri or "")[1:]
    ]
    assert len(covered) == len(uris)
    return {etree.QName(element).localname for element in covered}


@pytest.mark.parametrize("attachments", ["base64", "mtom"])
@pytest.mark.parametrize("kind", ["rsa", "p256", "p384"])
def test_signature_is_good_for_other_stacks(kind: str, attachments: str) -> None:
    pem = identity_pem(kind)
    root = restored(called(using(pem, attachments=attachments)))
    assert xmlsec_verifies(root) == {"Timestamp", "Body"}
    security, body = root.find(f".//{WSSE}Security"), root.find(f"{SOAP}Body")
    assert security is not None
    assert body is not None
    message = verify_message(security, body)
    assert message.certificate == x509.load_pem_x509_certificate(pem.encode())
    assert (message.created, message.expires) == (NOW, NOW + timedelta(minutes=5))
    contents = [base64.b64decode(found.text or "") for found in body.iter("{*}Contenu")]
    assert contents == [PLAN, ORIGINAL]


def test_signature_covers_addressing_and_every_content() -> None:
    root = restored(called(using(identity_pem(), WITH_ADDRESSING, attachments="mtom")))
    assert {"Timestamp", "Body", "Action", "MessageID", "To"} <= xmlsec_verifies(root)
    for path, other in ((f".//{WSA}Action", "urn:autre"), (".//{*}Contenu", "AAAA"), (".//{*}Objet", "x")):
        changed = copy.deepcopy(root)
        found = changed.find(path)
        assert found is not None
        found.text = other
        with pytest.raises(xmlsec.VerificationError):
            xmlsec_verifies(changed)
        security, body = changed.find(f".//{WSSE}Security"), changed.find(f"{SOAP}Body")
        assert security is not None
        assert body is not None
        with pytest.raises(Refused):
            verify_message(security, body)


def test_two_signed_messages_share_no_identifier() -> None:
    pem = identity_pem()
    first, second = (
        {found.get(f"{WSU}Id") for found in restored(called(using(pem))).iter()} - {None} for _ in range(2)
    )
    assert first
    assert not first & second


@pytest.mark.parametrize(
    ("secret", "word"),
    [
        (lambda: "no PEM at all", "no private key"),
        (lambda: pem_of(key_of("p256")), "no certificate"),
        (lambda: pem_of(certificate_of(key_of("p256")), key_of("p256")), "not that of"),
        (lambda: pem_of(certificate_of(one := key_of("p256")), one, password=b"word"), "password"),
        (lambda: pem_of(certificate_of(one := key_of("short")), one), "shorter"),
        (lambda: pem_of(certificate_of(one := key_of("p256"), days=-0.5), one), "ended on 2026-07-26"),
        (
            lambda: pem_of(certificate_of(one := key_of("p256"), NOW + timedelta(days=1)), one),
            "begins on 2026-07-28",
        ),
        (lambda: identity_pem().replace("\nMI", "\nXX"), "can be read"),
    ],
    ids=["no-pem", "no-certificate", "other-key", "password", "short", "expired", "early", "damaged"],
)
@pytest.mark.parametrize("where", ["secret", "client_certificate"])
def test_identity_that_cannot_be_used_waits_for_an_operator(secret: Any, word: str, where: str) -> None:
    auth = SIGNED if where == "secret" else {"client_certificate": "identity"}
    used = using(secret(), auth=auth)
    with pytest.raises(Temporary, match=word) as caught:
        SoapAdapter().deliver(letter(), used)
    assert caught.value.code == "WASL-DLV-071"
    assert not any(call.method == "POST" for call in sent(used))
    assert "BEGIN" not in str(caught.value)


def test_preview_shows_where_a_signature_goes_and_makes_none() -> None:
    used = replace(context({**ROUTE, "auth": SIGNED, "attachments": "mtom"}, WSDL), secret={}.__getitem__)
    [shown] = SoapAdapter().preview(letter(), used)
    assert "•••" in shown.body
    assert f"{len(PLAN)} octets›" in shown.body
    assert "SignedInfo" not in shown.body


def test_password_goes_as_a_digest_over_nonce_and_time() -> None:
    auth = {"kind": "wsse", "username": "wasl", "secret": "identity", "password": "digest", "timestamp": True}
    root = etree.fromstring(called(using("mot de passe", auth=auth)).body)
    token = root.find(f".//{WSSE}UsernameToken")
    assert token is not None
    nonce = base64.b64decode(token.findtext(f"{WSSE}Nonce") or "")
    created = token.findtext(f"{WSU}Created") or ""
    assert created == "2026-07-27T09:30:00Z"
    assert len(nonce) >= 16
    right = hashlib.sha1(nonce + created.encode() + b"mot de passe").digest()
    password = token.find(f"{WSSE}Password")
    assert password is not None
    assert (password.text or "", password.get("Type", "")[-15:]) == (
        base64.b64encode(right).decode(),
        "#PasswordDigest",
    )
    assert root.findtext(f".//{WSU}Timestamp/{WSU}Expires") == "2026-07-27T09:35:00Z"
    assert b"mot de passe" not in etree.tostring(root)


# Files as parts of the message


def test_parts_are_framed_as_xop_says() -> None:
    call = called(using("", attachments="mtom", auth={"kind": "none"}))
    media = call.headers["Content-Type"]
    assert re.search('type="application/xop\\+xml"', media)
    assert 'start-info="text/xml"' in media
    assert "EnregistrerCourrier" in call.headers["SOAPAction"]
    assert PLAN in call.body
    assert base64.b64encode(PLAN) not in call.body
    whole = email.message_from_bytes(
        b"Content-Type: " + media.encode() + b"\r\n\r\n" + call.body, policy=email.policy.HTTP
    )
    root, *parts = whole.iter_parts()
    assert root["Content-Type"] == 'application/xop+xml; charset="utf-8"; type="text/xml"'
    assert [part.get_content_type() for part in parts] == ["application/pdf", "application/xml"]
    assert [part["Content-Transfer-Encoding"] for part in parts] == ["binary", "binary"]


def test_action_of_a_soap_12_call_stays_with_it() -> None:
    call = called(using("", IN_SOAP_12, attachments="mtom", auth={"kind": "none"}))
    media = call.headers["Content-Type"]
    assert 'start-info="application/soap+xml"' in media
    assert re.search(r'action="[^"]*EnregistrerCourrier[^"]*"', media)
    assert restored(call).find(f"{SOAP_12}Body") is not None


@pytest.mark.parametrize("attachments", ["base64", "mtom"])
def test_service_that_takes_base64_as_a_text_gets_it_in_the_message(attachments: str) -> None:
    old = WSDL_TEXT.replace('name="Contenu" type="xsd:base64Binary"', 'name="Contenu" type="xsd:string"')
    assert old != WSDL_TEXT
    root = restored(called(using(identity_pem(), old, attachments=attachments)))
    contents = [base64.b64decode(found.text or "") for found in root.iter("{*}Contenu")]
    assert contents == [PLAN, ORIGINAL]
    assert xmlsec_verifies(root) == {"Timestamp", "Body"}


def test_media_type_that_no_header_carries_is_told_as_octets() -> None:
    strange = attachment(media_type="text/x; a=\r\nX: y")
    call = called(
        using("", attachments="mtom", auth={"kind": "none"}), envelope=envelope(attachments=(strange,))
    )
    assert b"\r\nX: y" not in call.body
    assert b"Content-Type: application/octet-stream" in call.body


@pytest.mark.parametrize("attachments", ["base64", "mtom"])
def test_content_where_the_wsdl_wants_no_octets_is_a_fault_of_the_mapping(attachments: str) -> None:
    request = {**ROUTE["request"], "Urgent": "files[0].content"}
    used = using("", attachments=attachments, auth={"kind": "none"}, request=request)
    with pytest.raises(Permanent) as caught:
        SoapAdapter().deliver(letter(), used)
    assert caught.value.code == "WASL-DLV-007"
    assert not any(call.method == "POST" for call in sent(used))


@pytest.mark.parametrize("attachments", ["base64", "mtom"])
@pytest.mark.parametrize("auth", [SIGNED, {"kind": "none"}], ids=["signed", "unsigned"])
@pytest.mark.parametrize("stored", [PLAN[:-1], PLAN + b"x", b"x" * len(PLAN)], ids=["short", "long", "other"])
def test_content_that_is_not_as_declared_is_not_sent(attachments: str, auth: Any, stored: bytes) -> None:
    used = using(identity_pem(), attachments=attachments, auth=auth)
    with pytest.raises(Temporary) as caught:
        SoapAdapter().deliver(letter({"a1": stored}), used)
    assert caught.value.code == "WASL-DLV-015"
    assert not any(call.method == "POST" for call in sent(used))


@pytest.mark.parametrize("attachments", ["base64", "mtom"])
def test_route_may_limit_what_goes_in_either_way(attachments: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        called(using("", attachments=attachments, auth={"kind": "none"}, max_bytes=1))
    assert caught.value.code == "WASL-DLV-017"
