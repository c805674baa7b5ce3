"""Parses XML that holds nothing but elements, attributes and text."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from gateway.domain.errors import Refused

NOT_WELL_FORMED = "WASL-XML-001"
NOT_UTF8 = "WASL-XML-002"
DOCTYPE = "WASL-XML-003"
INSTRUCTION = "WASL-XML-004"
COMMENT = "WASL-XML-005"
SCHEMA_INSTANCE = "WASL-XML-006"

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_DECLARED = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml\s[^>]*?encoding\s*=\s*[\"']([^\"']*)")
_UNWANTED = etree.XPath("//comment() | //processing-instruction() | //@xsi:*/..", namespaces={"xsi": _XSI})


def parse_xml(octets: bytes) -> etree._Element:
    """The root element of a document.

    Raises:
        Refused: not well formed, not UTF-8, or holding a DTD, an entity, a processing instruction, a
            comment or an attribute of the XML Schema instance namespace.
    """
    if (declared := _DECLARED.match(octets)) and declared[1].lower() != b"utf-8":
        raise Refused.because(NOT_UTF8, line=1, found=declared[1].decode("ascii", "replace")[:40])
    try:
        octets.decode("utf-8")
        root = etree.fromstring(octets, _parser())
    except UnicodeDecodeError as error:
        raise Refused.because(NOT_UTF8) from error
    except etree.XMLSyntaxError as error:
        raise Refused.because(NOT_WELL_FORMED, line=error.lineno, found=error.msg) from error
    document = root.getroottree().docinfo
    if document.internalDTD is not None or document.doctype:
        raise Refused.because(DOCTYPE)
    _refuse_unwanted(root)
    return root


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )


def _refuse_unwanted(root: etree._Element) -> None:
    found: Any = _UNWANTED(root)
    for node in found:
        if node.tag is etree.Comment:
            code = COMMENT
        elif node.tag is etree.ProcessingInstruction:
            code = INSTRUCTION
        else:
            code = SCHEMA_INSTANCE
        raise Refused.because(code, line=line_of(node))


def line_of(element: etree._Element) -> int | None:
    """The line of a document, from 1, on which ``element`` starts."""
    line: Any = element.sourceline
    return int(line) if line else None
