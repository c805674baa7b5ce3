"""Values of content models for the tests of this room, all derived from the declarations."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum
from typing import Any

from hypothesis import strategies as st
from lxml import etree

from gateway.domain.content import Kind
from gateway.wire.names import pascal
from gateway.wire.places import by_json_name
from gateway.wire.shapes import Shape, bounds, entries, shapes

NOT_XML = [chr(code) for code in range(32) if chr(code) not in "\t\n\r"] + ["\ufffe", "\uffff"]
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters=NOT_XML)
LINE_CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=NOT_XML)

SAMPLES = {
    Kind.LINE: "سطر واحد — une ligne & <one>",
    Kind.TEXT: "a\tb\r\nc\rd\n ]]> é",
    Kind.CODE: "code-1",
    Kind.UUID: "01950000-0000-7000-8000-000000000001",
    Kind.DIGEST: "0f" * 32,
    Kind.NONCE: "a0" * 16,
    Kind.REFERENCE: "0123-4567-89A",
    Kind.DIRECTORY_ID: "A0001234-F",
    Kind.LANGUAGE: "ar-MA",
    Kind.MEDIA_TYPE: "application/pdf",
    Kind.FILE_NAME: "رسالة.pdf",
    Kind.CONTENT_ID: "part1@example",
    Kind.URI: "urn:example:schema",
    Kind.VERSION: "1.0",
}


def complete(model: type) -> Any:
    """A value with every field present and different from its default."""
    return model(**{shape.name: _sample(shape) for shape in shapes(model)})


def _sample(shape: Shape) -> Any:
    one = _sample_leaf(shape)
    return (one,) if shape.many else one


def _sample_leaf(shape: Shape) -> Any:
    if shape.is_model:
        return complete(shape.leaf)
    if shape.leaf is str:
        return SAMPLES[shape.item.kind][: bounds(shape)[1]]
    if issubclass(shape.leaf, Enum):
        return next(member for member in shape.leaf if member is not shape.default)
    return {
        bool: True,
        int: 7,
        date: date(2030, 2, 28),
        datetime: datetime(2030, 1, 2, 3, 4, 5, 600, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        bytes: b"\x00\xff octets",
    }[shape.leaf]


def values(model: type) -> st.SearchStrategy[Any]:
    """Any value of a content model that its schema accepts."""
    return st.builds(model, **{shape.name: _field(shape) for shape in shapes(model)})


def _field(shape: Shape) -> st.SearchStrategy[Any]:
    field = _leaf(shape)
    if shape.many:
        fewest, most = entries(shape)
        field = st.lists(field, min_size=fewest, max_size=min(most or 3, 3)).map(tuple)
    return field if shape.required else st.one_of(st.just(shape.default), field)


def _leaf(shape: Shape) -> st.SearchStrategy[Any]:
    if shape.is_model:
        return st.deferred(lambda: values(shape.leaf))
    if issubclass(shape.leaf, Enum):
        return st.sampled_from(list(shape.leaf))
    low, high = bounds(shape) if shape.leaf in (str, int, bytes) else (0, 0)
    if shape.leaf is str:
        return texts(shape.item.kind, low, high)
    return {
        bool: st.booleans(),
        int: st.integers(low, high),
        bytes: st.binary(min_size=low, max_size=min(high, 40)),
        date: st.dates(date(1900, 1, 1), date(2999, 12, 31)),
        datetime: moments(),
    }[shape.leaf]


def texts(kind: Kind, low: int, high: int) -> st.SearchStrategy[str]:
    """Texts of a kind, of ``low`` to ``high`` characters."""
    if kind is Kind.LINE:
        return st.text(LINE_CHARACTERS, min_size=low, max_size=min(high, 30))
    if kind is Kind.TEXT:
        return st.text(CHARACTERS, min_size=low, max_size=min(high, 30))
    alphabet = CHARACTERS if kind is Kind.FILE_NAME else st.characters(max_codepoint=126)
    made = st.from_regex(kind.pattern, fullmatch=True, alphabet=alphabet)
    return made.filter(lambda text: low <= len(text) <= high)


def moments() -> st.SearchStrategy[datetime]:
    """Aware moments with any offset of whole minutes that a schema accepts."""
    offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
    first, last = datetime(1900, 1, 1), datetime(2999, 12, 31, 23, 59, 59)  # noqa: DTZ001
    return st.datetimes(first, last, timezones=st.one_of(st.just(UTC), offsets))


def raw_xml(model: type, namespace: str, name: str, tree: dict[str, Any]) -> etree._Element:
    """The XML rendering of a JSON object that need not be valid."""
    element = etree.Element(f"{{{namespace}}}{name}", nsmap={None: namespace})
    _fill(element, model, namespace, tree)
    return element


def _fill(element: etree._Element, model: type | None, namespace: str, tree: dict[str, Any]) -> None:
    known = by_json_name(model) if model is not None else {}
    order = list(known)
    for key in sorted(tree, key=lambda key: order.index(key) if key in known else len(order)):
        shape = known.get(key)
        child = etree.SubElement(element, f"{{{namespace}}}{pascal(key)}")
        inner = shape.leaf if shape is not None and shape.is_model else None
        if isinstance(tree[key], list):
            for entry in tree[key]:
                _put(etree.SubElement(child, f"{{{namespace}}}{shape.entry_name}"), inner, namespace, entry)
        else:
            _put(child, inner, namespace, tree[key])


def _put(element: etree._Element, model: type | None, namespace: str, value: Any) -> None:
    if isinstance(value, dict):
        _fill(element, model, namespace, value)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    else:
        element.text = str(value)


@dataclasses.dataclass(frozen=True)
class Place:
    """A field of a complete JSON object: the object that holds it, and its declaration."""

    path: tuple[str | int, ...]
    shape: Shape


def places(model: type, path: tuple[str | int, ...] = ()) -> list[Place]:
    """Every field of `complete` of ``model``, with the path of JSON names to it."""
    found = []
    for shape in shapes(model):
        here = (*path, shape.json_name)
        found.append(Place(here, shape))
        if shape.is_model:
            found += places(shape.leaf, (*here, 0) if shape.many else here)
    return found


def holder(tree: Any, path: tuple[str | int, ...]) -> Any:
    """The object or list of a JSON tree in which the last step of ``path`` stands."""
    for step in path[:-1]:
        tree = tree[step]
    return tree
