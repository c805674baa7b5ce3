"""What a call says: its values by name, and the octets that it carries or points at."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from lxml import etree

from gateway.domain.errors import Refused
from gateway.wire.soap_names import SERVICE, VERSIONS, XOP, XSI
from gateway.wire.soap_schema import NOT_SO, check_call
from gateway.wire.strict_xml import line_of

PARTS = "WASL-SOP-009"

Element = etree._Element

_INCLUDE = f"{{{XOP}}}Include"
_SPACE = b" \t\r\n"
# What stacks add for each other and what changes no value; every other attribute is refused by the schema.
_IDLE = frozenset({XSI, "http://www.w3.org/2005/05/xmlmime", "http://www.w3.org/2004/11/xmlmime"})
_ENCODING_STYLES = frozenset(version.name("encodingStyle") for version in VERSIONS)


@dataclass(frozen=True)
class Included:
    """Octets that come in a part of their own (XOP 3.2)."""

    content_id: str


Octets = bytes | Included
"""Octets in the message itself, or in a part of it."""


@dataclass(frozen=True)
class SoapCall:
    """A valid call.

    Attributes:
        values: the texts of its elements by name, those that carry octets left out.
        octets: the envelope of a submission.
        attachments: each with the identifier that the envelope lists it under.
    """

    operation: str
    values: Mapping[str, str]
    octets: Octets = b""
    attachments: tuple[tuple[str, Octets], ...] = ()


def read_call(call: Element) -> SoapCall:
    """The call in a message's body; ``call`` itself is used up.

    Raises:
        Refused: ``WASL-SOP-007`` it does not follow the schema, ``WASL-SOP-009`` a reference to a part
            cannot be read, or two are the same.
    """
    _drop_idle(call)
    carried = {one: _taken(one) for one in _carriers(call)}  # taken out before the schema reads the rest
    check_call(call)
    _check_once(call, carried)
    texts, groups = _sorted(one for one in call if one not in carried)
    values = {etree.QName(one).localname: one.text or "" for one in texts}
    attachments = tuple((content_id.text or "", carried[content]) for content_id, content in groups)
    envelope = next((octets for one, octets in carried.items() if one.getparent() is call), b"")
    return SoapCall(etree.QName(call).localname, values, envelope, attachments)


def _sorted(elements: Iterable[Element]) -> tuple[list[Element], list[Element]]:
    """Those that hold a text, and those that hold elements: an attachment with its identifier and content."""
    found = list(elements)
    return [one for one in found if not len(one)], [one for one in found if len(one)]


def _drop_idle(call: Element) -> None:
    """Without attributes that mean nothing here; an element that is nil is not there."""
    for element in list(call.iter()):
        if element.get(f"{{{XSI}}}nil") in ("true", "1") and element is not call:
            parent = element.getparent()
            if parent is not None:
                parent.remove(element)
            continue
        for name in list(element.attrib):
            if etree.QName(name).namespace in _IDLE or name in _ENCODING_STYLES:
                del element.attrib[name]


def _carriers(call: Element) -> list[Element]:
    names = (f"{{{SERVICE}}}octets", f"{{{SERVICE}}}attachment/{{{SERVICE}}}content")
    return [one for name in names for one in call.iterfind(name)]


def _taken(carrier: Element) -> Octets:
    """The octets of an element, which is empty afterwards."""
    text, children = (carrier.text or "").encode(), list(carrier)
    if not children:
        carrier.text = None
        return _decoded(carrier, text)
    include = children[0]
    if len(children) > 1 or include.tag != _INCLUDE or len(include) or include.text or text.strip(_SPACE):
        raise _refused(PARTS, carrier, "one xop:Include")
    carrier.text = None
    carrier.remove(include)
    return Included(_content_id(include, carrier))


def _decoded(carrier: Element, text: bytes) -> bytes:
    try:
        return base64.b64decode(text.translate(None, _SPACE), validate=True)
    except binascii.Error as error:
        raise _refused(NOT_SO, carrier, "base64") from error


def _content_id(include: Element, carrier: Element) -> str:
    """RFC 2392 2: ``cid:`` and the identifier, its characters escaped as an address needs it."""
    address = include.get("href") or ""
    if not address.startswith("cid:") or len(address) > 300 or set(include.attrib) != {"href"}:
        raise _refused(PARTS, carrier, "cid:…")
    return unquote(address.removeprefix("cid:"))


def _check_once(call: Element, carried: Mapping[Element, Octets]) -> None:
    parts = [one.content_id for one in carried.values() if isinstance(one, Included)]
    if len(set(parts)) < len(parts):
        raise _refused(PARTS, call, "each part once")


def _refused(code: str, element: Element, expected: str) -> Refused:
    return Refused.because(code, etree.QName(element).localname, line=line_of(element), expected=expected)
