"""Builds the calls of a REST recipe, for sending or for showing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from adapters.answers import LONGEST, is_scalar
from adapters.contract import Http as HttpClient
from adapters.contract import Request, Response
from adapters.inline import check_size, inline, placeholder
from adapters.mapping import Mapping as LetterMapping
from adapters.multipart import FormData
from adapters.recipe import Recipe, Step, Upload
from adapters.rest_files import chosen_file, chosen_files, places_of
from adapters.steps import FORM, JSON, XML
from adapters.streams import Octets
from adapters.view import Content
from gateway.domain.errors import Permanent

MASK = "•••"
_USUAL = {JSON: "application/json; charset=utf-8", XML: "application/xml; charset=utf-8"}
# RFC 9110 5.5; other letters travel as the function ``url`` writes them.
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True)
class Call:
    """One call ready to send; ``shown`` is its body for people."""

    step: Step
    url: str
    headers: Mapping[str, str]
    body: bytes | FormData | Octets | None
    shown: str

    def send(self, http: HttpClient) -> Response:
        """Send it.

        Raises:
            DeliveryError: as `Http.request` says.
        """
        if not isinstance(self.body, (FormData, Octets)):
            return http.request(self.step.method, self.url, headers=self.headers, body=self.body)
        return http.request(
            self.step.method,
            self.url,
            headers=self.headers,
            body=self.body.chunks(),
            content_length=self.body.length,
        )

    def preview(self) -> Request:
        """The call as people see it; what answers will give stands as ``{handle}`` and the like."""
        url = self.url.replace("%7B", "{").replace("%7D", "}")
        return Request(self.step.method, url, self.headers, self.shown)


@dataclass(frozen=True)
class Calls:
    """Builds the calls of one delivery.

    ``secret`` resolves the route's secret; None masks it and leaves contents unread, for a preview.
    """

    recipe: Recipe
    delivery_id: str
    reference: str
    secret: Callable[[str], str] | None

    def call(self, step: Step, view: Mapping[str, Any], values: Mapping[str, str]) -> Call:
        """The call of a step, in its form.

        Args:
            values: what its path may name beside the letter's own.

        Raises:
            DeliveryError: the letter does not fit the mapping or the route's limit.
        """
        if step.method == "GET":
            return self._made(step, view, values, "", None, "", "")
        key = self.delivery_id if step is self.recipe.create else f"{self.delivery_id}:{step.name}"
        if step.form.format == FORM:
            files = tuple(
                (part.field, file["content"])
                for part in step.form.files
                for file in chosen_files(part.each, view)
            )
            return self._form(step, view, values, key, files)
        return self._whole(step, view, values, key)

    def upload(self, upload: Upload, view: Mapping[str, Any], at: int, values: Mapping[str, str]) -> Call:
        """The call that uploads one file: ``view`` has it as ``file``, ``at`` counts the files from 0.

        Raises:
            DeliveryError: the letter does not fit the mapping.
        """
        step, key, file = upload.step, f"{self.delivery_id}:{at}", view["file"]
        values = {**values, **places_of(file, at)}
        if step.form.format == FORM:
            return self._form(step, view, values, key, ((upload.field, file["content"]),))
        return self._whole(step, view, values, key)

    def get(self, step: Step) -> Call:
        """A call that only asks, of a delivery whose letter is not at hand."""
        view = {"deliveryId": self.delivery_id, "reference": self.reference}
        return self._made(step, view, {}, "", None, "", "")

    def _whole(self, step: Step, view: Mapping[str, Any], values: Mapping[str, str], key: str) -> Call:
        """A call whose body is one document, or one file."""
        form = step.form
        if form.content is not None:
            octets = Octets(chosen_file(form.content, view))
            return self._made(step, view, values, key, octets, octets.media_type, placeholder(octets.content))
        tree = {} if step.body is None else step.body.apply(view)
        check_size(tree, self.recipe.max_inline_bytes)
        write = _written_xml if form.format == XML else _written_json
        shown = write(step, tree, placeholder, True).decode()
        body = b"" if self.secret is None else write(step, tree, Content.base64, False)
        return self._made(step, view, values, key, body, form.media_type or _USUAL[form.format], shown)

    def _form(
        self,
        step: Step,
        view: Mapping[str, Any],
        values: Mapping[str, str],
        key: str,
        files: tuple[tuple[str, Content], ...],
    ) -> Call:
        tree = {} if step.body is None else step.body.apply(view)
        fields = {name: _form_text(value) for name, value in tree.items()}
        # Nobody could know all of this when the files were made: none of them can hold the boundary.
        seed = ":".join([key, *(content.sha256 for _, content in files)])
        form = FormData(fields, files, seed, step.form.types)
        lines = [f"{name}={value}" for name, value in fields.items()]
        lines += [f"{field}={placeholder(content)}" for field, content in files]
        return self._made(step, view, values, key, form, form.media_type, "\n".join(lines))

    def _made(
        self,
        step: Step,
        view: Mapping[str, Any],
        values: Mapping[str, str],
        key: str,
        body: bytes | FormData | Octets | None,
        media_type: str,
        shown: str,
    ) -> Call:
        headers = self._headers(key) | _step_headers(step, view)
        if step.form.format == XML and "Accept" not in self.recipe.headers:
            headers["Accept"] = "application/xml, application/json;q=0.5"
        if body is not None:
            headers["Content-Type"] = media_type
        return Call(step, self._url(step, view, values), headers, body, shown)

    def _url(self, step: Step, view: Mapping[str, Any], values: Mapping[str, str]) -> str:
        known = {"deliveryId": self.delivery_id, "reference": self.reference, "handle": "", **values}
        url = self.recipe.url(step, known)
        query = _scalars(step, "query", step.query, view)
        joint = "&" if "?" in url else "?"
        return f"{url}{joint}{urlencode(query, errors='replace')}" if query else url

    def _headers(self, key: str) -> dict[str, str]:
        # A token or a certificate is added on the way out, see `adapters.proof`.
        auth = self.recipe.auth
        shown = auth.masked(MASK) if self.secret is None else auth.headers(self.secret)
        headers = {"Accept": "application/json", **self.recipe.headers, **shown}
        return headers | (
            {self.recipe.idempotency_header: key} if self.recipe.idempotency_header and key else {}
        )


def _written_json(step: Step, tree: Any, put: Callable[[Content], str], for_people: bool) -> bytes:
    text = json.dumps(inline(tree, put), ensure_ascii=False, indent=2 if for_people else None)
    return text.encode("utf-8", "replace")


def _written_xml(step: Step, tree: Any, put: Callable[[Content], str], for_people: bool) -> bytes:
    return step.form.xml.write(tree, put)


def _step_headers(step: Step, view: Mapping[str, Any]) -> dict[str, str]:
    found = _scalars(step, "headers", step.headers, view)
    for name, value in found.items():
        if not _HEADER_VALUE.fullmatch(value) or value != value.strip():
            raise Permanent("WASL-DLV-076", f"{step.name}.headers.{name}: not what a header can carry")
    return found


def _scalars(step: Step, part: str, mapping: LetterMapping | None, view: Mapping[str, Any]) -> dict[str, str]:
    tree = {} if mapping is None else mapping.apply(view)
    for name, value in tree.items():
        if value != "" and not is_scalar(value):
            detail = f"{step.name}.{part}.{name}: neither a text of at most {LONGEST} characters nor a number"
            raise Permanent("WASL-DLV-076", detail)
    return {name: _form_text(value) for name, value in tree.items()}


def _form_text(value: Any) -> str:
    if isinstance(value, Content):
        return value.name
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
