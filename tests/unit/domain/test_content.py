"""Declarations of the content models keep to their own rules."""

from __future__ import annotations

import dataclasses
import re
from datetime import date, datetime
from enum import Enum
from typing import Any, get_args, get_type_hints

import pytest

from gateway.domain.content import Item, Kind, declaration
from gateway.domain.evidence.receipt import Receipt
from gateway.domain.transit.envelope import Envelope


def parts_of(kind: Any) -> list[Any]:
    return [part for part in get_args(kind) if part not in (type(None), Ellipsis)] or [kind]


def models(root: type) -> dict[type, dict[str, Any]]:
    found: dict[type, dict[str, Any]] = {}
    due = [root]
    while due:
        model = due.pop()
        if model in found:
            continue
        found[model] = get_type_hints(model)
        leaves = [
            leaf for kind in found[model].values() for part in parts_of(kind) for leaf in parts_of(part)
        ]
        due += [leaf for leaf in leaves if dataclasses.is_dataclass(leaf)]
    return found


FIELDS = [
    pytest.param(field, hints[field.name], id=f"{model.__name__}.{field.name}")
    for root in (Envelope, Receipt)
    for model, hints in models(root).items()
    for field in dataclasses.fields(model)
]


@pytest.mark.parametrize(("field", "kind"), FIELDS)
def test_every_field_is_declared_within_the_vocabulary(field: dataclasses.Field[Any], kind: Any) -> None:
    declared = declaration(field)
    leaves = [leaf for part in parts_of(kind) for leaf in parts_of(part)]
    assert isinstance(declared, Item)
    assert declared.doc.endswith((".", "…"))
    assert (str in leaves) == (declared.kind is not None)
    assert (str(kind).startswith("tuple")) == (declared.each is not None)
    for leaf in leaves:
        known = leaf in (str, int, bool, datetime, date, bytes) or dataclasses.is_dataclass(leaf)
        assert known or issubclass(leaf, Enum), leaf


@pytest.mark.parametrize(("field", "kind"), FIELDS)
def test_what_may_be_absent_has_a_default(field: dataclasses.Field[Any], kind: Any) -> None:
    if type(None) in get_args(kind):
        assert field.default is None


def test_a_field_that_was_not_declared_is_an_error() -> None:
    @dataclasses.dataclass
    class Loose:
        plain: int = 3

    with pytest.raises(KeyError):
        declaration(dataclasses.fields(Loose)[0])


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.pattern])
def test_patterns_refuse_what_is_never_right(kind: Kind) -> None:
    for text in ("", " ", "\n", "a b", "\u202e"):
        if kind is not Kind.FILE_NAME or text in ("", "\n"):
            assert re.fullmatch(kind.pattern or "", text) is None, text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.CODE, "A-1:b/c@d"),
        (Kind.UUID, "0193f5a0-0000-7000-8000-000000000001"),
        (Kind.DIGEST, "a0" * 32),
        (Kind.NONCE, "a0" * 16),
        (Kind.REFERENCE, "0000-0000-000"),
        (Kind.DIRECTORY_ID, "A0000001-X"),
        (Kind.LANGUAGE, "zgh-Tfng"),
        (Kind.MEDIA_TYPE, "application/vnd.oasis.opendocument.text"),
        (Kind.FILE_NAME, "رسالة رقم 3.pdf"),
        (Kind.CONTENT_ID, "a1@letter.example"),
        (Kind.URI, "urn:wasl:policy:evidence:1.0"),
        (Kind.VERSION, "1.0"),
    ],
)
def test_patterns_take_what_is_right(kind: Kind, text: str) -> None:
    assert re.fullmatch(kind.pattern or "", text)
    assert len(text) <= kind.max_length
