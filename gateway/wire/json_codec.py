"""Content models to JSON objects and back, driven by their declarations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from gateway.wire.scalars import forms
from gateway.wire.shapes import Shape, shapes

Model = TypeVar("Model")
Convert = Callable[[Any], Any]

_NATIVE = (str, bool, int)


def to_json(value: Any) -> dict[str, Any]:
    """The JSON object of a content model's value; what equals its default is left out."""
    model: type = type(value)
    written = {}
    for name, json_name, default, encode in _encoders(model):
        field = getattr(value, name)
        if field != default:
            written[json_name] = encode(field)
    return written


def from_json(cls: type[Model], value: Mapping[str, Any]) -> Model:
    """The value of content model ``cls`` that a JSON object, valid by its schema, stands for.

    Raises:
        ValueError: the object does not follow the schema in a way that shows here.
    """
    model: type = cls
    table = _decoders(model)
    try:
        fields = {table[key][0]: table[key][1](member) for key, member in value.items()}
        return cls(**fields)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a {cls.__name__}: {error}") from error


@cache
def _encoders(model: type) -> tuple[tuple[str, str, Any, Convert], ...]:
    return tuple((shape.name, shape.json_name, shape.default, _encoder(shape)) for shape in shapes(model))


def _encoder(shape: Shape) -> Convert:
    if shape.is_model:
        one: Convert = to_json
    elif shape.leaf in _NATIVE:
        one = _itself
    else:
        one = forms(shape.leaf)[0]
    return (lambda entries: [one(entry) for entry in entries]) if shape.many else one


@cache
def _decoders(model: type) -> dict[str, tuple[str, Convert]]:
    return {shape.json_name: (shape.name, _decoder(shape)) for shape in shapes(model)}


def _decoder(shape: Shape) -> Convert:
    if shape.is_model:
        leaf = shape.leaf
        one: Convert = lambda member: from_json(leaf, member)  # noqa: E731
    elif shape.leaf in _NATIVE:
        one = _itself
    else:
        one = forms(shape.leaf)[1]
    return (lambda entries: tuple(one(entry) for entry in entries)) if shape.many else one


def _itself(value: Any) -> Any:
    return value
