"""Replies that a service signs: only what was signed is read, and what is not proven is never a success."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from lxml import etree

from adapters.contract import Context, Response
from adapters.soap import SoapAdapter
from gateway.domain.errors import Ambiguous, DeliveryError, Permanent, Temporary
from gateway.exchange.transit.replies import SignedReplies
from tests.support.soap import (
    DS,
    EXC,
    SOAP11,
    SOAP12,
    WSSE,
    WSU,
    Signing,
    message,
    mtom,
    sign_again,
    signed,
)
from tests.unit.adapters.credentials import certificate_of, key_of, pem_of
from tests.unit.adapters.doubles import NOW, context, letter
from tests.unit.adapters.test_soap import ROUTE, WSDL, found, refused, refused_12, registered, said

KEY = key_of("p256")
SERVICE = certificate_of(KEY)
Root = Any


def of(response: Response) -> str:
    """What stands in the body of an answer."""
    return "".join(etree.tostring(one).decode() for one in etree.fromstring(response.body)[-1])


REPLY = of(registered())


def by(key: Any = KEY, certificate: Any = SERVICE, at: datetime = NOW, **changes: Any) -> Signing:
    return Signing(key, certificate, at).but(**changes)


def reply(octets: bytes, status: int = 200, media: str = "text/xml; charset=utf-8") -> Response:
    return said(status, octets, media)


def using(*answers: Response, signers: str = pem_of(SERVICE), **changes: Any) -> Context:
    made = context({**ROUTE, "reply_signers": signers, **changes}, WSDL, *answers)
    assert SoapAdapter().check_options(made.options) == []
    return replace(made, signed_body=SignedReplies(lambda: NOW, timedelta(minutes=5)))


def failure(*answers: Response, **changes: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        SoapAdapter().deliver(letter(), using(*answers, **changes))
    return caught.value


def in_doubt(response: Response, **changes: Any) -> str:
    """Why a reply leaves the letter in doubt."""
    fault = failure(response, **changes)
    assert (type(fault), fault.code) == (Ambiguous, "WASL-DLV-095")
    return fault.detail


# Taken ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [SOAP11, SOAP12])
@pytest.mark.parametrize("kind", ["p256", "p384", "rsa"])
def test_signed_reply_is_a_success_and_kept_as_it_came(version: str, kind: str) -> None:
    key = key_of(kind)
    certificate = certificate_of(key)
    octets = signed(REPLY, by(key, certificate), version)
    done = SoapAdapter().deliver(letter(), using(reply(octets), signers=pem_of(certificate)))
    assert (done.register_number, done.answer) == ("2026/000123", octets)


def test_one_of_several_signers_is_enough_as_when_a_certificate_is_renewed() -> None:
    other = certificate_of(key_of("rsa"))
    octets = signed(REPLY, by())
    assert (
        SoapAdapter().deliver(letter(), using(reply(octets), signers=pem_of(other, SERVICE))).register_number
    )


def test_signed_fault_is_judged_by_the_rules() -> None:
    for fault, version in ((refused("Client", "X"), SOAP11), (refused_12("Sender", "X"), SOAP12)):
        octets = signed(of(fault), by(), version)
        assert isinstance(failure(reply(octets, 500)), Permanent)


def test_signed_reply_beside_parts_is_taken() -> None:
    octets, media = mtom(signed(REPLY, by()), {"logo": b"png"})
    assert SoapAdapter().deliver(letter(), using(reply(octets, media=media))).register_number == "2026/000123"


def test_route_that_asks_for_no_signature_looks_at_none() -> None:
    octets = signed(REPLY, by(at=NOW - timedelta(days=900)))
    used = context(dict(ROUTE), WSDL, reply(octets))
    assert SoapAdapter().deliver(letter(), used).register_number == "2026/000123"


# Not proven -------------------------------------------------------------------------------------


def test_unsigned_reply_is_in_doubt() -> None:
    assert "not signed" in in_doubt(registered())
    in_doubt(refused("Client", "X"))
    in_doubt(reply(b"", 200))
    in_doubt(reply(b"<html>welcome</html>", 200, "text/html"))
    in_doubt(reply(b"not found", 404, "text/plain"))
    in_doubt(reply(b"", 500))


@pytest.mark.parametrize("status", [401, 408, 429, 503])
def test_status_of_a_server_that_did_not_begin_needs_no_signature(status: int) -> None:
    assert isinstance(failure(reply(b"<html>later</html>", status, "text/html")), Temporary)


def test_unsigned_look_up_is_no_answer() -> None:
    used = using(found(1))
    with pytest.raises(Temporary, match="WASL-DLV-095"):
        SoapAdapter().find(letter().delivery_id, letter().reference, used)


def test_without_somebody_who_verifies_nothing_is_a_success() -> None:
    used = replace(using(reply(signed(REPLY, by()))), signed_body=context({}).signed_body)
    with pytest.raises(Ambiguous, match="WASL-DLV-095"):
        SoapAdapter().deliver(letter(), used)


@pytest.mark.parametrize(
    ("at", "lifetime", "good"),
    [(0, 300, True), (-299, 600, True), (-301, 600, False), (299, 600, True), (301, 600, False),
     (-100, 100, False), (-100, None, True), (-301, None, False), (0, -10, False)],
)  # fmt: skip
def test_reply_must_be_of_now(at: int, lifetime: int | None, good: bool) -> None:
    life = None if lifetime is None else timedelta(seconds=lifetime)
    octets = signed(REPLY, by(at=NOW + timedelta(seconds=at), lifetime=life))
    if good:
        assert SoapAdapter().deliver(letter(), using(reply(octets))).register_number
    else:
        assert "not now" in in_doubt(reply(octets))


def issued(
    issuer: Any, issuer_key: Any, key: Any, *, ca: bool = False, signs: bool = True
) -> x509.Certificate:
    """A certificate that an authority issued, or itself where there is no issuer."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "TEST CA" if ca else "TEST service")])
    usage = x509.KeyUsage(
        digital_signature=signs and not ca, content_commitment=False, key_encipherment=not signs,
        data_encipherment=False, key_agreement=False, key_cert_sign=ca, crl_sign=ca,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder(
            issuer.subject if issuer else name, name, key.public_key(), x509.random_serial_number()
        )
        .not_valid_before(NOW - timedelta(days=2))
        .not_valid_after(NOW + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def test_authority_vouches_for_those_who_may_sign_below_it() -> None:
    root_key, other_key = key_of("p256"), key_of("p256")
    root, other = issued(None, root_key, root_key, ca=True), issued(None, other_key, other_key, ca=True)
    service = issued(root, root_key, KEY)
    octets = signed(REPLY, by(certificate=service))
    assert SoapAdapter().deliver(letter(), using(reply(octets), signers=pem_of(root))).register_number
    assert "WASL-CRT-005" in in_doubt(reply(octets), signers=pem_of(other))  # same name, another key
    assert "WASL-CRT-005" in in_doubt(reply(octets), signers=pem_of(SERVICE))  # same key, another certificate
    unfit = issued(root, root_key, KEY, signs=False)
    assert "WASL-CRT-006" in in_doubt(reply(signed(REPLY, by(certificate=unfit))), signers=pem_of(root))


@pytest.mark.parametrize("days", [-1, 3])
def test_certificate_that_does_not_count_now_proves_nothing(days: int) -> None:
    begins = NOW - timedelta(days=9) if days < 0 else NOW + timedelta(days=1)
    other = certificate_of(KEY, begins)
    other = certificate_of(KEY, begins, days=1) if days > 0 else other
    octets = signed(REPLY, by(certificate=other))
    assert "does not count now" in in_doubt(reply(octets), signers=pem_of(other))


def test_certificate_of_the_service_with_another_key_proves_nothing() -> None:
    assert "WASL-SIG-013" in in_doubt(reply(signed(REPLY, by(key=key_of("p256")))))


# Tampered with ----------------------------------------------------------------------------------


def header(root: Root) -> Root:
    return root[0]


def security(root: Root) -> Root:
    return root[0].find(f"{{{WSSE}}}Security")


def number(root: Root, text: str = "2026/999999") -> None:
    root[-1].find(".//{*}NumeroOrdre").text = text


def altered_number(root: Root) -> None:
    number(root)


def altered_time(root: Root) -> None:
    security(root).find(f".//{{{WSU}}}Expires").text = "2099-01-01T00:00:00Z"


def wrapped(root: Root) -> None:
    """The signed body moves into the header, and another one stands in its place."""
    etree.SubElement(header(root), "{urn:elsewhere}Wrapper").append(copy.deepcopy(root[-1]))
    root[-1].set(f"{{{WSU}}}Id", "other")
    number(root)


def beside(root: Root) -> None:
    header(root).append(copy.deepcopy(root[-1]))
    root[-1].set(f"{{{WSU}}}Id", "other")
    number(root)


def inside_the_signature(root: Root) -> None:
    kept = copy.deepcopy(root[-1])
    etree.SubElement(security(root).find(f"{{{DS}}}Signature"), f"{{{DS}}}Object").append(kept)
    root[-1].set(f"{{{WSU}}}Id", "other")
    number(root)


def inside_the_new_body(root: Root) -> None:
    kept = copy.deepcopy(root[-1])
    root[-1].set(f"{{{WSU}}}Id", "other")
    number(root)
    root[-1].append(kept)


def second_body_before(root: Root) -> None:
    other = copy.deepcopy(root[-1])
    other.attrib.clear()
    root.insert(1, other)


def second_body_after(root: Root) -> None:
    other = copy.deepcopy(root[-1])
    other.attrib.clear()
    root.append(other)


def same_id(root: Root) -> None:
    etree.SubElement(header(root), "{urn:elsewhere}Block").set("ID", "body")


def without_id(root: Root) -> None:
    del root[-1].attrib[f"{{{WSU}}}Id"]
    root[-1].set("Id", "body")


def second_signature(root: Root) -> None:
    security(root).append(copy.deepcopy(security(root).find(f"{{{DS}}}Signature")))


def second_header(root: Root) -> None:
    header(root).append(copy.deepcopy(security(root)))


def only_the_reply_signed(root: Root) -> None:
    root[-1].set(f"{{{WSU}}}Id", "whole")
    root[-1][0].set(f"{{{WSU}}}Id", "body")
    sign_again(root, by())


def no_time(root: Root) -> None:
    security(root).remove(security(root).find(f"{{{WSU}}}Timestamp"))
    sign_again(root, by(covered=("body", "token")))


def for_another(root: Root) -> None:
    security(root).set(f"{{{SOAP11}}}actor", "urn:somebody-else")


def comment_in_the_number(root: Root) -> None:
    found = root[-1].find(".//{*}NumeroOrdre")
    found.text = "2026/"
    mark = etree.Comment("x")
    mark.tail = "000123"
    found.append(mark)


@pytest.mark.parametrize(
    "how",
    [
        altered_number, altered_time, wrapped, beside, inside_the_signature, inside_the_new_body,
        second_body_before, second_body_after, same_id, without_id, second_signature, second_header,
        only_the_reply_signed, no_time, for_another, comment_in_the_number,
    ],
    ids=lambda how: how.__name__,
)  # fmt: skip
def test_reply_that_was_tampered_with_is_in_doubt(how: Callable[[Root], None]) -> None:
    root = etree.fromstring(signed(REPLY, by(must=False)))
    how(root)
    in_doubt(reply(etree.tostring(root)))


@pytest.mark.parametrize(
    "how",
    [
        {"covered": ("body",)},
        {"covered": ("stamp",)},
        {"covered": ("stamp", "token")},
        {"digest": "http://www.w3.org/2000/09/xmldsig#sha1"},
        {"method": "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1"},
        {"method": "http://www.w3.org/2000/09/xmldsig#hmac-sha256"},
        {"transform": f"{EXC}WithComments"},
        {"transform": "http://www.w3.org/TR/1999/REC-xslt-19991116"},
        {"c14n": "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"},
        {"key_info": "<ds:KeyName>service</ds:KeyName>"},
    ],
    ids=str,
)
def test_reply_that_is_signed_otherwise_is_in_doubt(how: dict[str, Any]) -> None:
    in_doubt(reply(signed(REPLY, by(**how))))


def test_weak_key_proves_nothing() -> None:
    key = key_of("short")
    certificate = certificate_of(key)
    assert "WASL-SIG-016" in in_doubt(reply(signed(REPLY, by(key, certificate))), signers=pem_of(certificate))


@pytest.mark.parametrize(
    "octets",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + message(REPLY),
        message("<a>" * 5000 + "</a>" * 5000),
        message("<a/>" * 60_000),
        message(REPLY).decode().encode("utf-16"),
        message(REPLY)[:200],
        b"\0" * 100,
    ],
    ids=["document type", "depth", "elements", "another charset", "half", "zeros"],
)
def test_reply_that_is_no_plain_message_is_in_doubt(octets: bytes) -> None:
    in_doubt(reply(octets))


# Options ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signers", "words"),
    [
        ("nothing", "no certificate"),
        (pem_of(KEY), "private key"),
        (pem_of(SERVICE, KEY), "private key"),
        (7, "text"),
        (["x"], "text"),
    ],
    ids=["words", "a key", "a key beside", "a number", "a list"],
)
def test_what_is_no_certificate_is_named(signers: Any, words: str) -> None:
    [fault] = SoapAdapter().check_options({**ROUTE, "reply_signers": signers})
    assert fault.startswith("reply_signers")
    assert words in fault
