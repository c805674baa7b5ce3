"""Who signed a SOAP message, and the octets of its body that the signature covers (WS-Security X.509)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from lxml import etree

from gateway.trust.algorithms import DIGEST_METHODS, UNREADABLE_CERTIFICATE, check_key, check_method
from gateway.trust.certificates import read_der
from gateway.trust.wsseshape import BAD, SHAPES, TOKEN, VALUE_TYPE, WSU_ID, wsse, wsu
from gateway.trust.xmlnames import EXC, XML_SPACE, child, ds, refused
from gateway.trust.xmlparse import hardened_parser
from gateway.trust.xmlprimitive import verifies
from gateway.trust.xmlshape import check_shape, octets


@dataclass(frozen=True)
class SignedMessage:
    """A message whose signature is good; the certificate's chain and registration are judged elsewhere.

    Attributes:
        body: canonical octets of the Body element, as the signature covers them.
        certificate_covered: the signature also covers the certificate that it names.
        expires: None if the sender set no end.
        digest: of what was signed. The signature's own value would not do to know a repeat by:
            whoever has one ECDSA signature can write down a second one.
    """

    body: bytes
    certificate: x509.Certificate
    certificate_covered: bool
    created: datetime
    expires: datetime | None
    digest: str


def verify_message(security: etree._Element, body: etree._Element) -> SignedMessage:
    """What the signature in ``security`` covers, if it covers ``body`` and its time-stamp and is good.

    Both elements stand in one document, which was parsed within limits and holds no document type.

    Raises:
        Refused: ``WASL-SOP-010`` for a form that is not taken, ``WASL-SIG-007``, ``013`` or ``016`` for
            an algorithm or a key, ``WASL-SIG-012`` for content changed after signing, ``WASL-CRT-009``.
    """
    check_shape(security, SHAPES)
    signature = child(security, ds("Signature"))
    token, stamp = child(security, TOKEN), child(security, wsu("Timestamp"))
    _check_token(signature, token)
    certificate = _certificate(token)
    info = child(signature, ds("SignedInfo"))
    signed = _check_signature(signature, info, certificate)
    covered = _covered(info, security, _identified(security))
    for owed in (body, stamp):
        if owed not in covered:
            raise refused(BAD, info, expected=f"a reference to {etree.QName(owed).localname}")
    return SignedMessage(
        body=covered[body],
        certificate=certificate,
        certificate_covered=token in covered,
        created=_moment(child(stamp, wsu("Created"))),
        expires=None if (end := stamp.find(wsu("Expires"))) is None else _moment(end),
        digest=hashlib.sha256(signed).hexdigest(),
    )


def _identified(security: etree._Element) -> dict[str, etree._Element]:
    """Every element of the document that has an identifier, by it.

    Raises:
        Refused: two have the same; readers would differ about which of them is meant.
    """
    found: dict[str, etree._Element] = {}
    for element in security.getroottree().getroot().iter():
        for name, value in element.attrib.items():
            if str(name).rpartition("}")[2].lower() != "id":
                continue
            if value in found:
                raise refused(BAD, element, expected="each Id once", found=str(value))
            found[str(value)] = element
    return found


def _check_token(signature: etree._Element, token: etree._Element) -> None:
    """The key information points at the one certificate of the header."""
    path = f"{ds('KeyInfo')}/{wsse('SecurityTokenReference')}/{wsse('Reference')}"
    reference = child(signature, path)
    if reference.get("URI") != f"#{token.get(WSU_ID)}" or token.get(WSU_ID) is None:
        raise refused(BAD, reference, expected="the BinarySecurityToken", found=reference.get("URI"))
    if reference.get("ValueType", VALUE_TYPE) != VALUE_TYPE or token.get("ValueType") != VALUE_TYPE:
        raise refused(BAD, reference, expected=VALUE_TYPE)


def _certificate(token: etree._Element) -> x509.Certificate:
    try:
        return read_der(octets(token))
    except UNREADABLE_CERTIFICATE as error:
        raise refused("WASL-CRT-009", token) from error


def _check_signature(signature: etree._Element, info: etree._Element, certificate: x509.Certificate) -> bytes:
    """The octets that the key of ``certificate`` signed."""
    key = check_key(certificate)
    method = child(info, ds("SignatureMethod")).get("Algorithm") or ""
    check_method(method, key)
    signed = _form(info, child(info, ds("CanonicalizationMethod")))
    if not verifies(method, key, signed, octets(child(signature, ds("SignatureValue")))):
        raise refused("WASL-SIG-013", signature)
    return signed


def _covered(
    info: etree._Element, security: etree._Element, ids: dict[str, etree._Element]
) -> dict[etree._Element, bytes]:
    """Every element that is referred to, with its canonical octets, whose digest is the one stated."""
    covered: dict[etree._Element, bytes] = {}
    for reference in info.iterfind(ds("Reference")):
        target = _target(reference, security, ids)
        if target in covered:
            raise refused(BAD, reference, expected="each element once", found=reference.get("URI"))
        covered[target] = _digested(reference, target)
    return covered


def _target(
    reference: etree._Element, security: etree._Element, ids: dict[str, etree._Element]
) -> etree._Element:
    """Body, time-stamp, certificate or a block of the header; never a place where content was moved."""
    uri = reference.get("URI") or ""
    target = ids.get(uri[1:]) if uri.startswith("#") else None
    header = security.getparent()
    envelope = None if header is None else header.getparent()
    if target is None or target.get(WSU_ID) != uri[1:] or target is security:
        raise refused(BAD, reference, expected="a wsu:Id", found=uri)
    if target.getparent() not in (header, envelope, security) or target.tag == ds("Signature"):
        raise refused(BAD, reference, expected="Body, Timestamp", found=uri)
    return target


def _digested(reference: etree._Element, target: etree._Element) -> bytes:
    method = child(reference, ds("DigestMethod")).get("Algorithm") or ""
    if method not in DIGEST_METHODS:
        raise refused("WASL-SIG-007", reference, found=method)
    form = _form(target, child(reference, f"{ds('Transforms')}/{ds('Transform')}"))
    stated = octets(child(reference, ds("DigestValue")))
    if not hmac.compare_digest(hashlib.new(DIGEST_METHODS[method], form).digest(), stated):
        raise refused("WASL-SIG-012", reference, found=reference.get("URI"))
    return form


def _form(element: etree._Element, step: etree._Element) -> bytes:
    """The exclusive canonical form (RFC 3741) of an element, which gets a document of its own.

    Of an inner element under a default namespace lxml writes a wrong form.
    """
    if step.get("Algorithm") != EXC:
        raise refused("WASL-SIG-006", step, expected=EXC, found=step.get("Algorithm"))
    listed = step.find(f"{{{EXC}}}InclusiveNamespaces")
    prefixes = [] if listed is None else (listed.get("PrefixList") or "").split()
    alone = etree.fromstring(etree.tostring(element, with_tail=False), hardened_parser(long_texts=True))
    return etree.tostring(
        alone, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes
    )


def _moment(element: etree._Element) -> datetime:
    text = (element.text or "").strip(XML_SPACE)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise refused(BAD, element, expected="xs:dateTime", found=text) from error
    if moment.tzinfo is None:  # WSS 1.1.1 10: a moment without a zone means another one to everybody
        raise refused(BAD, element, expected="a time zone", found=text)
    return moment
