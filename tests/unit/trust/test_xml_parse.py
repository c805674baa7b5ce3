"""What is refused before a tree of the XML exists."""

from __future__ import annotations

import time

import pytest

from gateway.domain.errors import Refused, TooLarge
from gateway.trust.xmlparse import XmlLimits, parse_hardened

LIMITS = XmlLimits()


def refusal(raw: bytes, limits: XmlLimits = LIMITS) -> str:
    with pytest.raises(Refused) as refused:
        parse_hardened(raw, limits)
    return refused.value.faults[0].code


@pytest.mark.parametrize(
    "raw",
    [
        b"<a/>",
        b"  \r\n<a/>\n",
        b"\xef\xbb\xbf<?xml version='1.0' encoding='utf-8' standalone='yes'?>\n<a/>",
        b'<?xml version="1.0"?><a/>',
        b"<a><![CDATA[<!DOCTYPE html> <!-- not a comment --> <?not an instruction?>]]></a>",
        "<a b='&#13;&amp;'>نص</a>".encode(),
    ],
)
def test_harmless_documents_are_read(raw: bytes) -> None:
    assert parse_hardened(raw, LIMITS).tag == "a"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"text",
        b"<a>",
        b"<a/><b/>",
        b"<a/>text",
        b"<a b='1' b='2'/>",
        b"<a>&unknown;</a>",
        b"<a>&#0;</a>",
        b"<a>\x01</a>",
        b"<p:a/>",
        b"</a>",
        b'<?xml version="1.1"?><a/>',
        b"<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='1'/>",
    ],
)
def test_what_is_not_well_formed_is_refused(raw: bytes) -> None:
    assert refusal(raw) == "WASL-XML-001"


@pytest.mark.parametrize(
    "raw",
    [
        "<a/>".encode("utf-16"),
        "<a/>".encode("utf-16-le"),
        "<a/>".encode("utf-32"),
        b'<?xml version="1.0" encoding="UTF-16"?><a/>',
        b'<?xml version="1.0" encoding="UTF-7"?>+ADw-a/+AD4-',
        b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
        b"<a>\xe9</a>",
        b"<a>\xc0\xbc</a>",
        b"<a>\xed\xa0\x80</a>",
        b"<a>\x00</a>",
    ],
)
def test_anything_but_utf_8_is_refused(raw: bytes) -> None:
    assert refusal(raw) == "WASL-XML-002"


@pytest.mark.parametrize(
    "raw",
    [
        b"<!DOCTYPE a><a/>",
        b'<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
        b"<!doctype a><a/>",
        b'<!ENTITY b "c"><a/>',
    ],
)
def test_a_document_type_is_refused(raw: bytes) -> None:
    assert refusal(raw) == "WASL-XML-003"


@pytest.mark.parametrize(
    "raw", [b"<?x y?><a/>", b"<a><?x y?></a>", b"<a/><?x?>", b" <?xml version='1.0'?><a/>"]
)
def test_a_processing_instruction_is_refused(raw: bytes) -> None:
    assert refusal(raw) == "WASL-XML-004"


@pytest.mark.parametrize("raw", [b"<!-- c --><a/>", b"<a>b<!-- c -->d</a>", b"<a/><!-- c -->"])
def test_a_comment_is_refused(raw: bytes) -> None:
    assert refusal(raw) == "WASL-XML-005"


def test_depth_is_limited_exactly() -> None:
    assert parse_hardened(b"<a>" * 32 + b"</a>" * 32, LIMITS).tag == "a"
    assert refusal(b"<a>" * 33 + b"</a>" * 33) == "WASL-XML-007"


def test_attributes_and_declarations_of_an_element_are_limited_together() -> None:
    def element(attributes: int) -> bytes:
        names = " ".join(f'b{number}="1"' for number in range(attributes))
        return f"<a xmlns='urn:u' {names}/>".encode()

    assert parse_hardened(element(63), LIMITS).tag == "{urn:u}a"
    assert refusal(element(64)) == "WASL-XML-008"


def test_namespaces_in_force_are_limited_along_the_path() -> None:
    def opening(level: int) -> str:
        declared = [f'xmlns:n{level}-{number}="urn:{number}"' for number in range(4)]
        return f"<a {' '.join(declared)}>"

    def nested(levels: int) -> bytes:
        return ("".join(map(opening, range(levels))) + "</a>" * levels).encode()

    assert parse_hardened(nested(16), LIMITS).tag == "a"
    assert refusal(nested(17)) == "WASL-XML-008"


def test_namespaces_of_siblings_do_not_add_up() -> None:
    leaf = "<b " + " ".join(f'xmlns:n{number}="urn:{number}"' for number in range(60)) + "/>"
    assert len(parse_hardened(f"<a>{leaf * 3}</a>".encode(), LIMITS)) == 3


def test_elements_are_limited_exactly() -> None:
    few = XmlLimits(max_elements=3)
    assert len(parse_hardened(b"<a><b/><b/></a>", few)) == 2
    assert refusal(b"<a><b/><b/><b/></a>", few) == "WASL-XML-009"


@pytest.mark.parametrize("raw", [b"<" + b"a" * 129 + b"/>", b"<a " + b"b" * 129 + b"='1'/>"])
def test_long_names_are_refused(raw: bytes) -> None:
    assert refusal(raw) == "WASL-XML-009"


def test_octets_are_limited_exactly() -> None:
    assert parse_hardened(b"<aaaa/>", XmlLimits(max_bytes=7)).tag == "aaaa"
    with pytest.raises(TooLarge) as refused:
        parse_hardened(b"<aaaaa/>", XmlLimits(max_bytes=7))
    assert refused.value.faults[0].code == "WASL-REQ-002"


def test_a_refusal_names_the_line_and_the_limit() -> None:
    with pytest.raises(Refused) as refused:
        parse_hardened(b"<a>\n<b>\n<c/></b></a>", XmlLimits(max_depth=2))
    fault = refused.value.faults[0]
    assert (fault.line, fault.expected) == (3, "2")


@pytest.mark.parametrize(
    "raw",
    [
        b"<a>" + b"<b/>" * 500_000 + b"</a>",
        b"<a " + b"".join(b"b%d=''" % number + b" " for number in range(180_000)) + b"/>",
        b"<a>" * 280_000 + b"</a>" * 280_000,
        b"<a>" + b"&#38;" * 400_000 + b"<b>" * 33,
        b"<" * 2_000_000,
        b" " * 2_000_000,
    ],
    ids=["elements", "attributes", "depth", "references", "brackets", "space"],
)
def test_floods_within_the_octet_limit_end_soon(raw: bytes) -> None:
    start = time.perf_counter()
    assert refusal(raw).startswith("WASL-XML-")
    assert time.perf_counter() - start < 2
