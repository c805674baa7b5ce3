"""JSON that two readers could understand differently is refused."""

import pytest

from gateway.domain.errors import Refused
from gateway.wire.strict_json import parse_json


def code(octets):
    with pytest.raises(Refused) as refusal:
        parse_json(octets)
    (fault,) = refusal.value.faults
    return fault.code


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b'{"a": "\xff"}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": 1, "a": 2}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"b": [{"a": 1, "a": 1}]}',
        b"[NaN]",
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e400]",
        b"[9007199254740992]",
        b"[-9007199254740993]",
        b"[1e300]",
        b"[" + b"9" * 5000 + b"]",
        b'["\\ud800"]',
        b'{"\\udc00": 1}',
        b'["\\udc00\\ud800"]',
        b"[01]",
        b"[5.0]",
        b"[5e0]",
        b"[1.5]",
        b"['a']",
        b'["\n"]',
        b"[1,]",
    ],
)
def test_what_is_no_strict_json_is_refused(octets):
    assert code(octets) == "WASL-JWS-010"


@pytest.mark.parametrize("octets", [b"[" * 33 + b"1" + b"]" * 33, b'{"a":' * 33 + b"1" + b"}" * 33])
def test_more_than_32_levels_are_refused(octets):
    assert code(octets) == "WASL-JWS-011"


@pytest.mark.parametrize("octets", [b"[" * 1_000_000, b'{"a":' * 300_000])
def test_a_bomb_of_brackets_is_refused(octets):
    assert code(octets) in {"WASL-JWS-010", "WASL-JWS-011"}


def test_32_levels_are_taken():
    assert parse_json(b"[" * 32 + b"1" + b"]" * 32)


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b'{"a": "\\ud834\\udd1e"}', {"a": "𝄞"}),
        ('{"é": "ب"}'.encode(), {"é": "ب"}),
        (b"[9007199254740991, -1, 5, -0]", [9007199254740991, -1, 5, 0]),
        (b"[true, null]", [True, None]),
    ],
)
def test_what_is_strict_json_is_read(octets, value):
    read = parse_json(octets)
    assert read == value
    assert repr(read) == repr(value)


def test_the_line_of_a_fault_is_told():
    with pytest.raises(Refused) as refusal:
        parse_json(b'{\n"a": 1,\n}')
    assert refusal.value.faults[0].line == 3
