"""Writes and reads the manifest of an ASiC-E container: a digest for every file in it.

EN 319 162-1 4.4.3 and annex A.4, with CAdES.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from lxml import etree

from gateway.domain.errors import Refused
from gateway.wire.strict_xml import parse_xml

NAMESPACE = "http://uri.etsi.org/02918/v1.2.1#"
_DS = "http://www.w3.org/2000/09/xmldsig#"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_SIGNATURE_TYPE = "application/pkcs7-signature"
_NAMES = {"asic": NAMESPACE, "ds": _DS}


class BadManifest(Exception):
    """Not a manifest that this profile writes."""


@dataclass(frozen=True)
class Reference:
    """A file that the manifest names, its media type and the SHA-256 of its content (hexadecimal)."""

    name: str
    media_type: str
    sha256: str


def write_manifest(signature: str, references: list[Reference]) -> bytes:
    """The manifest that the signature in the file ``signature`` is to cover."""
    root = etree.Element(_asic("ASiCManifest"), nsmap=_NAMES)
    etree.SubElement(root, _asic("SigReference"), URI=quote(signature), MimeType=_SIGNATURE_TYPE)
    for one in references:
        stated = etree.SubElement(
            root, _asic("DataObjectReference"), URI=quote(one.name), MimeType=one.media_type
        )
        etree.SubElement(stated, _ds("DigestMethod"), Algorithm=_SHA256)
        digest = base64.b64encode(bytes.fromhex(one.sha256)).decode()
        etree.SubElement(stated, _ds("DigestValue")).text = digest
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def read_manifest(octets: bytes, signature: str) -> Mapping[str, Reference]:
    """The references by the names of their files.

    Raises:
        BadManifest: it is none, refers to another signature, or names a file twice.
    """
    try:
        root = parse_xml(octets)
    except Refused as error:
        raise BadManifest(str(error)) from error
    _check(root, _asic("ASiCManifest"), set())
    first, *others = list(root) or [etree.Element("none")]
    _check(first, _asic("SigReference"), {"URI", "MimeType"})
    if _path(first) != signature or len(first):
        raise BadManifest("another signature")
    found = [_reference(one) for one in others]
    references = {one.name: one for one in found}
    if len(references) != len(found):
        raise BadManifest("a file twice")
    return references


def _reference(element: etree._Element) -> Reference:
    _check(element, _asic("DataObjectReference"), {"URI", "MimeType"})
    if len(element) != 2:
        raise BadManifest("a reference has a method and a value")
    method, value = element
    _check(method, _ds("DigestMethod"), {"Algorithm"})
    _check(value, _ds("DigestValue"), set(), text=True)
    if method.get("Algorithm") != _SHA256 or len(method) or len(value):
        raise BadManifest("another digest")
    return Reference(_path(element), element.get("MimeType", ""), _digest(value.text or ""))


def _check(element: etree._Element, tag: str, attributes: set[str], text: bool = False) -> None:
    if element.tag != tag or set(map(str, element.attrib)) != attributes:
        raise BadManifest("another element or attribute")
    texts = [child.tail for child in element] + ([] if text else [element.text])
    if any(found and found.strip() for found in texts):
        raise BadManifest("text between the elements")


def _path(element: etree._Element) -> str:
    address = element.get("URI", "")
    name = unquote(address, errors="surrogateescape")
    if quote(name, errors="surrogateescape") != address:  # one name has one address
        raise BadManifest("an address in another form")
    return name


def _digest(text: str) -> str:
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadManifest("not base64") from error
    if len(digest) != 32 or base64.b64encode(digest).decode() != text:
        raise BadManifest("not a SHA-256 digest")
    return digest.hex()


def _asic(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _ds(name: str) -> str:
    return f"{{{_DS}}}{name}"
