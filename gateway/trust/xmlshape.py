"""The exact shape of a signature element: which children, attributes and text each element may have."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from lxml import etree

from gateway.trust.xmlnames import DSIG11, EXC, XML_SPACE, ds, refused, xades

REFERENCES = "WASL-SIG-004"
TRANSFORM = "WASL-SIG-006"
ALGORITHM = "WASL-SIG-007"
OBJECT = "WASL-SIG-008"
NO_CERTIFICATE = "WASL-SIG-010"
SIGNING_TIME = "WASL-SIG-015"
STRUCTURE = "WASL-SIG-017"


class Content(Enum):
    """What stands between an element's tags."""

    ELEMENTS = "the children named, in order, and white space"
    ANY_ORDER = "the children named, in any order, and white space"
    BASE64 = "base64, in which white space is allowed"
    TEXT = "text"
    OPEN = "anything"


@dataclass(frozen=True)
class Child:
    """How often an element may stand in its parent; ``code`` answers any other number."""

    name: str
    least: int = 1
    most: int = 1
    code: str = STRUCTURE


@dataclass(frozen=True)
class Shape:
    """One element; ``code`` answers a child, attribute or text that has no place in it."""

    content: Content
    children: tuple[Child, ...] = ()
    attributes: frozenset[str] = frozenset()
    code: str = STRUCTURE

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each child stands in the order, by name."""
        return {child.name: place for place, child in enumerate(self.children)}


def _elements(*children: Child, attributes: str = "", code: str = STRUCTURE) -> Shape:
    return Shape(Content.ELEMENTS, children, frozenset(attributes.split()), code)


def _leaf(content: Content, attributes: str = "", code: str = STRUCTURE) -> Shape:
    return Shape(content, (), frozenset(attributes.split()), code)


_KEY_INFO_CHILDREN = (
    Child(ds("KeyName"), 0),
    Child(ds("KeyValue"), 0),
    Child(f"{{{DSIG11}}}DEREncodedKeyValue", 0),
    Child(ds("X509Data"), code=NO_CERTIFICATE),
)
_X509_DATA_CHILDREN = (
    Child(ds("X509Certificate"), 1, 8, NO_CERTIFICATE),
    Child(ds("X509IssuerSerial"), 0, 8),
    Child(ds("X509SubjectName"), 0, 8),
    Child(ds("X509SKI"), 0, 8),
)

_SIGNATURE: Mapping[str, Shape] = {
    ds("Signature"): _elements(
        Child(ds("SignedInfo")),
        Child(ds("SignatureValue")),
        Child(ds("KeyInfo"), code=NO_CERTIFICATE),
        Child(ds("Object"), 0, code=OBJECT),
        attributes="Id",
    ),
    ds("SignedInfo"): _elements(
        Child(ds("CanonicalizationMethod")),
        Child(ds("SignatureMethod")),
        Child(ds("Reference"), 1, 3, REFERENCES),
        attributes="Id",
    ),
    ds("CanonicalizationMethod"): _elements(
        Child(f"{{{EXC}}}InclusiveNamespaces", 0), attributes="Algorithm", code=ALGORITHM
    ),
    ds("SignatureMethod"): _elements(attributes="Algorithm", code=ALGORITHM),
    ds("Reference"): _elements(
        Child(ds("Transforms"), 0),
        Child(ds("DigestMethod")),
        Child(ds("DigestValue")),
        attributes="Id URI Type",
    ),
    ds("Transforms"): _elements(Child(ds("Transform"), 1, 2, REFERENCES)),
    ds("Transform"): _elements(
        Child(f"{{{EXC}}}InclusiveNamespaces", 0), attributes="Algorithm", code=TRANSFORM
    ),
    f"{{{EXC}}}InclusiveNamespaces": _elements(attributes="PrefixList", code=TRANSFORM),
    ds("DigestMethod"): _elements(attributes="Algorithm", code=ALGORITHM),
    ds("DigestValue"): _leaf(Content.BASE64),
    ds("SignatureValue"): _leaf(Content.BASE64, "Id"),
    ds("KeyInfo"): Shape(Content.ANY_ORDER, _KEY_INFO_CHILDREN, frozenset({"Id"})),
    ds("X509Data"): Shape(Content.ANY_ORDER, _X509_DATA_CHILDREN),
    ds("X509Certificate"): _leaf(Content.BASE64),
    ds("KeyName"): _leaf(Content.TEXT),
    ds("KeyValue"): _leaf(Content.OPEN),
    f"{{{DSIG11}}}DEREncodedKeyValue": _leaf(Content.BASE64, "Id"),
    ds("X509IssuerSerial"): _elements(Child(ds("X509IssuerName")), Child(ds("X509SerialNumber"))),
    ds("X509IssuerName"): _leaf(Content.TEXT),
    ds("X509SerialNumber"): _leaf(Content.TEXT),
    ds("X509SubjectName"): _leaf(Content.TEXT),
    ds("X509SKI"): _leaf(Content.BASE64),
}

_XADES: Mapping[str, Shape] = {
    # ETSI EN 319 132-1 B-B: no legacy SigningCertificate, and no policy that nobody here evaluates.
    ds("Object"): _elements(Child(xades("QualifyingProperties"), code=OBJECT), attributes="Id", code=OBJECT),
    xades("QualifyingProperties"): _elements(
        Child(xades("SignedProperties"), code=OBJECT), attributes="Id Target", code=OBJECT
    ),
    xades("SignedProperties"): _elements(
        Child(xades("SignedSignatureProperties"), code=OBJECT),
        Child(xades("SignedDataObjectProperties"), 0, code=OBJECT),
        attributes="Id",
        code=OBJECT,
    ),
    xades("SignedSignatureProperties"): _elements(
        Child(xades("SigningTime"), code=SIGNING_TIME),
        Child(xades("SigningCertificateV2"), code=OBJECT),
        Child(xades("SignatureProductionPlace"), 0, code=OBJECT),
        Child(xades("SignatureProductionPlaceV2"), 0, code=OBJECT),
        Child(xades("SignerRole"), 0, code=OBJECT),
        Child(xades("SignerRoleV2"), 0, code=OBJECT),
        attributes="Id",
        code=OBJECT,
    ),
    xades("SigningTime"): _leaf(Content.TEXT, code=SIGNING_TIME),
    xades("SigningCertificateV2"): _elements(Child(xades("Cert"), 1, 8, OBJECT), code=OBJECT),
    xades("Cert"): _elements(
        Child(xades("CertDigest"), code=OBJECT),
        Child(xades("IssuerSerialV2"), 0, code=OBJECT),
        attributes="URI",
        code=OBJECT,
    ),
    xades("CertDigest"): _elements(
        Child(ds("DigestMethod"), code=OBJECT), Child(ds("DigestValue"), code=OBJECT), code=OBJECT
    ),
    xades("IssuerSerialV2"): _leaf(Content.BASE64, code=OBJECT),
    xades("SignatureProductionPlace"): _leaf(Content.OPEN),
    xades("SignatureProductionPlaceV2"): _leaf(Content.OPEN),
    xades("SignerRole"): _leaf(Content.OPEN),
    xades("SignerRoleV2"): _leaf(Content.OPEN),
    xades("SignedDataObjectProperties"): _elements(
        Child(xades("DataObjectFormat"), 0, 3, OBJECT),
        Child(xades("CommitmentTypeIndication"), 0, 3, OBJECT),
        attributes="Id",
        code=OBJECT,
    ),
    xades("DataObjectFormat"): _leaf(Content.OPEN, "ObjectReference"),
    xades("CommitmentTypeIndication"): _leaf(Content.OPEN),
}

_LONG_TERM: Mapping[str, Shape] = {
    # ETSI EN 319 132-1 B-T: what was added after signing is a timestamp over the signature, nothing else.
    xades("QualifyingProperties"): _elements(
        Child(xades("SignedProperties"), code=OBJECT),
        Child(xades("UnsignedProperties"), 0, code=OBJECT),
        attributes="Id Target",
        code=OBJECT,
    ),
    xades("UnsignedProperties"): _elements(
        Child(xades("UnsignedSignatureProperties"), code=OBJECT), attributes="Id", code=OBJECT
    ),
    xades("UnsignedSignatureProperties"): _elements(
        Child(xades("SignatureTimeStamp"), 1, 8, OBJECT), attributes="Id", code=OBJECT
    ),
    xades("SignatureTimeStamp"): _leaf(Content.OPEN, "Id"),
}

BASELINE: Mapping[str, Shape] = {**_SIGNATURE, **_XADES}
"""Shapes of XAdES B-B and of plain XML signatures."""

LONG_TERM: Mapping[str, Shape] = {**BASELINE, **_LONG_TERM}
"""The same, with timestamps over the signature allowed (XAdES B-T)."""


def check_shape(element: etree._Element, shapes: Mapping[str, Shape]) -> None:
    """Nothing, if ``element`` and all below it have their shape.

    Raises:
        Refused: with the code of the first thing out of place.
    """
    shape = shapes[element.tag]
    content = shape.content
    if content is Content.OPEN:
        return
    for name in element.keys():  # noqa: SIM118 - an element is no dictionary: iterating gives its children
        if name not in shape.attributes:
            raise refused(shape.code, element, found=str(name))
    if content is Content.ELEMENTS or content is Content.ANY_ORDER:
        below = list(element)
        _check_children(element, below, shape)
        for one in below:
            check_shape(one, shapes)
    else:
        _check_leaf(element, shape)


def octets(element: etree._Element) -> bytes:
    """What the base64 text of a leaf says.

    Raises:
        ValueError: not base64.
    """
    text = (element.text or "").encode("ascii").translate(None, _SPACE)
    return base64.b64decode(text, validate=True)


_SPACE = XML_SPACE.encode("ascii")


def _check_children(element: etree._Element, below: Sequence[etree._Element], shape: Shape) -> None:
    if _is_text(element.text) or any(_is_text(one.tail) for one in below):
        raise refused(shape.code, element, found="text")
    places = shape.places
    order = [places.get(str(one.tag), -1) for one in below]
    if -1 in order:
        raise refused(shape.code, element, found=str(below[order.index(-1)].tag))
    for place, child in enumerate(shape.children):
        if not child.least <= order.count(place) <= child.most:
            raise refused(child.code, element, _wanted(child), str(order.count(place)))
    if shape.content is Content.ELEMENTS and order != sorted(order):
        raise refused(shape.code, element)


def _is_text(text: str | None) -> bool:
    return text is not None and bool(text.strip(XML_SPACE))


def _wanted(child: Child) -> str:
    local = etree.QName(child.name).localname
    return f"{local}: {child.least}" if child.least == child.most else f"{local}: {child.least}..{child.most}"


def _check_leaf(element: etree._Element, shape: Shape) -> None:
    if len(element):
        raise refused(shape.code, element, found=str(element[0].tag))
    if shape.content is Content.BASE64:
        try:
            filled = octets(element)
        except (binascii.Error, UnicodeEncodeError) as error:
            raise refused(shape.code, element, expected="base64") from error
        if not filled:
            raise refused(shape.code, element, expected="base64")
