"""Lets through only signed XML of exactly the allowed shape, before any cryptography."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from lxml import etree

from gateway.domain.errors import Refused
from gateway.domain.evidence.verdict import Level
from gateway.trust.xmlkeyinfo import check_key_values, read_certificates
from gateway.trust.xmlnames import (
    ENVELOPE,
    SIGNED_PROPERTIES_TYPE,
    XML_SPACE,
    child,
    ds,
    refused,
    xades,
)
from gateway.trust.xmlparse import XmlLimits, parse_hardened
from gateway.trust.xmlproperties import read_properties
from gateway.trust.xmlrefs import MANIFEST, Identified, check_signed_info
from gateway.trust.xmlshape import BASELINE, LONG_TERM, OBJECT, check_shape

__all__ = ["GatedXml", "XmlLimits", "open_xml"]

SCHEMA_INSTANCE = "WASL-XML-006"
SAME_ID = "WASL-XML-010"
INCLUSION = "WASL-XML-011"
WRONG_ROOT = "WASL-XML-012"
UNSIGNED = "WASL-SIG-001"
SEVERAL = "WASL-SIG-002"
NOT_LAST = "WASL-SIG-003"

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_XINCLUDE = ("{http://www.w3.org/2001/XInclude}", "{http://www.w3.org/2003/XInclude}")


@dataclass(frozen=True)
class GatedXml:
    """A document of good shape whose signature nobody has verified yet.

    Attributes:
        chain: the certificates of authorities that came along, not to be trusted by themselves.
        claimed_time: aware, in UTC; None for a plain XML signature.
        method: identifier of the signature method.
        references: how many references the signature has.
    """

    raw: bytes
    root: etree._Element
    level: Level
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    claimed_time: datetime | None
    method: str
    references: int


def open_xml(raw: bytes, limits: XmlLimits, root: str = ENVELOPE, *, long_term: bool = False) -> GatedXml:
    """``raw`` parsed and found to be of one of the two XML profiles.

    Args:
        root: the name that the root element must have, as ``{namespace}local``.
        long_term: whether timestamps over the signature may have been added (receipts only).

    Raises:
        TooLarge: ``WASL-REQ-002``.
        Refused: ``WASL-XML-*``, ``WASL-SIG-*``, ``WASL-CRT-009``.
    """
    document = parse_hardened(raw, limits)
    if document.tag != root:
        raise refused(WRONG_ROOT, document, expected=root, found=str(document.tag))
    ids = _check_content(document)
    signature = _only_signature(document)
    check_shape(signature, LONG_TERM if long_term else BASELINE)
    level = _level(signature)
    references = check_signed_info(signature, ids, level)
    key_info = child(signature, ds("KeyInfo"))
    certificates = read_certificates(key_info)
    check_key_values(key_info, certificates[0])
    claimed = read_properties(signature, certificates) if level is Level.XADES else None
    method = child(signature, f"{ds('SignedInfo')}/{ds('SignatureMethod')}").get("Algorithm") or ""
    return GatedXml(raw, document, level, certificates[0], certificates[1:], claimed, method, references)


def _check_content(document: etree._Element) -> Identified:
    ids: dict[str, etree._Element] = {}
    manifest = ds("Manifest")
    for element in document.iter():
        name = str(element.tag)
        if name.startswith(_XINCLUDE):
            raise refused(INCLUSION, element)
        if name == manifest:
            raise refused(MANIFEST, element)
        items: Any = element.items()
        for attribute, value in items:
            if attribute.startswith(_XSI):
                raise refused(SCHEMA_INSTANCE, element, found=attribute)
            if attribute[-2:].lower() == "id" and attribute.rpartition("}")[2].lower() == "id":
                _add_id(ids, value.strip(XML_SPACE), element)  # Id, ID, id and xml:id name alike
    return ids


def _add_id(ids: dict[str, etree._Element], value: str, element: etree._Element) -> None:
    if value in ids:
        raise refused(SAME_ID, element, found=value)
    ids[value] = element


def _only_signature(document: etree._Element) -> etree._Element:
    found = list(document.iter(ds("Signature")))
    if not found:
        raise Refused.because(UNSIGNED)
    if len(found) > 1:
        raise refused(SEVERAL, found[1])
    if document[-1] is not found[0] or (found[0].tail or "").strip(XML_SPACE):
        raise refused(NOT_LAST, found[0])
    return found[0]


def _level(signature: etree._Element) -> Level:
    if signature.find(ds("Object")) is not None:
        return Level.XADES
    for one in signature.iterfind(f"{ds('SignedInfo')}/{ds('Reference')}"):
        if one.get("Type") == SIGNED_PROPERTIES_TYPE:  # its properties were taken away
            raise refused(OBJECT, one, expected=xades("SignedProperties"))
    return Level.XMLDSIG
