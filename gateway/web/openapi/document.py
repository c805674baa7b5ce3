"""Writes the OpenAPI 3.1 document of the calls in one language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.domain.transit.call import TRACE_PARENT
from gateway.i18n import Translator, mark
from gateway.web.correlation import REQUEST_ID
from gateway.web.openapi import common, components
from gateway.web.openapi.components import Schemas
from gateway.web.openapi.described import Answer, Body, Described, Example, Parameter
from gateway.web.openapi.routes import Operation
from gateway.wire.models import DRAFT

VERSION = "3.1.1"
_ABOUT = mark(
    "Official mail between administrations. Signed letters come in, sealed receipts go out. "
    "Version 1 only gains: readers must expect more members and more codes than are listed here."
)
_BY_SIGNATURE = mark("No token is needed: the signature says who sends.")
_FILL_IN = mark("The caller’s own: {names}")
_UNSIGNED = mark("Before it is signed; sent as it is, it is refused.")
_SIGNED = frozenset({"signature", "cosignature"})


@dataclass(frozen=True)
class Place:
    """Whose interface it is: the hub's name in the document's language, and its address."""

    hub: str
    address: str


def document(
    calls: Sequence[Operation], reader: Translator, place: Place, languages: Iterable[str]
) -> dict[str, Any]:
    """The whole document; descriptions are in the language of ``reader``."""
    schemas = Schemas(place.address)
    paths: dict[str, dict[str, Any]] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call, reader, schemas)
    problems = components.problems(reader, schemas)
    areas = [area for area in common.AREAS if any(call.words.area == area for call in calls)]
    return {
        "openapi": VERSION,
        "info": {"title": place.hub, "version": DRAFT, "description": reader.text(_ABOUT)},
        "externalDocs": {"url": f"{place.address}/docs/"},
        "servers": [{"url": place.address}],
        "tags": [{"name": reader.text(area)} for area in areas],
        "paths": paths,
        "components": {
            "schemas": schemas.every(),
            "responses": problems,
            "headers": components.headers(reader),
            "parameters": components.parameters(reader, languages),
            "securitySchemes": components.security(reader, f"{place.address}/oauth2/token"),
        },
    }


def _operation(call: Operation, reader: Translator, schemas: Schemas) -> dict[str, Any]:
    words = call.words
    detail = [reader.text(words.detail)] if words.detail else []
    if call.authentication in _SIGNED:
        detail.append(reader.text(_BY_SIGNATURE))
    operation = {
        "operationId": call.name,
        "tags": [reader.text(words.area)],
        "summary": reader.text(words.summary),
        "description": "\n\n".join(detail),
        "parameters": _parameters(words, reader, schemas),
        "requestBody": words.body and _body(words.body, reader, schemas),
        "responses": _answers(call, reader, schemas),
        "security": _security(call.authentication),
        "deprecated": words.retired is not None,
    }
    return {name: value for name, value in operation.items() if value or name == "security"}


def _security(authentication: str) -> list[dict[str, list[str]]]:
    how, _, scope = authentication.partition(" ")
    return [{"token": [scope]}] if how == "token" else []


def _parameters(words: Described, reader: Translator, schemas: Schemas) -> list[dict[str, Any]]:
    own = [_parameter(one, reader, schemas) for one in words.parameters]
    any_call = (REQUEST_ID, TRACE_PARENT, "Accept-Language")
    return own + [{"$ref": f"#/components/parameters/{name}"} for name in any_call]


def _parameter(one: Parameter, reader: Translator, schemas: Schemas) -> dict[str, Any]:
    return {
        "name": one.name,
        "in": one.where,
        "required": one.required,
        "description": reader.text(one.says),
        "schema": schemas.write(one.schema),
    }


def _body(body: Body, reader: Translator, schemas: Schemas) -> dict[str, Any]:
    content = components.content(body.content, schemas)
    for media_type, examples in body.examples.items():
        content[media_type]["examples"] = {one.name: _example(one, reader, schemas) for one in examples}
    return {"required": body.required, "content": content}


def _example(example: Example, reader: Translator, schemas: Schemas) -> dict[str, Any]:
    if example.file is not None:
        address = f"{schemas.address}/docs/schemas/{example.file}"
        return {"summary": reader.text(_UNSIGNED), "externalValue": address}
    if example.live:
        names = ", ".join(example.live)
        return {"summary": reader.text(_FILL_IN, names=names), "value": example.value}
    return {"value": example.value}


def _answers(call: Operation, reader: Translator, schemas: Schemas) -> dict[str, Any]:
    told = {str(answer.status): _answer(answer, reader, schemas) for answer in call.words.answers}
    for status in common.problems_of(call.words, call.authentication):
        if str(status) not in told:
            told[str(status)] = {"$ref": f"{components.PROBLEMS}{status}"}
    told["5XX"] = {"$ref": f"{components.PROBLEMS}5XX"}
    return dict(sorted(told.items()))


def _answer(answer: Answer, reader: Translator, schemas: Schemas) -> dict[str, Any]:
    content = components.content(answer.content, schemas)
    if answer.or_problem:
        content |= components.content(components.PROBLEM, schemas)
    own = {
        name: {"description": reader.text(says), "schema": {"type": "string"}}
        for name, says in answer.headers.items()
    }
    told = {"description": reader.text(answer.says), "headers": {**components.header(REQUEST_ID), **own}}
    return told | ({"content": content} if content else {})
