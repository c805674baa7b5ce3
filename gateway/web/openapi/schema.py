"""The few shapes of JSON that the doors answer and take, as JSON Schema 2020-12."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gateway.domain.content import Kind


@dataclass(frozen=True)
class Named:
    """A schema that stands once among the document's components, under its name."""

    name: str
    schema: Mapping[str, Any]


Plain = Mapping[str, Any]
Schema = Plain | Named

BOOLEAN: Plain = {"type": "boolean"}
COUNT: Plain = {"type": "integer", "minimum": 0}
TEXT: Plain = {"type": "string"}
OCTETS: Plain = {}
"""A body that is no JSON: its media type says what it is (OpenAPI 3.1, 4.8.14.3)."""
DAY: Plain = {"type": "string", "format": "date"}
MOMENT: Plain = {"type": "string", "format": "date-time"}
ADDRESS: Plain = {"type": "string", "format": "uri-reference"}
_LINE = r"^[^\x00-\x1f\x7f-\x9f]*\S[^\x00-\x1f\x7f-\x9f]*$"
CODE: Plain = {"type": "string", "pattern": "^WASL-[A-Z]{3}-[0-9]{3}$"}


def of_kind(kind: Kind) -> Plain:
    """A text as the content models know it."""
    return {"type": "string", "pattern": f"^{kind.pattern}$"}


UUID, REFERENCE = of_kind(Kind.UUID), of_kind(Kind.REFERENCE)
DIRECTORY_ID, DIGEST = of_kind(Kind.DIRECTORY_ID), of_kind(Kind.DIGEST)


def line(longest: int = 240) -> Plain:
    """A text in one line, as `gateway.web.bodies` reads it."""
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": longest,
        "pattern": _LINE,
    }


def number(least: int, most: int, usual: int | None = None) -> Plain:
    """A whole number within bounds."""
    bounds = {"type": "integer", "minimum": least, "maximum": most}
    return bounds if usual is None else bounds | {"default": usual}


def one_of(values: Iterable[str | Enum], usual: str | None = None) -> Plain:
    """One of a closed list of texts."""
    every = [one.value if isinstance(one, Enum) else one for one in values]
    return {"type": "string", "enum": every} | ({} if usual is None else {"default": usual})


def listed(schema: Schema) -> Schema:
    """A list of such values."""
    return {"type": "array", "items": schema}


def or_null(schema: Plain) -> Plain:
    """Such a value, or null where there is none."""
    if "enum" in schema:
        return {**schema, "type": [schema["type"], "null"], "enum": [*schema["enum"], None]}
    return {**schema, "type": [schema["type"], "null"]}


def mapping(schema: Schema) -> Schema:
    """Members of any name with such values."""
    return {"type": "object", "additionalProperties": schema}


def record(name: str, /, *, optional: Iterable[str] = (), **members: Schema) -> Named:
    """An answer's members. Readers must expect more of them: version 1 only gains.

    Args:
        optional: members that are not always there.
    """
    return Named(name, _object(members, frozenset(optional)))


def asked(name: str, /, *, needed: Iterable[str] = (), **members: Schema) -> Named:
    """A request's members; no others are taken."""
    optional = frozenset(members) - frozenset(needed)
    return Named(name, {**_object(members, optional), "additionalProperties": False})


def _object(members: Mapping[str, Schema], optional: frozenset[str]) -> dict[str, Any]:
    required = [name for name in members if name not in optional]
    return {"type": "object", "properties": dict(members)} | ({"required": required} if required else {})
