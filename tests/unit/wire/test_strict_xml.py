"""XML that holds more than elements, attributes and text is refused, and nothing is ever fetched."""

import pytest

from gateway.domain.errors import Refused
from gateway.wire.strict_xml import parse_xml


def code(octets):
    with pytest.raises(Refused) as refusal:
        parse_xml(octets)
    (fault,) = refusal.value.faults
    return fault.code


BOMB = b'<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"", "WASL-XML-001"),
        (b"<a>", "WASL-XML-001"),
        (b"<a/><b/>", "WASL-XML-001"),
        (b"<a>&undeclared;</a>", "WASL-XML-001"),
        (b"<a>\x00</a>", "WASL-XML-001"),
        (b"<a>&#0;</a>", "WASL-XML-001"),
        (b"<a b='1' b='2'/>", "WASL-XML-001"),
        (b"<p:a/>", "WASL-XML-001"),
        (b"<a>" * 300 + b"</a>" * 300, "WASL-XML-001"),
        (b"<a>\xff</a>", "WASL-XML-002"),
        ("<a>é</a>".encode("utf-16"), "WASL-XML-002"),
        (b"<?xml version='1.0' encoding='UTF-7'?><a>+AGE-</a>", "WASL-XML-002"),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "WASL-XML-002"),
        (b"<!DOCTYPE a><a/>", "WASL-XML-003"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "WASL-XML-003"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>', "WASL-XML-003"),
        (BOMB, "WASL-XML-003"),
        (b"<a><?php x?></a>", "WASL-XML-004"),
        (b"<?xml-stylesheet href='x'?><a/>", "WASL-XML-004"),
        (b"<a>fal<!-- -->se</a>", "WASL-XML-005"),
        (b"<a/><!-- after -->", "WASL-XML-005"),
        (
            b'<a xmlns:x="http://www.w3.org/2001/XMLSchema-instance"><b x:nil="true"/></a>',
            "WASL-XML-006",
        ),
    ],
)
def test_what_is_no_strict_xml_is_refused(octets, expected):
    assert code(octets) == expected


def test_character_data_sections_are_text():
    assert parse_xml(b"<a><![CDATA[<b>]]> &#13;</a>").text == "<b> \r"


@pytest.mark.parametrize(
    "declaration", [b"", b"<?xml version='1.0'?>", b"<?xml version='1.0' encoding='utf-8'?>"]
)
def test_utf8_is_read_however_it_is_declared(declaration):
    assert parse_xml(declaration + "<a>é</a>".encode()).text == "é"


def test_the_line_of_a_fault_is_told():
    with pytest.raises(Refused) as refusal:
        parse_xml(b"<a>\n\n<!-- x --></a>")
    assert refusal.value.faults[0].line == 3
