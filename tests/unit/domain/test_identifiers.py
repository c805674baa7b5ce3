"""Identifiers survive being read aloud, and tell when one character was mistyped."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.content import Kind
from gateway.domain.identifiers import (
    CROCKFORD,
    directory_id,
    is_directory_id,
    luhn_mod_32,
    mod_37_36,
    new_reference,
    read_reference,
    uuid7,
)

entropy = st.binary(min_size=7, max_size=7)
numbers = st.integers(0, 9_999_999)


def reference_of(octets: bytes) -> str:
    return new_reference(lambda count: octets[:count])


@given(entropy)
def test_a_reference_has_its_form_and_reads_back(octets: bytes) -> None:
    reference = reference_of(octets)
    assert re.fullmatch(Kind.REFERENCE.pattern or "", reference)
    assert read_reference(reference) == reference


@given(entropy)
def test_a_reference_may_be_typed_carelessly(octets: bytes) -> None:
    reference = reference_of(octets)
    careless = reference.lower().replace("-", " ").replace("1", "l").replace("0", "o")
    assert read_reference(careless) == reference
    assert read_reference(reference.replace("1", "I")) == reference


@given(entropy, st.integers(0, 10), st.integers(1, 31))
def test_one_wrong_character_in_a_reference_is_noticed(octets: bytes, place: int, shift: int) -> None:
    characters = reference_of(octets).replace("-", "")
    other = CROCKFORD[(CROCKFORD.index(characters[place]) + shift) % 32]
    assert read_reference(characters[:place] + other + characters[place + 1 :]) is None


@pytest.mark.parametrize(
    "text", ["", "ABCD", "UUUU-UUUU-UUU", "0000-0000-0000", "٠٠٠٠-٠٠٠٠-٠٠٠", "0000-0000-00\n"]
)
def test_what_is_no_reference_is_none(text: str) -> None:
    assert read_reference(text) is None


def test_all_fifty_bits_are_used() -> None:
    assert reference_of(b"\xff" * 7).replace("-", "")[:10] == "Z" * 10
    assert reference_of(b"\x00" * 7) == "0000-0000-000"
    assert reference_of(b"\x80" + b"\x00" * 6)[0] == "G"
    assert reference_of(b"\x00" * 6 + b"\x40").replace("-", "")[9] == "1"


def test_luhn_mod_32_by_hand() -> None:
    # G is 16: doubled 32, which is 1 + 0; 32 - 1 is 31.
    assert luhn_mod_32("G") == "Z"
    # 1 stays 1, G doubled sums to 1; 32 - 2 is 30.
    assert luhn_mod_32("1G") == "Y"


@given(st.sampled_from("ABCXYZ"), numbers)
def test_a_directory_identifier_has_its_form(letter: str, number: int) -> None:
    identifier = directory_id(letter, number)
    assert re.fullmatch(Kind.DIRECTORY_ID.pattern or "", identifier)
    assert is_directory_id(identifier)


@given(numbers, st.integers(0, 8), st.integers(1, 35))
def test_one_wrong_character_in_a_directory_identifier_is_noticed(
    number: int, place: int, shift: int
) -> None:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    characters = directory_id("A", number).replace("-", "")
    other = alphabet[(alphabet.index(characters[place]) + shift) % 36]
    wrong = characters[:place] + other + characters[place + 1 :]
    assert not is_directory_id(f"{wrong[:8]}-{wrong[8]}")


def test_two_swapped_digits_in_a_directory_identifier_are_noticed_with_rare_exceptions() -> None:
    # ISO/IEC 7064 promises every single substitution, and of transpositions not every one
    missed = tried = 0
    for number in range(0, 10_000_000, 9_973):
        body = f"A{number:07d}"
        for place in range(1, 7):
            swapped = body[:place] + body[place + 1] + body[place] + body[place + 2 :]
            tried += swapped != body
            missed += swapped != body and mod_37_36(swapped) == mod_37_36(body)
    assert missed / tried < 0.01


@given(st.text(max_size=12))
def test_any_text_is_answered(text: str) -> None:
    assert is_directory_id(text) in (True, False)
    assert read_reference(text) is None or len(text) >= 11


@pytest.mark.parametrize(
    "text",
    [
        "A0000001",
        "A000001-1",
        "a0000001-1",
        "A٠٠٠٠٠٠١-1",
        "A0000001-",
        "A0000001-11",
        "10000001-1",
        "Å0000001-1",
        "-",
    ],
)
def test_what_is_no_directory_identifier(text: str) -> None:
    assert not is_directory_id(text)


def test_mod_37_36_by_the_standards_example() -> None:
    # ISO/IEC 7064 gives A12425GABC1234002 the check character M.
    assert mod_37_36("A12425GABC1234002") == "M"


@given(st.binary(min_size=10, max_size=10), st.integers(0, 2**48 - 1))
def test_a_uuid_is_of_version_seven_and_carries_its_time(octets: bytes, moment: int) -> None:
    text = uuid7(lambda count: octets[:count], moment)
    read = uuid.UUID(text)
    assert (read.version, read.variant, str(read)) == (7, uuid.RFC_4122, text)
    assert read.int >> 80 == moment


def test_uuids_of_later_moments_sort_later() -> None:
    assert uuid7(lambda count: b"\xff" * count, 1000) < uuid7(lambda count: b"\x00" * count, 1001)


def test_a_uuid_takes_the_present_by_default() -> None:
    assert uuid7(lambda count: b"\x00" * count) > uuid7(lambda count: b"\xff" * count, 1_700_000_000_000)
