"""A sentence of the hub that is written in each language when the page is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date as Day
from datetime import datetime

from gateway.i18n import Translator
from gateway.wire.pdf_bidi import isolated

Written = Callable[[Translator], str]


@dataclass(frozen=True)
class Saying:
    """How the sentence is written in a language."""

    write: Written

    def everywhere(self, translators: tuple[Translator, ...]) -> list[tuple[Translator, str]]:
        """The sentence in each language that words it differently."""
        texts: dict[str, Translator] = {}
        for translator in translators:
            texts.setdefault(self.write(translator), translator)
        return [(translator, text) for text, translator in texts.items()]


def said(message: str, /, **values: str | Day) -> Saying:
    """A marked text with strangers' words, codes, or days in the country's calendar put in."""

    def write(translator: Translator) -> str:
        written = {name: isolated(_valued(value, translator)) for name, value in values.items()}
        return translator.text(message, **written)

    return Saying(write)


def _valued(value: str | Day, translator: Translator) -> str:
    if isinstance(value, datetime):
        return translator.day(value.astimezone(translator.time_zone).date())
    return value if isinstance(value, str) else translator.day(value)
