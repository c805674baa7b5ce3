"""Expressions, tables and answers that would harm are refused before they do."""

from __future__ import annotations

import time
from typing import Any

import pytest

from adapters.growth import LONGEST
from adapters.json_values import NoJsonError, read_json
from adapters.mapping import Expression, Mapping
from adapters.xml_values import NoXmlError, read_xml, value_of
from gateway.domain.errors import Misconfigured

DOUBLED = " | ".join(["[@, @][]"] * 40)


@pytest.mark.parametrize(
    "source",
    [
        DOUBLED,
        " | ".join(["[@, @]"] * 40),
        " | ".join(["[@, @]"] * 9) + " | to_string(@) | to_string(@)",
        "map(&map(&map(&[@,@,@,@,@,@,@,@,@,@,@], a), b), c) | [@,@,@,@,@,@,@,@,@,@] | [@,@,@,@,@,@,@,@,@,@]",
        "a[*].`[" + ",".join(["1"] * 500) + "]`[] | [*].`[1,2,3]`",
        "join('" + "x" * 3000 + "', a) | [*].[" + ",".join(["@"] * 100) + "]",
        "a" * (LONGEST + 1),
        "(" * 2000 + "a" + ")" * 1900,
        "!" * 3000 + "a",
        "!target.person",
    ],
    ids=["flat", "nested", "quoted", "mapped", "literals", "joined", "long", "deep", "not", "misread"],
)
def test_an_expression_that_only_harms_is_no_option(source: str) -> None:
    began = time.process_time()
    with pytest.raises(Misconfigured):
        Expression.compile(source, "x")
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "source",
    [
        "attachments[].{a: id, b: name, c: size, d: sha256, e: mediaType, f: role, g: content}",
        "join(' - ', [envelope.subject, senderName, reference])",
        'envelope.recipients[?unit] | [0].unit || `"none"`',
        "map(&{n: name, t: to_string(@)}, attachments)[0:20]",
        "!(target.person)",
    ],
    ids=["table", "join", "choice", "map", "not"],
)
def test_an_expression_that_somebody_needs_is_taken(source: str) -> None:
    Expression.compile(source, "x")


def test_a_mapping_that_nests_without_end_is_no_option() -> None:
    tree: Any = "a"
    for _ in range(200):
        tree = {"x": [tree]}
    with pytest.raises(Misconfigured, match="deeper than"):
        Mapping.compile({"y": tree})


JSON_BOMBS = {
    "deep": b"[" * 100_000,
    "deep-whole": b"[" * 500 + b"]" * 500,
    "long-number": b'{"id": ' + b"9" * 100_000 + b"}",
    "huge-float": b'{"id": 1e999}',
    "nan": b'{"id": NaN}',
    "infinity": b'{"id": -Infinity}',
    "twice": b'{"id": 1, "id": 2}',
    "twice-escaped": b'{"id": 1, "\\u0069d": 2}',
    "utf-7": b"+AHs-",
    "latin": '{"id": "é"}'.encode("iso-8859-1"),
    "cut": b'{"id": "a',
    "page": b"<html><body>Welcome</body></html>",
}


@pytest.mark.parametrize("name", sorted(JSON_BOMBS))
def test_what_only_resembles_json_is_none(name: str) -> None:
    began = time.process_time()
    with pytest.raises(NoJsonError):
        read_json(JSON_BOMBS[name])
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("octets", "charset", "found"),
    [
        ('{"n": "é"}'.encode("iso-8859-1"), "ISO-8859-1", "é"),
        ('{"n": "طلب"}'.encode("windows-1256"), "windows-1256", "طلب"),
        ('\ufeff{"n": "طلب"}'.encode(), "utf-8", "طلب"),
        ('{"n": "طلب"}'.encode(), "x-unknown", "طلب"),
    ],
    ids=["latin", "arabic", "mark", "unknown"],
)
def test_json_in_the_charset_that_it_names_is_read(octets: bytes, charset: str, found: str) -> None:
    assert read_json(octets, charset) == {"n": found}


XML_BOMBS = {
    "entities": b'<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;">]><a>&c;</a>',
    "external": b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    "dtd": b"<!DOCTYPE a><a/>",
    "deep": b"<a>" * 5000 + b"</a>" * 5000,
    "cut": b"<a><b>",
    "nul": b"<a>\x00</a>",
    "empty": b"",
    "lie": '<?xml version="1.0" encoding="utf-8"?><a>é</a>'.encode("iso-8859-1"),
}


@pytest.mark.parametrize("name", sorted(XML_BOMBS))
def test_xml_that_could_be_anything_is_none(name: str) -> None:
    with pytest.raises(NoXmlError):
        read_xml(XML_BOMBS[name])


def test_xml_becomes_the_values_that_json_has() -> None:
    octets = '<a xmlns:x="urn:x" n="1"><b>ط</b><b/><x:c d="2">t</x:c><?pi x?><!-- no --></a>'.encode()
    assert value_of(read_xml(octets)) == {"@n": "1", "b": ["ط", ""], "c": {"@d": "2", "#text": "t"}}
