"""The parts that the OpenAPI document names once: schemas, headers, parameters, the security scheme."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from gateway.assets import xsd_dir
from gateway.domain.transit.call import TRACE_PARENT
from gateway.exchange.registry.tokens import CANCEL, INBOX, READ, SUBMIT, WEBHOOKS
from gateway.i18n import Translator, mark
from gateway.web.correlation import REQUEST_ID
from gateway.web.openapi import common
from gateway.web.openapi.schema import Named, Schema
from gateway.wire.models import ENVELOPE, RECEIPT, Model

SCHEMAS = "#/components/schemas/"
PROBLEMS = "#/components/responses/Problem"
PROBLEM: Mapping[str, Schema] = {common.PROBLEM_TYPE: common.PROBLEM_DOCUMENT}
SCOPES: Mapping[str, str] = {
    READ: mark("Read where letters are, and their receipts."),
    SUBMIT: mark("Upload contents before the letters that list them."),
    WEBHOOKS: mark("Say where events are to be sent."),
    CANCEL: mark("Take letters back."),
    INBOX: mark("Read and answer the mail of one’s own offices."),
}
"""What each scope allows."""
_REQUEST_ID = mark(
    "An identifier of the call, to quote when asking about it: the caller’s own, or a fresh one."
)
_TRACE = mark("The caller’s trace (W3C Trace Context); it is noted in the log.")
_LANGUAGE = mark("The language of texts for people.")
_OF_MODELS = {"Envelope": ENVELOPE, "Receipt": RECEIPT}


@dataclass
class Schemas:
    """Turns schemas into references and keeps what they refer to.

    Attributes:
        address: of the hub, below which the published examples lie.
    """

    address: str = ""
    found: dict[str, Any] = field(default_factory=dict)
    _by_name: dict[str, Named] = field(default_factory=dict)

    def write(self, schema: Schema) -> Any:
        """The schema as it stands in the document.

        Raises:
            ValueError: two different schemas have one name.
        """
        if not isinstance(schema, Named):
            return self._within(schema)
        if self._by_name.setdefault(schema.name, schema) != schema:
            raise ValueError(f"two schemas are called {schema.name}")
        if schema.name not in self.found:
            self.found[schema.name] = self._within(schema.schema)
        return {"$ref": f"{SCHEMAS}{schema.name}"}

    def _within(self, value: Any) -> Any:
        if isinstance(value, Named):
            return self.write(value)
        if isinstance(value, Mapping):
            return {name: self._within(one) for name, one in value.items()}
        return [self._within(one) for one in value] if isinstance(value, list) else value

    def every(self) -> dict[str, Any]:
        """All that was referred to, with the content models."""
        models = {name: _model(name, model) for name, model in _OF_MODELS.items()}
        return dict(sorted((self.found | models).items()))


@cache
def _model(name: str, model: Model) -> dict[str, Any]:
    """A published schema, its own definitions below the component instead of the file."""
    text = (xsd_dir() / f"{model.stem}.schema.json").read_text("utf-8")
    schema = json.loads(text.replace('"#/$defs/', f'"{SCHEMAS}{name}/$defs/'))
    return {key: value for key, value in schema.items() if key not in ("$schema", "$id", "examples")}


def content(kinds: Mapping[str, Schema], schemas: Schemas) -> dict[str, Any]:
    """A schema for each media type."""
    return {media_type: {"schema": schemas.write(schema)} for media_type, schema in kinds.items()}


def header(name: str) -> dict[str, Any]:
    """A header of answers."""
    return {name: {"$ref": f"#/components/headers/{name}"}}


def problems(reader: Translator, schemas: Schemas) -> dict[str, Any]:
    """The problem documents, one for each status, and one for what is our own fault."""
    told: dict[str, str] = {str(status): says for status, says in common.PROBLEMS.items()}
    return {
        f"Problem{status}": {
            "description": reader.text(says),
            "headers": header(REQUEST_ID) | (header("Retry-After") if status in common.RETRY_AFTER else {}),
            "content": content(PROBLEM, schemas),
        }
        for status, says in {**told, "5XX": common.OURS}.items()
    }


def headers(reader: Translator) -> dict[str, Any]:
    """Headers of answers."""
    return {
        REQUEST_ID: {"description": reader.text(_REQUEST_ID), "schema": {"type": "string"}},
        "Retry-After": {"description": reader.text(common.WHEN_AGAIN), "schema": {"type": "integer"}},
    }


def parameters(reader: Translator, languages: Iterable[str]) -> dict[str, Any]:
    """Headers that any call may have."""
    told = {
        REQUEST_ID: (_REQUEST_ID, {"type": "string"}),
        TRACE_PARENT: (_TRACE, {"type": "string"}),
        "Accept-Language": (_LANGUAGE, {"type": "string", "examples": list(languages)}),
    }
    return {
        name: {"name": name, "in": "header", "description": reader.text(says), "schema": schema}
        for name, (says, schema) in told.items()
    }


def security(reader: Translator, token_address: str) -> dict[str, Any]:
    """How a caller shows who it is (RFC 6749 4.4)."""
    scopes = {scope: reader.text(says) for scope, says in SCOPES.items()}
    flow = {"tokenUrl": token_address, "scopes": scopes}
    return {"token": {"type": "oauth2", "flows": {"clientCredentials": flow}}}
