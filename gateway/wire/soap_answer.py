"""Writes what goes back over SOAP: an answer's members as elements, octets inside or as parts, and faults."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO

from lxml import etree

from gateway.domain.errors import TooLarge
from gateway.wire.mime import OutgoingPart
from gateway.wire.soap_names import SERVICE, SOAP11, XOP, SoapVersion

INLINE_TOO_LARGE = "WASL-SOP-008"

_ONE_OF = {
    "attachments": "attachment",
    "deliveries": "delivery",
    "documentTypes": "documentType",
    "events": "event",
    "faults": "fault",
    "leads": "lead",
    "letters": "letter",
    "mediaTypes": "mediaType",
    "missing": "missing",
    "notices": "notice",
    "receipts": "receipt",
    "recipients": "recipient",
}
"""How each entry of a list is called."""

_OURS: Any = {None: SERVICE}
_NO_CHARACTER = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 2.2
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True)
class Content:
    """Octets of an answer, to be read once; whoever sends the answer closes ``stream``."""

    size: int
    stream: BinaryIO
    media_type: str

    @classmethod
    def of(cls, octets: bytes, media_type: str) -> Content:
        """Octets that are at hand."""
        return cls(len(octets), BytesIO(octets), media_type)


@dataclass
class Answer:
    """An answer as it is written.

    Attributes:
        most: octets that may stand inside in base64; None: they become parts.
        parts: what travels beside the message.
    """

    version: SoapVersion
    most: int | None
    parts: list[OutgoingPart] = field(default_factory=list)

    def write(self, name: str, members: Mapping[str, Any]) -> bytes:
        """The message that answers with the element ``name``.

        Raises:
            TooLarge: ``WASL-SOP-008``, octets that only parts can carry.
        """
        root, body = _envelope(self.version)
        self._fill(etree.SubElement(body, f"{{{SERVICE}}}{name}", nsmap=_OURS), members)
        return _octets(root)

    def _fill(self, parent: etree._Element, members: Mapping[str, Any]) -> None:
        for name, value in members.items():
            if isinstance(value, list | tuple):
                for entry in value:
                    self._add(parent, _ONE_OF[name], entry)
            elif value is not None:
                self._add(parent, name, value)

    def _add(self, parent: etree._Element, name: str, value: Any) -> None:
        element = etree.SubElement(parent, f"{{{SERVICE}}}{name}")
        if isinstance(value, Mapping):
            self._fill(element, value)
        elif isinstance(value, Content):
            self._carry(element, value)
        elif isinstance(value, bool):
            element.text = "true" if value else "false"
        else:
            element.text = _NO_CHARACTER.sub("\ufffd", str(value))

    def _carry(self, element: etree._Element, content: Content) -> None:
        if self.most is None:
            part = f"octets-{len(self.parts) + 1}@wasl"
            self.parts.append(OutgoingPart(part, content.media_type, content.size, lambda: content.stream))
            etree.SubElement(element, f"{{{XOP}}}Include", {"href": f"cid:{part}"}, {"xop": XOP})
            return
        with content.stream as stream:
            if content.size > self.most:
                raise TooLarge.because(INLINE_TOO_LARGE, expected=str(self.most), found=str(content.size))
            element.text = base64.b64encode(stream.read()).decode("ascii")


def write_fault(
    version: SoapVersion, code: str, reason: str, language: str, problem: Mapping[str, Any]
) -> bytes:
    """A message that says why there is no answer (SOAP 1.1 4.4, SOAP 1.2-1 5.4).

    Args:
        code: local name of the fault code in the version's namespace.
        problem: the members of its detail.
    """
    root, body = _envelope(version)
    fault = etree.SubElement(body, version.name("Fault"))
    text = _NO_CHARACTER.sub("\ufffd", reason)
    if version is SOAP11:
        etree.SubElement(fault, "faultcode").text = f"soap:{code}"
        told = etree.SubElement(fault, "faultstring")
        detail = etree.SubElement(fault, "detail")
    else:
        etree.SubElement(
            etree.SubElement(fault, version.name("Code")), version.name("Value")
        ).text = f"soap:{code}"
        told = etree.SubElement(etree.SubElement(fault, version.name("Reason")), version.name("Text"))
        detail = etree.SubElement(fault, version.name("Detail"))
    told.text = text
    told.set(_LANGUAGE, language)
    element = etree.SubElement(detail, f"{{{SERVICE}}}Problem", nsmap=_OURS)
    Answer(version, 0)._fill(element, problem)
    return _octets(root)


def _envelope(version: SoapVersion) -> tuple[etree._Element, etree._Element]:
    root = etree.Element(version.name("Envelope"), nsmap={"soap": version.namespace})
    return root, etree.SubElement(root, version.name("Body"))


def _octets(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
