"""A SOAP message taken apart: its version, the header blocks that matter, and the call in its body."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from gateway.domain.errors import Refused
from gateway.wire.soap_names import ADDRESSING, ANONYMOUS, SECURITY, SERVICE, VERSIONS, SoapVersion
from gateway.wire.strict_xml import line_of

MALFORMED = "WASL-SOP-001"
OTHER_VERSION = "WASL-SOP-002"
NOT_UNDERSTOOD = "WASL-SOP-003"
UNKNOWN = "WASL-SOP-004"
DISAGREES = "WASL-SOP-005"
ELSEWHERE = "WASL-SOP-006"

Element = etree._Element

_SPACE = " \t\r\n"
_LONGEST_SHOWN = 120
_ADDRESSED = frozenset({"MessageID", "To", "Action", "From", "RelatesTo", "ReplyTo", "FaultTo"})
_UNDERSTOOD = frozenset({SECURITY, *(f"{{{space}}}{name}" for space in ADDRESSING for name in _ADDRESSED)})


@dataclass(frozen=True)
class SoapMessage:
    """A message of good form; nobody knows yet who sent it.

    Attributes:
        security: the WS-Security header meant for the hub.
        body: the Body element.
        call: the one element in it.
    """

    version: SoapVersion
    root: Element
    security: Element | None
    body: Element
    call: Element

    @property
    def operation(self) -> str:
        """The local name of what is called."""
        return etree.QName(self.call).localname


def read_message(root: Element, actions: Iterable[str] = ()) -> SoapMessage:
    """The message of a parsed document (SOAP 1.1 4, SOAP 1.2-1 5).

    Args:
        root: read by a parser that took neither document type nor processing instruction.
        actions: what the transport says is called (SOAPAction, ``action``); an empty one says nothing.

    Raises:
        Refused: ``WASL-SOP-001`` … ``006``.
    """
    version = _version(root)
    header, body = _parts(root, version)
    blocks = [] if header is None else _for_us(header, version)
    call = _call(body)
    _check_actions(call, actions, blocks)
    _check_replies(blocks)
    return SoapMessage(version, root, _security(blocks), body, call)


def read_reply(root: Element) -> tuple[Element | None, Element]:
    """The WS-Security header meant for the hub, and the Body, of what a service answered.

    Raises:
        Refused: ``WASL-SOP-001`` … ``003``.
    """
    version = _version(root)
    header, body = _parts(root, version)
    return _security([] if header is None else _for_us(header, version)), body


def _version(root: Element) -> SoapVersion:
    for version in VERSIONS:
        if root.tag == version.name("Envelope"):
            return version
    raise _refused(OTHER_VERSION, root, found=str(root.tag))


def _parts(root: Element, version: SoapVersion) -> tuple[Element | None, Element]:
    """Header and Body: readers differ about anything else that stands in an Envelope."""
    names = [version.name("Header"), version.name("Body")]
    found = [str(one.tag) for one in root]
    if found not in (names, names[1:]) or _has_text(root):
        raise _refused(MALFORMED, root, expected="Header, Body", found=", ".join(found))
    return (root[0] if len(root) == 2 else None), root[-1]


def _for_us(header: Element, version: SoapVersion) -> list[Element]:
    """The header blocks meant for the hub, all of them understood unless they need not be."""
    blocks = [one for one in header if (one.get(version.name(version.target)) or "") in version.ours]
    for one in blocks:
        must = (one.get(version.name("mustUnderstand")) or "0").strip(_SPACE)
        if must not in ("0", "1", "false", "true"):
            raise _refused(MALFORMED, one, expected="mustUnderstand 0, 1", found=must)
        if must in ("1", "true") and one.tag not in _UNDERSTOOD:
            raise _refused(NOT_UNDERSTOOD, one, found=str(one.tag))
    return [one for one in blocks if one.tag in _UNDERSTOOD]


def _call(body: Element) -> Element:
    if len(body) != 1 or _has_text(body):
        raise _refused(MALFORMED, body, expected="one element in Body", found=str(len(body)))
    call = body[0]
    if etree.QName(call).namespace != SERVICE:
        raise _refused(UNKNOWN, call, found=str(call.tag))
    return call


def _security(blocks: Iterable[Element]) -> Element | None:
    found = [one for one in blocks if one.tag == SECURITY]
    if len(found) > 1:
        raise _refused(MALFORMED, found[1], expected="one Security header", found=str(len(found)))
    return found[0] if found else None


def _check_actions(call: Element, actions: Iterable[str], blocks: Iterable[Element]) -> None:
    """Whoever routes or filters by the action must have seen the call that is made."""
    expected = f"{SERVICE}#{etree.QName(call).localname}"
    said = [(one.text or "").strip(_SPACE) for one in blocks if _addressing(one) == "Action"]
    for one in (*actions, *said):
        if one not in ("", expected):
            raise _refused(DISAGREES, call, expected=expected, found=one)


def _check_replies(blocks: Iterable[Element]) -> None:
    """Answers go back over the connection: the hub calls nobody whom a message names."""
    for block in blocks:
        if _addressing(block) in ("ReplyTo", "FaultTo"):
            address = block.find(f"{{{etree.QName(block).namespace}}}Address")
            said = "" if address is None else (address.text or "").strip(_SPACE)
            if said not in ANONYMOUS:
                raise _refused(ELSEWHERE, block, expected="anonymous", found=said)


def _addressing(block: Element) -> str | None:
    name = etree.QName(block)
    return name.localname if name.namespace in ADDRESSING else None


def _has_text(element: Element) -> bool:
    texts = [element.text, *(one.tail for one in element)]
    return any((text or "").strip(_SPACE) for text in texts)


def _refused(code: str, element: Element, expected: str | None = None, found: str | None = None) -> Refused:
    where = "/" + "/".join(reversed([etree.QName(one).localname for one in _upwards(element)]))
    shown = None if found is None else found[:_LONGEST_SHOWN]
    return Refused.because(code, where, line=line_of(element), expected=expected, found=shown)


def _upwards(element: Element) -> Iterable[Element]:
    return (element, *element.iterancestors())
