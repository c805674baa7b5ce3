"""Reads an OpenAPI document of the hub for its pages: calls by area, members in rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.web.openapi.components import SCHEMAS

PUBLISHED = ("Envelope", "Receipt")
"""Components that stand in published schemas of their own; pages lead there."""
_FACTS = ("format", "minimum", "maximum", "minLength", "maxLength", "pattern", "default")


@dataclass(frozen=True)
class Row:
    """One member, named by its way from the root, as ``deliveries[].state``."""

    way: str
    kind: str
    required: bool
    values: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Content:
    """A media type with the members of its JSON, and the published schema that it follows, if any."""

    media_type: str
    rows: tuple[Row, ...]
    published: tuple[str, ...]


@dataclass(frozen=True)
class Call:
    """One operation as a page shows it."""

    name: str
    method: str
    path: str
    told: Mapping[str, Any]
    parameters: tuple[tuple[Mapping[str, Any], Row], ...]
    body: tuple[Content, ...]
    examples: tuple[tuple[str, str, Mapping[str, Any]], ...]
    answers: tuple[tuple[str, Mapping[str, Any], tuple[Content, ...]], ...]

    @property
    def scope(self) -> str | None:
        """The scope that its token needs; None where no token is asked for."""
        return next((scopes[0] for one in self.told["security"] for scopes in one.values()), None)


def read_reference(document: Mapping[str, Any]) -> dict[str, list[Call]]:
    """Every call, under the heading of its area."""
    areas: dict[str, list[Call]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            areas[told["tags"][0]].append(_call(document, path, method, told))
    return areas


def _call(document: Mapping[str, Any], path: str, method: str, told: Mapping[str, Any]) -> Call:
    content = told.get("requestBody", {}).get("content", {})
    examples = [
        (media_type, name, example)
        for media_type, one in content.items()
        for name, example in one.get("examples", {}).items()
    ]
    own = [one for one in told["parameters"] if "$ref" not in one]
    return Call(
        told["operationId"],
        method.upper(),
        path,
        told,
        tuple((one, _row(one["name"], one["schema"], one["required"])) for one in own),
        tuple(_contents(document, content)),
        tuple(examples),
        tuple(
            (status, answer, tuple(_contents(document, answer.get("content", {}))))
            for status, answer in _answers(document, told["responses"])
        ),
    )


def _answers(document: Mapping[str, Any], told: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for status, answer in told.items():
        name = answer.get("$ref", "").rpartition("/")[2]
        yield status, document["components"]["responses"][name] if name else answer


def _contents(document: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Content]:
    for media_type, one in content.items():
        found = tuple(rows(document, one["schema"]))
        yield Content(media_type, found, tuple(_published(one["schema"])))


def rows(document: Mapping[str, Any], schema: Mapping[str, Any], way: str = "") -> Iterator[Row]:
    """The members below a schema, each with the way that leads to it."""
    whole = _resolved(document, schema)
    if "items" in whole:
        yield from rows(document, whole["items"], f"{way}[]")
    required = whole.get("required", ())
    for name, member in whole.get("properties", {}).items():
        here = f"{way}.{name}" if way else name
        yield _row(here, _resolved(document, member), name in required)
        yield from rows(document, member, here)


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema.get("$ref", "").removeprefix(SCHEMAS)
    found: Mapping[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def _row(way: str, schema: Mapping[str, Any], required: bool) -> Row:
    kind = schema.get("type", "")
    kinds = kind if isinstance(kind, str) else " | ".join(kind)
    values = tuple(str(value) for value in schema.get("enum", ()) if value is not None)
    facts = tuple(
        (fact, str(schema[fact])) for fact in _FACTS if fact in schema and not _only_excludes(schema, fact)
    )
    return Row(way, kinds or "any", required, values, facts)


def _only_excludes(schema: Mapping[str, Any], fact: str) -> bool:
    """Whether it is the pattern of any text in one line, which tells a reader nothing."""
    return fact == "pattern" and str(schema[fact]).startswith("^[^")


def _published(value: Any) -> Iterator[str]:
    """The published schemas that something refers to."""
    if isinstance(value, Mapping):
        if value.get("$ref", "").removeprefix(SCHEMAS) in PUBLISHED:
            yield f"{value['$ref'].removeprefix(SCHEMAS).lower()}-1.0.schema.json"
        for one in value.values():
            yield from _published(one)


def area_of(document: Mapping[str, Any], call: Call) -> tuple[int, str]:
    """The number and the heading of a call's area; its place on the page of all."""
    names = [tag["name"] for tag in document["tags"]]
    return names.index(call.told["tags"][0]), call.told["tags"][0]
