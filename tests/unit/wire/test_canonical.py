from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.evidence.receipt import Receipt
from gateway.domain.transit.envelope import Envelope
from gateway.wire.canonical import canonical_json
from gateway.wire.models import CarriedReceipt
from gateway.wire.shapes import models_in, shapes

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)
SCALARS = st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4)
)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_it_writes_what_a_writer_for_all_of_json_writes(members: dict[str, Any]) -> None:
    assert canonical_json(members) == rfc8785.dumps(members)


def test_every_character_that_needs_an_escape_gets_the_standards_own() -> None:
    text = "".join(map(chr, range(0x00, 0x30))) + '\x7f\x80\u2028\u2029\ufeff\U0001f4ee"\\/'
    assert canonical_json({"text": text}) == rfc8785.dumps({"text": text})


def test_a_text_that_utf_8_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        canonical_json({"text": "\ud800"})


@pytest.mark.parametrize("root", [Envelope, Receipt, CarriedReceipt])
def test_content_models_stay_within_the_bounds_it_relies_on(root: type) -> None:
    found = [shape for model in models_in(root) for shape in shapes(model)]
    assert all(shape.json_name.isascii() for shape in found)
    assert not any(shape.leaf is float for shape in found)
