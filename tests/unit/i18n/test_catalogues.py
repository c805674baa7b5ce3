"""The shipped catalogues say everything, and no more, in every language."""

from __future__ import annotations

import inspect
import pkgutil
from enum import Enum
from importlib import import_module
from pathlib import Path

import pytest

import gateway
import gateway.domain
from gateway.domain.errors import Misconfigured
from gateway.i18n import Translator, shipped_languages
from gateway.i18n.catalogue import SHIPPED, chain, locale_of, read_catalogue, texts
from gateway.i18n.completeness import faults_of
from gateway.i18n.extraction import Extracted, Message, extract
from gateway.i18n.terms import TERMS
from gateway.i18n.update import main, rendered, updated

SOURCES = Path(gateway.__file__).parent
TECHNICAL = {
    "Form",
    "Kind",
    "Check",
    "SubIndication",
    "Level",
    "EncryptionForm",
}
"""Enums whose values are names of a standard or of a setting, shown as they are."""


@pytest.fixture(scope="module")
def sources() -> Extracted:
    return extract(SOURCES)


def test_every_text_in_the_sources_can_be_read(sources: Extracted) -> None:
    assert sources.faults == ()
    assert len(sources.messages) > 100


@pytest.mark.parametrize("language", shipped_languages())
def test_every_text_exists_in_every_language(language: str, sources: Extracted) -> None:
    catalogue = read_catalogue(SHIPPED / f"{language}.po")
    assert faults_of(catalogue, sources.messages.keys()) == ()


@pytest.mark.parametrize("language", shipped_languages())
def test_catalogues_are_kept_as_the_update_writes_them(language: str, sources: Extracted) -> None:
    path = SHIPPED / f"{language}.po"
    fresh = updated(read_catalogue(path), sources.messages.keys(), is_source=language == "en")
    assert rendered(fresh) == path.read_bytes(), "run python -m gateway.i18n.update"


def test_arabic_french_and_english_are_shipped() -> None:
    assert shipped_languages() == ("ar", "en", "fr")


def _domain_enums() -> set[type[Enum]]:
    names = [info.name for info in pkgutil.walk_packages(gateway.domain.__path__, "gateway.domain.")]
    members = [member for name in names for _, member in inspect.getmembers(import_module(name))]
    enums = {member for member in members if inspect.isclass(member) and issubclass(member, Enum)}
    return {enum for enum in enums if enum is not Enum and enum.__name__ not in TECHNICAL}


def test_every_member_of_the_domain_has_a_word() -> None:
    enums = _domain_enums()
    assert len(enums) > 20
    assert {member for enum in enums for member in enum} == set(TERMS)


@pytest.mark.parametrize("language", ["ar", "fr"])
def test_words_of_one_kind_are_told_apart_in_every_language(language: str) -> None:
    translator = Translator(language)
    for enum in _domain_enums():
        words = [translator.term(member) for member in enum]
        assert len(set(words)) == len(words), enum


def test_a_catalogue_that_lacks_a_text_has_too_much_or_breaks_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "fr.po"
    path.write_text(
        'msgid ""\nmsgstr ""\n"Language: fr\\n"\n"Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n\n'
        'msgid "empty"\nmsgstr ""\n\n'
        'msgid "unused"\nmsgstr "inutile"\n\n'
        '#, fuzzy\nmsgid "vague"\nmsgstr "vague"\n\n'
        'msgid "to {name}"\nmsgstr "à {nom}"\n\n'
        'msgid "open {name}"\nmsgstr "ouvrir {name"\n\n'
        'msgid "odd {name}"\nmsgstr "odd {name!r}"\n\n'
        'msgid "{number} day"\nmsgid_plural "{number} days"\nmsgstr[0] "un jour"\nmsgstr[1] "{number}j"\n\n'
        'msgid "{number} hour"\nmsgid_plural "{number} hours"\nmsgstr[0] "{number} heure"\nmsgstr[1] ""\n\n'
        '#~ msgid "old"\n#~ msgstr "vieux"\n',
        "utf-8",
    )
    messages = [
        Message(text) for text in ("empty", "vague", "to {name}", "open {name}", "odd {name}", "lacks")
    ]
    plurals = [Message("{number} day", "{number} days"), Message("{number} hour", "{number} hours")]
    told = faults_of(read_catalogue(path), [*messages, *plurals])
    assert set(told) == {
        "missing: 'lacks'",
        "obsolete: 'unused'",
        "obsolete: 'old'",
        "untranslated: 'empty'",
        "fuzzy: 'vague'",
        "'to {name}': has the placeholders ['nom'] instead of ['name']",
        "'open {name}': expected '}' before end of string",
        "'odd {name}': the placeholder {name} is no plain name",
        "untranslated: '{number} hour'",
    }


