"""Writes the JSON Schema (2020-12) of a content model from its declarations."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any

from gateway.domain.content import Kind
from gateway.wire.lexical import MEANINGS, PATTERNS
from gateway.wire.models import DRAFT, Model
from gateway.wire.names import in_json, pascal
from gateway.wire.shapes import Shape, bounds, entries, models_in, shapes

_CHARACTERS = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]*$"  # XML 1.0, 2.2
_LINE = r"^[^\u0000-\u001F\u007F\uFFFE\uFFFF]*$"


def json_schema(model: Model, examples: Sequence[dict[str, Any]] = ()) -> bytes:
    """The schema document, indented, with a description for every member and type."""
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": model.namespace,
        "$comment": f"Version {DRAFT}. Made from the content model; do not edit.",
        "title": model.name,
        **_object(model.root),
        "$defs": _definitions(model.root),
        "examples": list(examples),
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def _definitions(root: type) -> dict[str, Any]:
    models = models_in(root)
    named: dict[str, Any] = {cls.__name__: _object(cls) for cls in models[1:]}
    for shape in (shape for cls in models for shape in shapes(cls)):
        if shape.leaf is str and shape.item.kind is not None:
            named[_kind_name(shape.item.kind)] = _kind(shape.item.kind)
        elif issubclass(shape.leaf, Enum):
            named[shape.leaf.__name__] = _enumeration(shape.leaf)
    return named


def _object(cls: type) -> dict[str, Any]:
    return {
        "description": _words(inspect.getdoc(cls) or ""),
        "type": "object",
        "properties": {shape.json_name: _member(shape) for shape in shapes(cls)},
        "required": [shape.json_name for shape in shapes(cls) if shape.required],
        "unevaluatedProperties": False,
    }


def _member(shape: Shape) -> dict[str, Any]:
    doc = {"description": _words(shape.item.doc)} | _absent(shape)
    if not shape.many:
        return doc | _leaf(shape)
    fewest, most = entries(shape)
    limits = {"minItems": fewest} | ({"maxItems": most} if most else {})
    return doc | {"type": "array", "items": _leaf(shape)} | limits


def _absent(shape: Shape) -> dict[str, Any]:
    """What absence means, where it means a value."""
    if shape.required or shape.default is None or shape.many:
        return {}
    value = shape.default
    return {"default": value.value if isinstance(value, Enum) else value}


def _leaf(shape: Shape) -> dict[str, Any]:
    if shape.leaf is str and shape.item.kind is not None:
        return {"$ref": f"#/$defs/{_kind_name(shape.item.kind)}"} | _narrowed(shape, shape.item.kind)
    if shape.is_model or issubclass(shape.leaf, Enum):
        return {"$ref": f"#/$defs/{shape.leaf.__name__}"}
    if shape.leaf is bytes:
        return _octets(bounds(shape)[1])
    if shape.leaf is int:
        low, high = bounds(shape)
        return {"type": "integer", "minimum": low, "maximum": high}
    return _SIMPLE[shape.leaf]


_SIMPLE: dict[type, dict[str, Any]] = {
    bool: {"type": "boolean"},
    date: {"type": "string", "format": "date", "pattern": f"^{PATTERNS[date]}$", "$comment": MEANINGS[date]},
    datetime: {
        "type": "string",
        "format": "date-time",
        "pattern": f"^{PATTERNS[datetime]}$",
        "$comment": MEANINGS[datetime],
    },
}


def _narrowed(shape: Shape, kind: Kind) -> dict[str, int]:
    low, high = bounds(shape)
    shorter = {"maxLength": high} if high != kind.max_length else {}
    return shorter | ({"minLength": low} if low != 1 else {})


def _octets(high: int) -> dict[str, Any]:
    """Base64 of at most ``high`` octets: the padding decides where its length alone cannot."""
    whole, rest = divmod(high, 3)
    limit: dict[str, Any] = {"maxLength": 4 * whole}
    if rest:
        padded = {"maxLength": 4 * (whole + 1), "pattern": "=" * (3 - rest) + "$"}
        limit = {"anyOf": [limit, padded]}
    base = {"type": "string", "contentEncoding": "base64", "pattern": f"^{PATTERNS[bytes]}$"}
    return base | limit


def _kind_name(kind: Kind) -> str:
    return pascal(kind.name.lower())


def _kind(kind: Kind) -> dict[str, Any]:
    pattern = f"^({kind.pattern})$" if kind.pattern else _CHARACTERS if kind is Kind.TEXT else _LINE
    named = {
        "description": kind.doc,
        "type": "string",
        "minLength": 1,
        "maxLength": kind.max_length,
        "pattern": pattern,
    }
    # A pattern that only excludes lets characters through that no XML document can hold.
    return named | ({"allOf": [{"pattern": _CHARACTERS}]} if "[^" in (kind.pattern or "") else {})


def _enumeration(cls: type[Enum]) -> dict[str, Any]:
    return {
        "description": _words(inspect.getdoc(cls) or ""),
        "type": "string",
        "enum": [member.value for member in cls],
    }


def _words(doc: str) -> str:
    return in_json(" ".join(doc.split()))
