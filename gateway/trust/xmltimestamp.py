"""A time-stamp over the signature of an XML receipt: XAdES SignatureTimeStamp (EN 319 132-1 5.3)."""

from __future__ import annotations

import base64
import hashlib

from lxml import etree

from gateway.domain.errors import Refused
from gateway.trust.timestamp import BadToken, TimeSource
from gateway.trust.xmlnames import EXC, XADES, ds, xades
from gateway.trust.xmlparse import XmlLimits, hardened_parser, parse_hardened
from gateway.trust.xmlshape import octets as decoded

_VALUE = f"{ds('Signature')}/{ds('SignatureValue')}"
_PROPERTIES = f"{ds('Signature')}/{ds('Object')}/{xades('QualifyingProperties')}"
_STAMPS = f"{_PROPERTIES}/{xades('UnsignedProperties')}//{xades('SignatureTimeStamp')}"
_FORM, _TOKEN = ds("CanonicalizationMethod"), xades("EncapsulatedTimeStamp")
_ATTRIBUTES = frozenset({"Id", "Algorithm", "Encoding"})
_DER = "http://uri.etsi.org/01903/v1.2.2#DER"


def xml_timestamp(raw: bytes) -> tuple[bytes, bytes] | None:
    """The token beside the document's signature and the octets that it must cover; None without one.

    Only the form that `add_xml_timestamp` makes is read: one token, over the exclusive canonical form
    of ``ds:SignatureValue``.

    Args:
        raw: a document that `gateway.trust.xmlgate.open_xml` has let through.

    Raises:
        BadToken: ``malformed``, more than one time-stamp, or one of another form.
    """
    try:
        document = parse_hardened(raw, XmlLimits())
    except Refused as error:
        raise BadToken("malformed", str(error)) from error
    stamps = document.findall(_STAMPS)
    if not stamps:
        return None
    if len(stamps) > 1:
        raise BadToken("malformed", f"{len(stamps)} time-stamps over one signature")
    return _token(stamps[0]), _covered(document)


def add_xml_timestamp(raw: bytes, source: TimeSource) -> bytes:
    """A document signed by `gateway.trust.seal.sign_xml` with a token over its signature beside it.

    What was signed stays as it is, to the octet.

    Raises:
        Unavailable: nobody can stamp now.
        BadToken: ``malformed``, no such document, or one that has its time-stamp.
    """
    if xml_timestamp(raw) is not None:
        raise BadToken("malformed", "stamped before")
    document = etree.fromstring(raw, hardened_parser())
    stamp = source.stamp(hashlib.sha256(_covered(document)).digest())
    properties = document.find(_PROPERTIES)
    if properties is None:
        raise BadToken("malformed", "no XAdES signature")
    unsigned = etree.SubElement(properties, xades("UnsignedProperties"), nsmap={"xades": XADES})
    listed = etree.SubElement(unsigned, xades("UnsignedSignatureProperties"))
    added = etree.SubElement(listed, xades("SignatureTimeStamp"))
    etree.SubElement(added, _FORM, Algorithm=EXC)
    token = etree.SubElement(added, _TOKEN, Encoding=_DER)
    token.text = base64.b64encode(stamp.token.octets).decode("ascii")
    return etree.tostring(document, encoding="UTF-8", xml_declaration=True)


def _token(stamp: etree._Element) -> bytes:
    form, *tokens = list(stamp) or [stamp]
    shape = (form.tag, form.get("Algorithm"), len(form), [one.tag for one in tokens])
    if shape != (_FORM, EXC, 0, [_TOKEN]) or tokens[0].get("Encoding", _DER) != _DER or len(tokens[0]):
        raise BadToken("malformed", "a time-stamp of another form")
    if _says_more(stamp, form, tokens[0]):
        raise BadToken("malformed", "something beside the token that nobody signed")
    try:
        return decoded(tokens[0])
    except ValueError as error:
        raise BadToken("malformed", "not base64") from error


def _says_more(stamp: etree._Element, form: etree._Element, token: etree._Element) -> bool:
    """Whether people could read something into a time-stamp that no signature covers."""
    texts = (stamp.text, form.text, form.tail, token.tail)
    attributes = (*stamp.keys(), *form.keys(), *token.keys())
    return any(text and text.strip() for text in texts) or not _ATTRIBUTES.issuperset(attributes)


def _covered(document: etree._Element) -> bytes:
    value = document.find(_VALUE)
    if value is None:
        raise BadToken("malformed", "no signature")
    # In a document of its own: of an inner element lxml may write a wrong form.
    alone = etree.fromstring(etree.tostring(value, with_tail=False), hardened_parser())
    return etree.tostring(alone, method="c14n", exclusive=True, with_comments=False)
