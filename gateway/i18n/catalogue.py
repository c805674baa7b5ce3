"""Reads the texts of one language from gettext's ``.po`` files, without a compile step."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

from gateway.domain.errors import Misconfigured

SHIPPED = Path(__file__).parent / "catalogues"
"""The catalogues that come with the gateway, ``<language>.po``."""
_LINE = re.compile(r'#.*|\s*|((msgctxt|msgid|msgid_plural|msgstr(\[[0-9]\])?) )?".*"')
FALLBACK = "en"
"""The language of the source texts: every language falls back on it at last."""


def shipped_languages() -> tuple[str, ...]:
    """The languages that the gateway itself speaks."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.po")))


def read_catalogue(path: Path) -> Catalog:
    """The entries of a ``.po`` file.

    Raises:
        Misconfigured: it cannot be read.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
        _check_lines(lines)
        return read_po(lines, locale=_known(path.stem.rpartition(".")[2]), abort_invalid=True)
    except (OSError, PoFileError, ValueError) as error:
        raise Misconfigured([f"{path}: {error}"]) from error


def _check_lines(lines: Iterable[str]) -> None:
    # Babel takes a text without quotation marks and cuts its ends off.
    for number, line in enumerate(lines, 1):
        if _LINE.fullmatch(line) is None:
            raise ValueError(f"line {number} is no line of a catalogue")


def _known(language: str) -> str | None:
    # A language that the Unicode CLDR does not know still has texts; its plurals follow the header.
    return language if locale_of(language, None) is not None else None


@cache
def locale_of(language: str, territory: str | None) -> Locale | None:
    """The rules for numbers and dates of a language in a territory, as far as the CLDR has them.

    Where it does not have the territory, the language's form for Europe (150, which gives English the
    24-hour clock) or the world (001) comes first. Found once: Babel looks through all its own each time.
    """
    parts = language.replace("-", "_")
    wanted = [f"{parts}_{where}" for where in (territory.upper(), "150", "001")] if territory else []
    for tag in [*wanted, parts]:
        try:
            return Locale.parse(tag)
        except (UnknownLocaleError, ValueError):
            continue
    return None


@cache
def texts(path: Path) -> GNUTranslations:
    """The translations of a ``.po`` file; entries that are empty or fuzzy are left out.

    Raises:
        Misconfigured: it cannot be read.
    """
    compiled = BytesIO()
    write_mo(compiled, read_catalogue(path))
    compiled.seek(0)
    return GNUTranslations(compiled)


def chain(paths: tuple[Path, ...]) -> NullTranslations:
    """Translations that look through ``paths`` in order and end with the source text itself."""
    first = NullTranslations()
    for path in reversed(paths):
        # The cached object is shared, so the chain hangs on a copy of it.
        linked = GNUTranslations()
        linked.__dict__.update(texts(path).__dict__, _fallback=None)
        linked.add_fallback(first)
        first = linked
    return first
