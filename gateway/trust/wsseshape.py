"""The exact shape of a WS-Security header: one certificate, one time-stamp, one signature."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.trust.xmlnames import EXC, ds
from gateway.trust.xmlshape import BASELINE, Child, Content, Shape

BAD = "WASL-SOP-010"
MOST_REFERENCES = 12
"""Body, time-stamp, certificate, and what WS-Addressing puts into the header."""

_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
VALUE_TYPE = f"{_OASIS}-x509-token-profile-1.0#X509v3"
_ENVELOPES = ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")


def wsse(name: str) -> str:
    """``name`` in the namespace of WS-Security."""
    return f"{{{_OASIS}-wssecurity-secext-1.0.xsd}}{name}"


def wsu(name: str) -> str:
    """``name`` in the namespace of its identifiers and times."""
    return f"{{{_OASIS}-wssecurity-utility-1.0.xsd}}{name}"


WSU_ID = wsu("Id")
TOKEN = wsse("BinarySecurityToken")

_FOR_WHOM = frozenset(
    f"{{{one}}}{name}" for one in _ENVELOPES for name in ("mustUnderstand", "actor", "role")
)


def _shape(content: Content, *children: Child, attributes: str = "") -> Shape:
    return Shape(content, children, frozenset(attributes.split()), BAD)


def _one(name: str, least: int = 1, most: int = 1) -> Child:
    return Child(name, least, most, BAD)


SHAPES: Mapping[str, Shape] = {
    wsse("Security"): Shape(
        Content.ANY_ORDER,
        (_one(TOKEN), _one(wsu("Timestamp")), _one(ds("Signature"))),
        _FOR_WHOM | {WSU_ID},
        BAD,
    ),
    TOKEN: _shape(Content.BASE64, attributes=f"EncodingType ValueType {WSU_ID}"),
    wsu("Timestamp"): _shape(
        Content.ELEMENTS, _one(wsu("Created")), _one(wsu("Expires"), 0), attributes=WSU_ID
    ),
    wsu("Created"): _shape(Content.TEXT),
    wsu("Expires"): _shape(Content.TEXT),
    ds("Signature"): _shape(
        Content.ELEMENTS,
        _one(ds("SignedInfo")),
        _one(ds("SignatureValue")),
        _one(ds("KeyInfo")),
        attributes="Id",
    ),
    ds("SignedInfo"): _shape(
        Content.ELEMENTS,
        _one(ds("CanonicalizationMethod")),
        _one(ds("SignatureMethod")),
        _one(ds("Reference"), 2, MOST_REFERENCES),
        attributes="Id",
    ),
    ds("CanonicalizationMethod"): BASELINE[ds("CanonicalizationMethod")],
    ds("SignatureMethod"): BASELINE[ds("SignatureMethod")],
    ds("Reference"): _shape(
        Content.ELEMENTS,
        _one(ds("Transforms")),
        _one(ds("DigestMethod")),
        _one(ds("DigestValue")),
        attributes="Id URI",
    ),
    ds("Transforms"): _shape(Content.ELEMENTS, _one(ds("Transform"))),
    ds("Transform"): BASELINE[ds("Transform")],
    f"{{{EXC}}}InclusiveNamespaces": BASELINE[f"{{{EXC}}}InclusiveNamespaces"],
    ds("DigestMethod"): BASELINE[ds("DigestMethod")],
    ds("DigestValue"): BASELINE[ds("DigestValue")],
    ds("SignatureValue"): BASELINE[ds("SignatureValue")],
    ds("KeyInfo"): _shape(Content.ELEMENTS, _one(wsse("SecurityTokenReference")), attributes="Id"),
    wsse("SecurityTokenReference"): _shape(
        Content.ELEMENTS, _one(wsse("Reference")), attributes=f"Id {WSU_ID}"
    ),
    wsse("Reference"): _shape(Content.ELEMENTS, attributes="URI ValueType"),
}
"""Shapes of a header that is taken (WSS X.509 Token Profile 1.1.1, direct reference)."""
