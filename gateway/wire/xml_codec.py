"""Content models to XML elements and back, driven by their declarations."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from lxml import etree

from gateway.wire.scalars import forms
from gateway.wire.shapes import Shape, shapes

Model = TypeVar("Model")
Element = etree._Element
Write = Callable[[Element, Any], None]
Read = Callable[[Element], Any]

SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
"""The only element that stands in a document without being content."""

_WHITE = " \t\r\n"  # XML Schema collapses it around every value that is not a string


def to_xml(value: Any, namespace: str, name: str) -> Element:
    """The element ``name`` of a content model's value; what equals its default is left out.

    Raises:
        ValueError: a text holds characters that XML cannot carry.
    """
    declared: Any = {None: namespace}
    element = etree.Element(f"{{{namespace}}}{name}", nsmap=declared)
    _fill(element, value, namespace)
    return element


def from_xml(cls: type[Model], element: Element) -> Model:
    """The value of content model ``cls`` that an element, valid by its schema, stands for.

    Raises:
        ValueError: the element does not follow the schema in a way that shows here.
    """
    return _read(cls, etree.QName(element).namespace or "", element)


def _read(cls: type[Model], namespace: str, element: Element) -> Model:
    model: type = cls
    table = _readers(model, namespace)
    fields = {}
    try:
        for child in element:
            if child.tag != SIGNATURE:
                name, read = table[child.tag]
                fields[name] = read(child)
        return cls(**fields)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a {cls.__name__}: {error}") from error


def _fill(element: Element, value: Any, namespace: str) -> None:
    model: type = type(value)
    for name, default, write in _writers(model, namespace):
        field = getattr(value, name)
        if field != default:
            write(element, field)


@cache
def _writers(model: type, namespace: str) -> tuple[tuple[str, Any, Write], ...]:
    return tuple((shape.name, shape.default, _writer(shape, namespace)) for shape in shapes(model))


def _writer(shape: Shape, namespace: str) -> Write:
    tag = f"{{{namespace}}}{shape.xml_name}"
    if not shape.many:
        return _one(shape, tag, namespace)
    one = _one(shape, f"{{{namespace}}}{shape.entry_name}", namespace)

    def write(parent: Element, entries: Any) -> None:
        wrapper = etree.SubElement(parent, tag)
        for entry in entries:
            one(wrapper, entry)

    return write


def _one(shape: Shape, tag: str, namespace: str) -> Write:
    if shape.is_model:
        return lambda parent, value: _fill(etree.SubElement(parent, tag), value, namespace)
    text = forms(shape.leaf)[0]

    def write(parent: Element, value: Any) -> None:
        etree.SubElement(parent, tag).text = text(value)

    return write


@cache
def _readers(model: type, namespace: str) -> dict[Any, tuple[str, Read]]:
    return {
        f"{{{namespace}}}{shape.xml_name}": (shape.name, _reader(shape, namespace)) for shape in shapes(model)
    }


def _reader(shape: Shape, namespace: str) -> Read:
    one = _leaf(shape, namespace)
    if not shape.many:
        return one
    tag = f"{{{namespace}}}{shape.entry_name}"

    def read(wrapper: Element) -> Any:
        if any(child.tag != tag for child in wrapper):
            raise ValueError(f"only {tag} may stand in {wrapper.tag}")
        return tuple(one(child) for child in wrapper)

    return read


def _leaf(shape: Shape, namespace: str) -> Read:
    leaf = shape.leaf
    if shape.is_model:
        return lambda element: _read(leaf, namespace, element)
    if leaf is str:
        return lambda element: element.text or ""
    parse = forms(leaf)[1]
    if issubclass(leaf, Enum):  # codes are compared as they stand
        return lambda element: parse(element.text or "")
    return lambda element: parse((element.text or "").strip(_WHITE))
