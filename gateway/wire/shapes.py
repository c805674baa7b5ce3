"""What each field of a content model is, worked out once per class from its declaration."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any

from gateway.domain.content import Item, camel, declaration
from gateway.strictjson import LARGEST_INTEGER
from gateway.wire.names import pascal

LARGEST_OCTETS = 2 * 1024**2
"""Longest binary value where a field declares no maximum of its own."""

_SCALARS = (str, bool, int, datetime, date, bytes)


@dataclass(frozen=True)
class Shape:
    """One field of a content model.

    Attributes:
        leaf: type of the value, or of one entry when there may be ``many``.
        default: what absence means; `dataclasses.MISSING` when the field is ``required``.
    """

    name: str
    item: Item
    leaf: type
    many: bool
    default: Any

    @property
    def required(self) -> bool:
        return self.default is dataclasses.MISSING

    @property
    def json_name(self) -> str:
        return camel(self.name)

    @property
    def xml_name(self) -> str:
        return pascal(self.name)

    @property
    def entry_name(self) -> str:
        """Name of the XML element of one entry of a list."""
        if self.item.each is None:
            raise TypeError(f"{self.name}: a tuple must say what each entry is called")
        return self.item.each

    @property
    def is_model(self) -> bool:
        return dataclasses.is_dataclass(self.leaf)


@cache
def shapes(model: type) -> tuple[Shape, ...]:
    """The fields of ``model`` in their declared order.

    Raises:
        TypeError: a field has a type that content models may not use.
    """
    hints = typing.get_type_hints(model)
    return tuple(_shape(field, hints[field.name]) for field in dataclasses.fields(model))


def _shape(field: dataclasses.Field[Any], hint: Any) -> Shape:
    hint = _without_none(hint)
    many = typing.get_origin(hint) is tuple
    leaf = typing.get_args(hint)[0] if many else hint
    item = declaration(field)
    if not _allowed(leaf) or (leaf is str and item.kind is None) or (leaf is bytes and item.minimum):
        raise TypeError(f"{field.name}: {hint} is no type of a content model")
    return Shape(field.name, item, leaf, many, field.default)


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) not in (types.UnionType, typing.Union):
        return hint
    (only,) = (option for option in typing.get_args(hint) if option is not types.NoneType)
    return only


def _allowed(leaf: Any) -> bool:
    return leaf in _SCALARS or dataclasses.is_dataclass(leaf) or issubclass(leaf, Enum)


def entries(shape: Shape) -> tuple[int, int | None]:
    """Fewest and most entries of a list that is present."""
    return max(1, shape.item.minimum or 1), shape.item.maximum


def bounds(shape: Shape) -> tuple[int, int]:
    """Smallest and largest value of an integer, shortest and longest text or octets."""
    low, high = (None, None) if shape.many else (shape.item.minimum, shape.item.maximum)
    if shape.leaf is str and shape.item.kind is not None:
        longest = shape.item.kind.max_length
        return low or 1, longest if high is None else min(high, longest)
    if shape.leaf is bytes:
        return 0, LARGEST_OCTETS if high is None else high
    smallest = -LARGEST_INTEGER if low is None else low
    return smallest, LARGEST_INTEGER if high is None else high


def models_in(root: type) -> tuple[type, ...]:
    """``root`` and every content model below it, each once, in order of first mention."""
    found: dict[type, None] = {root: None}
    for shape in shapes(root):
        if shape.is_model:
            found.update(dict.fromkeys(models_in(shape.leaf)))
    return tuple(found)
