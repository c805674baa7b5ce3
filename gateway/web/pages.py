"""The pages that explain: the start page and one page for each reason of a refusal."""

from __future__ import annotations

from flask import Blueprint, Response

from gateway.domain.errors import Fault, NotFound
from gateway.domain.evidence.reasons import Reason, catalogue
from gateway.i18n import Translator
from gateway.i18n.areas import AREAS, area_of, reasons_of
from gateway.settings import Settings
from gateway.web.access import public
from gateway.web.layout import Layout, own_name

NOT_FOUND = "WASL-REQ-005"


def blueprint(settings: Settings, layout: Layout) -> Blueprint:
    """The routes ``/`` and ``/docs/problems/``."""
    pages = Blueprint("pages", __name__)

    @pages.get("/")
    @public
    def start() -> Response:
        return layout.page("start.html", door=f"{settings.hub.public_url}/api/v1/envelopes")

    @pages.get("/docs/problems/")
    @public
    def problems() -> Response:
        reader = layout.reader()
        areas = [
            (area, title, [(reason, *words(reader, reason)) for reason in reasons_of(area)])
            for area, title in AREAS.items()
        ]
        return layout.page("problems.html", areas=areas)

    @pages.get("/docs/problems/<code>")
    @public
    def problem(code: str) -> Response:
        reason = catalogue().get(code)
        if reason is None:
            raise NotFound.because(NOT_FOUND)
        reader = layout.reader()
        others = [
            (other, own_name(language), *words(other, reason))
            for language, other in layout.translators.items()
            if other is not reader
        ]
        text, remedy = words(reader, reason)
        title = AREAS[area_of(reason)]
        return layout.page("problem.html", reason=reason, text=text, remedy=remedy, area=title, others=others)

    return pages


def words(reader: Translator, reason: Reason) -> tuple[str, str]:
    """What happened and what to do, with a gap for each value that a case would bring."""
    return reader.reason(Fault(reason.code, where="…", expected="…", found="…"))
