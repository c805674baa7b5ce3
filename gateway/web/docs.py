"""The pages below ``/docs/``: guides, the reference of the interface, and the document it is made of."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

from flask import Blueprint, Response, current_app, request, send_from_directory

from gateway.assets import xsd_dir
from gateway.domain.errors import NotFound
from gateway.i18n import Translator, choose_language, mark
from gateway.settings import Hub
from gateway.web.access import public
from gateway.web.guides import GUIDES, guide
from gateway.web.layout import LANGUAGE, Layout
from gateway.web.openapi import common
from gateway.web.openapi.described import Answer, Described, Parameter, described
from gateway.web.openapi.document import Place, document
from gateway.web.openapi.reference import area_of, read_reference
from gateway.web.openapi.routes import operations
from gateway.web.openapi.schema import TEXT

NOT_FOUND = "WASL-REQ-005"
JSON = "application/json"
_PUBLISHED = {".xsd": "application/xml", ".xml": "application/xml", ".json": JSON}
"""Schemas and examples by the end of their names; nothing else in their folder is served."""

DOCUMENT = Described(
    common.STATE,
    mark("Fetch this description of the interface"),
    (
        Answer(200, mark("An OpenAPI 3.1 document."), {JSON: {"type": "object"}}),
        Answer(304, mark("It is still what the caller has (If-None-Match).")),
    ),
    parameters=(Parameter(LANGUAGE, mark("The language of its texts."), TEXT),),
)


class Interface:
    """The document in each language, made when somebody first asks."""

    def __init__(self, hub: Hub, layout: Layout) -> None:
        self._hub, self._layout = hub, layout
        self._made: dict[str, dict[str, Any]] = {}

    def document(self, reader: Translator) -> dict[str, Any]:
        """The document in the language of ``reader``."""
        if reader.language not in self._made:
            place = Place(self._hub.name_in(reader.language), self._hub.public_url)
            languages = tuple(self._layout.translators)
            self._made[reader.language] = document(operations(current_app), reader, place, languages)
        return self._made[reader.language]

    def wanted(self) -> Translator:
        """The language that a program asks for; no cookie speaks for it."""
        offered = self._layout.translators
        wish = request.args.get(LANGUAGE, "")
        header = request.headers.get("Accept-Language")
        return offered.get(wish) or offered[choose_language(header, tuple(offered), next(iter(offered)))]


def blueprint(hub: Hub, layout: Layout) -> Blueprint:
    """The routes below ``/docs/`` that no other module has, and ``/api/v1/openapi.json``."""
    pages = Blueprint("docs", __name__)
    interface = Interface(hub, layout)
    _for_programs(pages, interface)
    _reference(pages, interface, layout)
    _guides(pages, layout)
    return pages


def _for_programs(pages: Blueprint, interface: Interface) -> None:
    @pages.get("/api/v1/openapi.json")
    @public
    @described(DOCUMENT)
    def openapi() -> Response:
        reader = interface.wanted()
        return _told(interface.document(reader), reader)

    @pages.get("/docs/schemas/<path:path>")
    @public
    def schema(path: str) -> Response:
        media_type = _PUBLISHED.get(PurePosixPath(path).suffix)
        if media_type is None:
            raise NotFound.because(NOT_FOUND)
        answer = send_from_directory(xsd_dir(), path, mimetype=media_type)
        answer.headers["Cache-Control"] = "no-cache"
        return answer


def _reference(pages: Blueprint, interface: Interface, layout: Layout) -> None:
    @pages.get("/docs/api/")
    @public
    def reference() -> Response:
        told = interface.document(layout.reader())
        return layout.page("api.html", told=told, areas=read_reference(told))

    @pages.get("/docs/api/<name>")
    @public
    def operation(name: str) -> Response:
        told = interface.document(layout.reader())
        calls = {call.name: call for calls in read_reference(told).values() for call in calls}
        if name not in calls:
            raise NotFound.because(NOT_FOUND)
        return layout.page("operation.html", told=told, call=calls[name], area=area_of(told, calls[name]))


def _guides(pages: Blueprint, layout: Layout) -> None:
    @pages.get("/docs/")
    @public
    def index() -> Response:
        return layout.page("docs.html", guides=GUIDES, schemas=_schemas())

    @pages.get("/docs/<name>")
    @public
    def page(name: str) -> Response:
        if name not in GUIDES:
            raise NotFound.because(NOT_FOUND)
        return layout.page("guide.html", guide=guide(name, layout.reader().language))


def _told(told: dict[str, Any], reader: Translator) -> Response:
    answer = Response(json.dumps(told, ensure_ascii=False), content_type=JSON)
    answer.headers["Content-Language"] = reader.language
    answer.headers["Cache-Control"] = "no-cache"
    answer.vary.add("Accept-Language")
    answer.add_etag()
    answer.make_conditional(request)
    return answer


def _schemas() -> list[str]:
    """The names of the published schemas."""
    return sorted(path.name for path in xsd_dir().iterdir() if path.suffix in _PUBLISHED)