@pytest.mark.parametrize(
    "text", ["msgid a\n", 'msgid "a"\nmsgstr b\n', 'mgsid "a"\n', 'msgid "a"\nmsgid "b"\n', '"a"\n']
)
def test_a_broken_catalogue_is_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "messages.fr.po"
    path.write_text(text, "utf-8")
    with pytest.raises(Misconfigured, match=r"messages\.fr\.po"):
        read_catalogue(path)


def test_a_missing_catalogue_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"fr\.po"):
        read_catalogue(tmp_path / "fr.po")


def test_update_keeps_plurals(tmp_path: Path) -> None:
    path = Path(__file__).parents[2] / "assets" / "countries" / "zo" / "messages.es.po"
    message = Message("{number} letter", "{number} letters")
    (tmp_path / "es.po").write_bytes(rendered(updated(read_catalogue(path), [message], is_source=False)))
    assert read_catalogue(tmp_path / "es.po").get(message.singular).string == (
        "{number} carta",
        "{number} cartas",
    )


def test_update_adds_what_is_new_and_drops_what_is_unused(tmp_path: Path) -> None:
    for language in shipped_languages():
        head = (SHIPPED / f"{language}.po").read_text("utf-8").split("\n\n")[0]
        (tmp_path / f"{language}.po").write_text(
            f'{head}\n\nmsgid "Accepted"\nmsgstr "kept"\n\nmsgid "gone"\nmsgstr "gone"\n', "utf-8"
        )
    assert main(tmp_path) == 1
    french = read_catalogue(tmp_path / "fr.po")
    assert french.get("Accepted").string == "kept"
    assert french.get("Refused").string == ""
    assert french.get("gone") is None
    assert read_catalogue(tmp_path / "en.po").get("Refused").string == "Refused"


def test_update_leaves_complete_catalogues_alone(tmp_path: Path) -> None:
    for language in shipped_languages():
        (tmp_path / f"{language}.po").write_bytes((SHIPPED / f"{language}.po").read_bytes())
    assert main(tmp_path) == 0
    for language in shipped_languages():
        assert (tmp_path / f"{language}.po").read_bytes() == (SHIPPED / f"{language}.po").read_bytes()


def test_texts_are_found_in_modules_and_templates(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "page.py").write_text(
        't("one")\nself.t("two")\n_("thr" "ee")\ntn("{number} x", "{number} xs", n)\n'
        'mark("four")\nt(later)\nother("not me")\nth("five {x}", x=1)\n',
        "utf-8",
    )
    (tmp_path / "templates" / "page.html").write_text(
        '{{ t("six") }}\n{% if t("seven", x=1) %}{{ tn("{number} y", "{number} ys", n) }}{% endif %}'
        "{{ t(name) }}{{ page.th('eight') }}",
        "utf-8",
    )
    (tmp_path / "notes.html").write_text('{{ t("outside of the templates") }}', "utf-8")
    found = extract(tmp_path)
    assert found.faults == ()
    assert {message.singular for message in found.messages} == {
        "one", "two", "three", "four", "five {x}", "six", "seven", "eight", "{number} x", "{number} y",
    }  # fmt: skip
    assert found.messages[Message("two")] == ("page.py:2",)
    assert found.messages[Message("{number} y", "{number} ys")] == ("templates/page.html:2",)


@pytest.mark.parametrize(
    "call",
    [
        't(f"a {b}")',
        't("a" + b)',
        "t(1)",
        't("")',
        "t()",
        'tn("one", number)',
        'tn("one")',
        'tn("one", f"{x}", 1)',
    ],
)
def test_a_text_that_is_no_literal_is_told(call: str, tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text(call, "utf-8")
    found = extract(tmp_path)
    if call == 'tn("one", number)':
        assert not found.messages
    else:
        assert found.faults[0].startswith("page.py:1: t")


def test_a_text_that_is_no_literal_is_told_in_templates(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.html").write_text('{{ t("a" ~ b) }}\n{{ t("a" + b) }}\n{{ t(3) }}', "utf-8")
    assert [fault.partition(": ")[0] for fault in extract(tmp_path).faults] == [
        f"templates/a.html:{line}" for line in (1, 2, 3)
    ]


def test_a_chain_of_catalogues_leaves_the_cached_ones_unlinked() -> None:
    linked = chain((SHIPPED / "ar.po", SHIPPED / "fr.po"))
    assert linked.gettext("Accepted") == "مقبولة"
    assert linked.gettext("in no catalogue") == "in no catalogue"
    assert texts(SHIPPED / "ar.po")._fallback is None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("language", "territory", "expected"),
    [
        ("ar", "ma", "ar_MA"),
        ("en", "ma", "en_150"),
        ("fr", None, "fr"),
        ("es", "zo", "es"),
        ("qqq", "ma", None),
    ],
)
def test_the_nearest_known_locale_is_taken(
    language: str, territory: str | None, expected: str | None
) -> None:
    found = locale_of(language, territory)
    assert (None if found is None else str(found)) == expected


def test_a_locale_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = locale_of("fr", "ma")
    monkeypatch.setattr("gateway.i18n.catalogue.Locale", None)
    assert locale_of("fr", "ma") is found
