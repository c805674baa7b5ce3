"""The languages of the pages, e-mails and receipts, and what is national about a hub.

How to add a text
    The source text is short, plain English and is itself the key of the translation. In a module,
    bind the translator's methods to the names that the extraction knows; in a template, these names
    are there already::

        t = translator.text
        t("Send a letter")
        t("{count} offices in {country}", count=12, country=name)  # numbers are written by language
        tn("{number} letter", "{number} letters", number)           # plural forms
        th("Your reference is {reference}.", reference=reference)   # HTML, values isolated in <bdi>
        mark("Send a letter")                # as data, to be shown with t(name) somewhere else

    ``t``, ``th`` and ``tn`` are `Translator.text`, `Translator.html` and `Translator.plural`; ``_`` is
    the same as ``t``. Their texts are literal: no f-string, no sum. Placeholders are plain names.
    Words for states, kinds and roles of the domain are there already: ``translator.term(member)``.

    Then run ``python -m gateway.i18n.update`` and fill in what it lists in
    ``gateway/i18n/catalogues/<language>.po``. A text that one language lacks, or that nothing uses
    any more, fails a test. Use the words of ``docs/glossary.md``.

How to add a language
    For one country only: ``messages.<language>.po`` in its pack. For all: another file in
    ``gateway/i18n/catalogues`` and its texts in ``gateway/domain/evidence/reasons.toml``.

Reasons of refusals are no catalogue entries: `Translator.reason` says a `Fault` in words.
"""

from __future__ import annotations

from gateway.i18n.catalogue import shipped_languages
from gateway.i18n.country import CountryPack, load_country
from gateway.i18n.marking import mark
from gateway.i18n.negotiate import choose_language
from gateway.i18n.translator import Translator

__all__ = ["CountryPack", "Translator", "choose_language", "load_country", "mark", "shipped_languages"]
