"""Reads XML that strangers wrote, within limits and without anything that XML can do besides holding data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.parsers import expat

from lxml import etree

from gateway.domain.errors import Refused, TooLarge

TOO_LARGE = "WASL-REQ-002"
NOT_WELL_FORMED = "WASL-XML-001"
NOT_UTF8 = "WASL-XML-002"
DOCTYPE = "WASL-XML-003"
INSTRUCTION = "WASL-XML-004"
COMMENT = "WASL-XML-005"
DEPTH = "WASL-XML-007"
ATTRIBUTES = "WASL-XML-008"
FLOOD = "WASL-XML-009"

_UTF8_BOM = b"\xef\xbb\xbf"
_DECLARATION = re.compile(
    r"""<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?P<v>["'])(?P<version>[^"'<>]{1,20})(?P=v)"""
    r"""(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?P<e>["'])(?P<encoding>[^"'<>]{1,40})(?P=e))?"""
    r"""(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>"""
)
_PROLOG_CODES = {"<!DOCTYPE": DOCTYPE, "<!ENTITY": DOCTYPE, "<!--": COMMENT, "<?": INSTRUCTION}


@dataclass(frozen=True)
class XmlLimits:
    """How much XML is read.

    Attributes:
        max_bytes: octets of the document.
        max_depth: levels of elements.
        max_attributes: attributes and namespace declarations of one element.
        max_namespaces: declarations in force at one element, its ancestors' included. Inclusive
            canonical forms cost their square for every element: some thousand would take minutes.
        max_elements: elements of the document.
        max_name: characters of a name.
        long_texts: a single text may be as long as the document; otherwise at most ten million octets.
    """

    max_bytes: int = 2 * 1024 * 1024
    max_depth: int = 32
    max_attributes: int = 64
    max_namespaces: int = 64
    max_elements: int = 20_000
    max_name: int = 128
    long_texts: bool = False


def parse_hardened(raw: bytes, limits: XmlLimits) -> etree._Element:
    """The root element of ``raw``, which holds elements, attributes and text and nothing else.

    The tree is built only after a pass that keeps no tree found the document within ``limits``.

    Raises:
        TooLarge: ``WASL-REQ-002``, more octets than the limit.
        Refused: ``WASL-XML-001`` … ``005`` and ``007`` … ``009``.
    """
    if len(raw) > limits.max_bytes:
        raise TooLarge.because(TOO_LARGE, expected=str(limits.max_bytes), found=str(len(raw)))
    _check_prolog(_decoded(raw))
    _Meter(limits).measure(raw)
    try:
        return etree.fromstring(raw, hardened_parser(long_texts=limits.long_texts))
    except etree.XMLSyntaxError as error:
        raise Refused.because(NOT_WELL_FORMED, line=error.lineno) from error


def hardened_parser(*, long_texts: bool = False) -> etree.XMLParser:
    """A parser that fetches, expands and validates nothing; one for each document.

    Args:
        long_texts: leaves out the library's own limits, for documents that were measured before.
    """
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=long_texts
    )


def _decoded(raw: bytes) -> str:
    if b"\x00" in raw:  # not a character of XML, and the mark of UTF-16 and UTF-32
        raise Refused.because(NOT_UTF8)
    try:
        return raw.removeprefix(_UTF8_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused.because(NOT_UTF8) from error


def _check_prolog(text: str) -> None:
    # A document type can stand before the root element only: with an empty prolog there is none.
    declaration = _DECLARATION.match(text)
    if declaration:
        _check_declaration(declaration)
    start = declaration.end() if declaration else 0
    rest = text[start : start + 10_000].lstrip(" \t\r\n")[:10]
    for opening, code in _PROLOG_CODES.items():
        if rest.upper().startswith(opening):
            raise Refused.because(code, line=1)
    if not re.match(r"<[^\s!?/<>]", rest):
        raise Refused.because(NOT_WELL_FORMED, line=1)


def _check_declaration(declaration: re.Match[str]) -> None:
    if declaration["version"] != "1.0":
        raise Refused.because(NOT_WELL_FORMED, line=1, expected="1.0", found=declaration["version"])
    if (declaration["encoding"] or "utf-8").lower() != "utf-8":
        raise Refused.because(NOT_UTF8, line=1, expected="UTF-8", found=declaration["encoding"])


class _Exceeded(Exception):
    def __init__(self, code: str, limit: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.limit = limit


class _Meter:
    """Counts what a document has and stops reading at the first thing over its limit."""

    def __init__(self, limits: XmlLimits) -> None:
        self._limits = limits
        self._elements = 0
        self._namespaces = [0]  # declarations in force, outside and at each open element

    def measure(self, raw: bytes) -> None:
        parser = expat.ParserCreate("utf-8")
        parser.ordered_attributes = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CommentHandler = self._comment
        parser.ProcessingInstructionHandler = self._instruction
        try:
            parser.Parse(raw, True)
        except expat.ExpatError as error:
            raise Refused.because(NOT_WELL_FORMED, line=error.lineno) from error
        except _Exceeded as stop:
            limit = None if stop.limit is None else str(stop.limit)
            raise Refused.because(stop.code, line=parser.CurrentLineNumber, expected=limit) from None

    def _start(self, name: str, attributes: list[str]) -> None:
        limits, inherited = self._limits, self._namespaces
        if len(inherited) > limits.max_depth:
            raise _Exceeded(DEPTH, limits.max_depth)
        inherited.append(
            inherited[-1] + (self._declared(attributes[::2]) if attributes else 0)
        )  # names and values alternate
        self._elements += 1
        if self._elements > limits.max_elements:
            raise _Exceeded(FLOOD, limits.max_elements)
        if len(name) > limits.max_name:
            raise _Exceeded(FLOOD, limits.max_name)

    def _declared(self, names: list[str]) -> int:
        """How many namespaces an element declares, if its attributes, by their names, are within limits."""
        limits = self._limits
        declared = sum(one.startswith("xmlns") for one in names)
        if len(names) > limits.max_attributes:
            raise _Exceeded(ATTRIBUTES, limits.max_attributes)
        if self._namespaces[-1] + declared > limits.max_namespaces:
            raise _Exceeded(ATTRIBUTES, limits.max_namespaces)
        if max(map(len, names)) > limits.max_name:
            raise _Exceeded(FLOOD, limits.max_name)
        return declared

    def _end(self, name: str) -> None:
        self._namespaces.pop()

    def _comment(self, data: str) -> None:
        raise _Exceeded(COMMENT)

    def _instruction(self, target: str, data: str) -> None:
        raise _Exceeded(INSTRUCTION)
