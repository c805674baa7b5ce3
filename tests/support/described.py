"""Holds every answer of an application under test against what the application says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from gateway.i18n import Translator
from gateway.web.correlation import REQUEST_ID
from gateway.web.openapi.document import Place, document
from gateway.web.openapi.routes import Operation, operations

PUBLISHED = ("Envelope", "Receipt")
_READ: list[tuple[tuple[Operation, ...], Contract]] = []
PLACE = Place("DEMONSTRATION hub", "http://127.0.0.1:8080")


class Contract:
    """The application's OpenAPI document, ready to judge answers."""

    def __init__(self, app: Flask) -> None:
        self.document = document(operations(app), Translator("en"), PLACE, ("ar", "fr", "en"))
        self.operations: dict[tuple[str, str], Mapping[str, Any]] = {
            (told["operationId"], method.upper()): told
            for methods in self.document["paths"].values()
            for method, told in methods.items()
        }
        self._components = self.document["components"] | {"schemas": closed(self.document)}
        self._validators: dict[str, Any] = {}

    @classmethod
    def of(cls, app: Flask) -> Contract:
        """The contract of an application, read once for all that describe the same calls."""
        found: Contract | None = app.extensions.get("contract-of-tests")
        if found is None:
            told = operations(app)
            found = next((one for calls, one in _READ if calls == told), None)
            if found is None:
                found = cls(app)
                _READ.append((told, found))
            app.extensions["contract-of-tests"] = found
        return found

    def answer(self, told: Mapping[str, Any], status: int) -> Mapping[str, Any] | None:
        """What is documented of a status; None where it is not."""
        found = told["responses"].get(str(status)) or told["responses"].get(f"{status // 100}XX")
        if found is None or "$ref" not in found:
            return found  # type: ignore[no-any-return]
        name = found["$ref"].rpartition("/")[2]
        return self.document["components"]["responses"][name]  # type: ignore[no-any-return]

    def faults(self, told: Mapping[str, Any], answer: TestResponse) -> list[str]:
        """What is not as the document says."""
        documented = self.answer(told, answer.status_code)
        if documented is None:
            return [f"status {answer.status_code} is not documented"]
        content = {name.partition(";")[0]: one for name, one in documented.get("content", {}).items()}
        if answer.request.method == "HEAD" or answer.status_code in (204, 304):
            return []
        if not content and not answer.data and answer.mimetype is None:
            return []
        media = content.get(answer.mimetype) or content.get("*/*")
        if media is None:
            return [f"{answer.status_code} {answer.mimetype!r} is not documented, only {sorted(content)}"]
        if not answer.mimetype.endswith("json") or not media["schema"]:
            return []
        return [
            f"{answer.status_code} at {list(error.instance_path)}: {error.message}"
            for error in self._validator(media["schema"]).iter_errors(answer.get_json())
        ]

    def _validator(self, schema: Mapping[str, Any]) -> Any:
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {**schema, "components": self._components}
            self._validators[key] = jsonschema_rs.Draft202012Validator(
                whole, validate_formats=True, offline=True
            )
        return self._validators[key]


def closed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document's schemas such that a member that none of them names is a fault."""
    return {
        name: {"additionalProperties": False, **schema} if "properties" in schema else schema
        for name, schema in document["components"]["schemas"].items()
        if name not in PUBLISHED
    } | {name: document["components"]["schemas"][name] for name in PUBLISHED}


class DescribedClient(FlaskClient):
    """A client that believes no answer which the document does not tell of."""

    def open(self, *arguments: Any, **named: Any) -> TestResponse:
        answer = super().open(*arguments, **named)
        self._judge(answer)
        return answer

    def _judge(self, answer: TestResponse) -> None:
        app: Flask = self.application
        environ = answer.request.environ
        try:
            endpoint, _ = app.url_map.bind_to_environ(environ).match()
        except HTTPException:  # nothing is there under this method
            return
        assert answer.headers[REQUEST_ID]
        # the real server refuses to send any other (gunicorn), which nobody sees without it
        assert all(value.isascii() and value.isprintable() for _, value in answer.headers), answer.headers
        contract = Contract.of(app)
        method = answer.request.method
        told = contract.operations.get((endpoint, "GET" if method == "HEAD" else method))
        if told is None or (method == "HEAD" and answer.status_code == 405):
            return
        faults = contract.faults(told, answer)
        assert not faults, f"{method} {answer.request.path}: {faults}"
