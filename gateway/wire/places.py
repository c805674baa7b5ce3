"""Finds the field of a content model that a place in a document stands for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from gateway.wire.models import ENVELOPE, Model
from gateway.wire.shapes import Shape, shapes


@cache
def by_json_name(model: type) -> dict[str, Shape]:
    """The fields of ``model`` by their JSON name."""
    return {shape.json_name: shape for shape in shapes(model)}


def shape_at(root: type, path: Iterable[str | int]) -> tuple[Shape | None, bool]:
    """The field at a path of JSON names and indices, and whether one entry of its list is meant.

    None for the document itself and for whatever lies below an unknown name.
    """
    shape, entry = None, False
    fields = by_json_name(root)
    for step in path:
        if isinstance(step, int):
            entry = True
            continue
        shape, entry = fields.get(step), False
        if shape is None:
            return None, False
        fields = by_json_name(shape.leaf) if shape.is_model else {}
    return shape, entry


def pointer_of(path: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901); "/" alone would name a member, so the document is ""."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def pointer_to_xpath(pointer: str, model: Model = ENVELOPE) -> str:
    """The XPath, without prefixes, of the place that a JSON pointer names in the XML syntax.

    What the content model does not know is left off: the result names the innermost known place.
    """
    found = f"/{model.name}"
    fields, shape = by_json_name(model.root), None
    for token in pointer.split("/")[1:]:
        if shape is not None and shape.many and token.isdecimal():
            found += f"/{shape.entry_name}[{int(token) + 1}]"
        elif token in fields:
            shape = fields[token]
            found += f"/{shape.xml_name}"
            fields = by_json_name(shape.leaf) if shape.is_model else {}
        else:
            break
    return found
