"""The frame of every page: its language, its direction, and the world it speaks of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from babel import Locale, UnknownLocaleError
from flask import Response, request
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.i18n import CountryPack, Translator, choose_language
from gateway.settings import Settings
from gateway.web import files

LANGUAGE = "lang"
COOKIE = "wasl-language"
_YEAR_S = 366 * 86_400


class Layout:
    """Renders pages in the language of whoever asks.

    The language is the one of ``?lang=``, which a cookie remembers, else what the browser prefers.
    """

    def __init__(
        self, settings: Settings, languages: tuple[str, ...], pack: CountryPack | None = None
    ) -> None:
        self._hub = settings.hub
        self._translators = {language: Translator(language, pack) for language in languages}
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
        )

    @property
    def world(self) -> str | None:
        """What the bar on every page names; None in production."""
        if self._hub.demonstration:
            return "demonstration"
        return None if self._hub.production else "test"

    @property
    def translators(self) -> Mapping[str, Translator]:
        """Every language that the pages are offered in."""
        return self._translators

    def reader(self) -> Translator:
        """The language of this request's reader."""
        wishes = (request.args.get(LANGUAGE), request.cookies.get(COOKIE))
        chosen = next((wish for wish in wishes if wish in self._translators), None)
        offered = tuple(self._translators)
        header = request.headers.get("Accept-Language")
        return self._translators[chosen or choose_language(header, offered, offered[0])]

    def page(self, template: str, status: int = 200, *, here: str | None = None, **values: Any) -> Response:
        """A template as an answer.

        Args:
            here: the path that the choice of languages leads to, where the request's own cannot be
                asked for again.
        """
        reader = self.reader()
        answer = Response(self.html(template, reader, here=here, **values), status, mimetype="text/html")
        self.describe(answer, reader)
        return answer

    def describe(self, answer: Response, reader: Translator) -> None:
        """The headers of a page in a language."""
        answer.headers["Content-Language"] = reader.language
        answer.headers["Cache-Control"] = "no-store"
        answer.vary.update(["Accept-Language", "Cookie"])
        if request.args.get(LANGUAGE) == reader.language:
            answer.set_cookie(COOKIE, reader.language, max_age=_YEAR_S, httponly=True, samesite="Lax")

    def html(self, template: str, reader: Translator, *, here: str | None = None, **values: Any) -> str:
        """A template in the language of ``reader``."""
        return self._templates.get_template(template).render(
            t=reader.text,
            tn=reader.plural,
            th=reader.html,
            reader=reader,
            hub=self._hub.name_in(reader.language),
            world=self.world,
            languages=list(self._switch(reader, here)),
            static=files.address,
            **values,
        )

    def _switch(self, reader: Translator, here: str | None) -> Iterator[tuple[str, str, str, bool]]:
        """Tag, own name and address of each language, and whether it is the one being read."""
        kept = {} if here else {name: request.args[name] for name in request.args if name != LANGUAGE}
        path = here or (request.path if request.method == "GET" else "/")
        for language in self._translators:
            address = f"{path}?{urlencode({**kept, LANGUAGE: language})}"
            yield language, own_name(language), address, language == reader.language


def own_name(language: str) -> str:
    """What a language calls itself."""
    try:
        name = Locale.parse(language.replace("-", "_")).get_language_name() or language
    except (UnknownLocaleError, ValueError):
        name = language
    return name[0].upper() + name[1:]
