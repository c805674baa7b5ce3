"""Strict JSON: one reading only, whoever reads."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.strictjson import LARGEST_INTEGER, NotStrict, TooDeep, read_strict

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=12,
)


@given(_values, st.booleans())
def test_strict_json_is_read_as_it_stands(value: object, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    assert read_strict(text.encode(), max_depth=40) == value


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{",
        b"{} {}",
        b"{}\x00",
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"x":{"a":1,"b":2,"a":3}}',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-32-le"),
        b'{"a":"\xff"}',
        b'{"a":"\xc0\x80"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"a":["\\udc00\\ud800"]}',
        b'{"\\uDBFF":1}',
        b'{"a":"\n"}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e400}',
        b'{"a":9007199254740992}',
        b'{"a":-9007199254740993}',
        b'{"a":9007199254740993.0}',
        b'{"a":1e30}',
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":' + b"9" * 5000 + b"}",
        b"// comment\n{}",
    ],
)
def test_whatever_readers_may_read_differently_is_refused(octets: bytes) -> None:
    with pytest.raises(NotStrict):
        read_strict(octets)


def test_an_escaped_pair_of_surrogates_is_one_character() -> None:
    assert read_strict(b'{"a":"\\ud83d\\udce8"}') == {"a": "\U0001f4e8"}


def test_the_largest_integers_and_fractions_are_read() -> None:
    assert read_strict(b"[9007199254740991, -9007199254740991, 0.5]") == [2**53 - 1, 1 - 2**53, 0.5]


def test_depth_is_counted_outside_strings_only() -> None:
    brackets = b'"' + b"[" * 100 + b'\\"' + b"{" * 100 + b'"'
    assert read_strict(b"[" * 31 + b"[" + brackets + b"]" * 32, max_depth=32)


@pytest.mark.parametrize("deep", [b"[" * 33 + b"]" * 33, b'{"a":' * 33 + b"1" + b"}" * 33, b"[" * 1_000_000])
def test_one_level_too_many_is_refused_before_parsing(deep: bytes) -> None:
    with pytest.raises(TooDeep):
        read_strict(deep, max_depth=32)


@pytest.mark.parametrize("hostile", [b'"' + b'\\"' * 1_000_000, b'"a' * 700_001, b"[]" * 1_000_000])
def test_two_megabytes_of_hostile_text_take_bounded_time(hostile: bytes) -> None:
    started = time.process_time()
    with pytest.raises(NotStrict):
        read_strict(hostile)
    assert time.process_time() - started < 20  # under a tracer, on a busy machine
