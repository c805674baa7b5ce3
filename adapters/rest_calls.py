"""Builds the calls of a REST recipe, for sending or for showing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.contract import Http as HttpClient
from adapters.contract import Request, Response
from adapters.inline import check_size, inline, placeholder
from adapters.multipart import FormData
from adapters.recipe import Recipe, Step, Upload
from adapters.view import Content

MASK = "•••"


@dataclass(frozen=True)
class Call:
    """One call ready to send; ``shown`` is its body for people."""

    step: Step
    url: str
    headers: Mapping[str, str]
    body: bytes | FormData | None
    shown: str

    def send(self, http: HttpClient) -> Response:
        """Send it.

        Raises:
            DeliveryError: as `Http.request` says.
        """
        if not isinstance(self.body, FormData):
            return http.request(self.step.method, self.url, headers=self.headers, body=self.body)
        return http.request(
            self.step.method,
            self.url,
            headers=self.headers,
            body=self.body.chunks(),
            content_length=self.body.length,
        )

    def preview(self) -> Request:
        """The call as people see it."""
        return Request(self.step.method, self.url, self.headers, self.shown)


@dataclass(frozen=True)
class Calls:
    """Builds the calls of one delivery.

    ``secret`` resolves the route's secret; None masks it and leaves contents unread, for a preview.
    """

    recipe: Recipe
    delivery_id: str
    reference: str
    secret: Callable[[str], str] | None

    def json(self, step: Step, view: Mapping[str, Any], handle: str | None = None) -> Call:
        """A call whose body is the step's mapping as JSON.

        Raises:
            DeliveryError: the letter does not fit the mapping or the route's limit.
        """
        key = self.delivery_id if step is self.recipe.create else f"{self.delivery_id}:{step.name}"
        tree = {} if step.body is None else step.body.apply(view)
        check_size(tree, self.recipe.max_inline_bytes)
        shown = json.dumps(inline(tree, placeholder), ensure_ascii=False, indent=2)
        body = (
            b""
            if self.secret is None
            else json.dumps(inline(tree, Content.base64), ensure_ascii=False).encode()
        )
        headers = self._headers(key) | {"Content-Type": "application/json; charset=utf-8"}
        return Call(step, self._url(step, handle), headers, body, shown)

    def form(self, upload: Upload, view: Mapping[str, Any], at: int, handle: str | None) -> Call:
        """The call that uploads one file: ``view`` has it as ``file``, ``at`` counts the files from 0.

        Raises:
            DeliveryError: the letter does not fit the mapping.
        """
        step, key = upload.step, f"{self.delivery_id}:{at}"
        tree = {} if step.body is None else step.body.apply(view)
        fields = {name: _form_text(value) for name, value in tree.items()}
        content: Content = view["file"]["content"]
        form = FormData(fields, upload.field, content, f"{key}:{content.sha256}")
        shown = "\n".join(
            [*(f"{name}={value}" for name, value in fields.items()), f"{upload.field}={placeholder(content)}"]
        )
        return Call(
            step,
            self._url(step, handle),
            self._headers(key) | {"Content-Type": form.media_type},
            form,
            shown,
        )

    def get(self, step: Step) -> Call:
        """A call that only asks."""
        return Call(step, self._url(step, None), self._headers(""), None, "")

    def _url(self, step: Step, handle: str | None) -> str:
        values = {"deliveryId": self.delivery_id, "reference": self.reference, "handle": handle or ""}
        return self.recipe.url(step, values)

    def _headers(self, key: str) -> dict[str, str]:
        # A token or a certificate is added on the way out, see `adapters.proof`.
        auth = self.recipe.auth
        shown = auth.masked(MASK) if self.secret is None else auth.headers(self.secret)
        headers = {"Accept": "application/json", **self.recipe.headers, **shown}
        return headers | (
            {self.recipe.idempotency_header: key} if self.recipe.idempotency_header and key else {}
        )


def _form_text(value: Any) -> str:
    if isinstance(value, Content):
        return value.name
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
