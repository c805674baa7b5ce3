"""Country packs: the Moroccan one, an invented one, and every fault of a broken one."""

from __future__ import annotations

import dataclasses
import shutil
from datetime import UTC, datetime
from datetime import date as Day
from pathlib import Path

import pytest

from gateway import assets
from gateway.domain.errors import Misconfigured
from gateway.domain.identifiers import mod_37_36
from gateway.i18n import CountryPack, Translator, load_country, shipped_languages
from gateway.i18n.country import Check, IdentifierScheme

SHIPPED = assets.config_dir() / "countries"
INVENTED = Path(__file__).parents[2] / "assets" / "countries"


@pytest.fixture(scope="module")
def morocco() -> CountryPack:
    return load_country("ma", [SHIPPED])


@pytest.fixture(scope="module")
def zolandia() -> CountryPack:
    return load_country("zo", [INVENTED])


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A copy of the invented pack, to be damaged."""
    shutil.copytree(INVENTED / "zo", tmp_path / "zo")
    return tmp_path


def faults(directory: Path, code: str = "zo") -> tuple[str, ...]:
    with pytest.raises(Misconfigured) as caught:
        load_country(code, [directory])
    return caught.value.faults


def rewrite(directory: Path, name: str, *changes: tuple[str, str]) -> None:
    path = directory / "zo" / name
    text = path.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, "utf-8")


@pytest.mark.parametrize("code", sorted(path.name for path in SHIPPED.iterdir() if path.is_dir()))
def test_shipped_packs_are_complete_in_their_languages(code: str) -> None:
    pack = load_country(code, [SHIPPED])
    assert set(pack.languages) <= set(shipped_languages()) | set(pack.catalogues)
    assert all(Translator(language, pack).language == language for language in pack.languages)


def test_morocco(morocco: CountryPack) -> None:
    assert morocco.languages == ("ar", "fr", "en")
    assert morocco.time_zone.key == "Africa/Casablanca"
    assert not morocco.confirmed
    assert len(morocco.fixed_holidays) == 11
    assert set(morocco.identifiers) == {"ice", "commune"}


def test_moroccan_working_days(morocco: CountryPack) -> None:
    assert morocco.is_working_day(Day(2026, 11, 23))
    assert not morocco.is_working_day(Day(2026, 11, 22))  # Sunday
    assert not morocco.is_working_day(Day(2026, 11, 18))
    assert (morocco.holiday(Day(2027, 7, 30)) or {})["fr"] == "Fête du Trône"


def test_an_expected_holiday_stops_no_clock(morocco: CountryPack) -> None:
    expected = next(holiday for holiday in morocco.movable_holidays if not holiday.announced)
    assert morocco.holiday(expected.first) is None


def test_an_operators_list_of_holidays_wins(tmp_path: Path) -> None:
    own = tmp_path / "ma"
    own.mkdir()
    text = (SHIPPED / "ma" / "holidays.toml").read_text("utf-8")
    (own / "holidays.toml").write_text(text.replace("announced = false", "announced = true"), "utf-8")
    pack = load_country("ma", [tmp_path, SHIPPED])
    assert pack.movable_holidays
    for holiday in pack.movable_holidays:
        assert not pack.is_working_day(holiday.first)
    assert pack.fixed_holidays == load_country("ma", [SHIPPED]).fixed_holidays


@pytest.mark.parametrize(
    ("scheme", "value", "good"),
    [
        ("ice", "001561191000066", True),
        ("ice", "001561191000065", False),
        ("ice", "1561191000066", False),
        ("ice", "٠٠١٥٦١١٩١٠٠٠٠٦٦", False),
        ("commune", "0112345", True),
        ("commune", "0112345\n", False),
    ],
)
def test_moroccan_identifiers(morocco: CountryPack, scheme: str, value: str, good: bool) -> None:
    assert morocco.identifiers[scheme].accepts(value) is good


def test_the_invented_country_has_its_own_week_clock_and_holidays(zolandia: CountryPack) -> None:
    assert zolandia.languages[0] == "es"
    assert zolandia.is_working_day(Day(2026, 11, 22))  # Sunday
    assert not zolandia.is_working_day(Day(2026, 11, 27))  # Friday
    assert [zolandia.is_working_day(Day(2026, 11, day)) for day in (23, 24, 25, 26)] == [
        True,
        False,
        False,
        True,
    ]
    assert zolandia.is_working_day(Day(2027, 11, 23))
    assert (zolandia.holiday(Day(2028, 2, 29)) or {})["es"] == "Día del Salto"
    assert zolandia.local(datetime(2026, 11, 23, 22, tzinfo=UTC)).isoformat() == "2026-11-24T03:45:00+05:45"
    assert zolandia.emblem is not None
    assert zolandia.confirmed


def test_check_characters_of_the_invented_country(zolandia: CountryPack) -> None:
    right = mod_37_36("Z1234")
    scheme = zolandia.identifiers["zid"]
    assert scheme.accepts("Z1234" + right)
    assert not scheme.accepts("Z1234" + ("A" if right != "A" else "B"))
    assert not scheme.accepts("z1234" + right)


def test_a_scheme_without_check_takes_every_value_of_its_form() -> None:
    scheme = IdentifierScheme("x", {}, "[0-9]{2}", Check.NONE)
    assert scheme.accepts("12")
    assert not scheme.accepts("123")


def test_a_pack_is_frozen(morocco: CountryPack) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        morocco.code = "xx"  # type: ignore[misc]


@pytest.mark.parametrize("code", ["xx", "..", "MA", ""])
def test_an_unknown_pack_is_told(code: str) -> None:
    (fault,) = faults(SHIPPED, code)
    assert fault.startswith(f"hub.country: no country pack {code!r}")


def test_every_fault_of_a_pack_is_told_at_once(broken: Path) -> None:
    rewrite(
        broken,
        "pack.toml",
        ("confirmed = true", 'confirmed = "yes"\ncolour = "red"'),
        ('fallback = "fr"', 'fallback = "ar"'),
        ("Asia/Kathmandu", "Asia/Nowhere"),
        ("[7, 1, 2, 3, 4]", "[7, 8]"),
        ('name = { es = "Zolandia", fr = "Zolandie" }', 'name = { es = "Zolandia" }'),
        ("emblem.svg", "other.svg"),
        ("02-29", "02-30"),
        ('"zid"', '"Z ID"'),
        ("[A-Z][0-9]", "([A-Z][0-9]"),
        ("mod-37-36", "mod-11"),
    )
    rewrite(
        broken,
        "holidays.toml",
        ("2026-11-24", '"soon"'),
        ("days = 2", "days = 0"),
        ("announced = false\n", ""),
    )
    rewrite(
        broken,
        "reasons.toml",
        ("WASL-REQ-005", "WASL-XXX-001"),
        ("{recipient}.", "{whom}."),
    )
    rewrite(broken, "messages.es.po", ('msgstr "Acuse de recibo"', "msgstr Acuse"))
    told = faults(broken)
    for start in (
        "zo/pack.toml: confirmed: must be true or false",
        "zo/pack.toml: colour: no such key",
        "zo/pack.toml: fallback: must be a language of the pack or en",
        "zo/pack.toml: time_zone: must be a time zone",
        "zo/pack.toml: working_week: must be a list of ISO weekdays",
        "zo/pack.toml: name: must be a table with a text in each language",
        "zo/pack.toml: emblem: there is no file other.svg",
        "zo/pack.toml: holiday[0]: date: must be",
        "zo/pack.toml: identifier[0]: code: must be",
        "zo/pack.toml: identifier[0]: pattern: must be a regular expression",
        "zo/pack.toml: identifier[0]: check: must be one of none, mod-97-10, mod-37-36",
        "zo/holidays.toml: holiday[0]: date: must be a date",
        "zo/holidays.toml: holiday[0]: days: must be a whole number",
        "zo/holidays.toml: holiday[1]: announced: must be true or false",
        "zo/reasons.toml: WASL-RTE-001: must be text and remedy",
        "zo/reasons.toml: WASL-XXX-001: no such key",
    ):
        assert sum(fault.startswith(start) for fault in told) == 1, (start, told)
    assert sum("messages.es.po" in fault for fault in told) == 1
    assert len(told) == 17


@pytest.mark.parametrize(
    "languages",
    ["[]", '["es", "es"]', '"es"', "3", '["Español"]'],
)
def test_wrong_languages_are_told(languages: str, broken: Path) -> None:
    rewrite(broken, "pack.toml", ('languages = ["es", "fr"]', f"languages = {languages}"))
    assert faults(broken) == (
        "zo/pack.toml: languages: must be a list of different language tags, the default first",
    )


def test_a_missing_key_is_told(broken: Path) -> None:
    rewrite(broken, "pack.toml", ('time_zone = "Asia/Kathmandu"\n', ""))
    (fault,) = faults(broken)
    assert fault.startswith("zo/pack.toml: time_zone: must be")


def test_a_language_without_any_texts_is_told(broken: Path) -> None:
    (broken / "zo" / "messages.es.po").unlink()
    assert faults(broken) == ("zo/messages.es.po: missing; the gateway has no texts in it",)


def test_reasons_in_a_language_that_the_pack_lacks_are_told(broken: Path) -> None:
    rewrite(broken, "reasons.toml", ("fr.text", "de.text"), ("fr.remedy", "de.remedy"))
    (fault,) = faults(broken)
    assert fault.startswith("zo/reasons.toml: WASL-REQ-005: must be")


def test_a_list_of_holidays_that_is_no_list_is_told(broken: Path) -> None:
    (broken / "zo" / "holidays.toml").write_text("holiday = 3\n", "utf-8")
    assert faults(broken) == ("zo/holidays.toml: holiday: must be a list of tables",)


def test_a_file_that_is_no_toml_is_told(broken: Path) -> None:
    (broken / "zo" / "holidays.toml").write_bytes(b"\xff")
    (broken / "zo" / "reasons.toml").write_text("[", "utf-8")
    assert [Path(fault.partition(":")[0]).name for fault in faults(broken)] == [
        "holidays.toml",
        "reasons.toml",
    ]


def test_a_pack_without_extras_is_enough(broken: Path) -> None:
    for name in ("holidays.toml", "reasons.toml", "messages.fr.po", "emblem.svg"):
        (broken / "zo" / name).unlink()
    rewrite(
        broken,
        "pack.toml",
        ('emblem = "emblem.svg"\n', ""),
        ('fallback = "fr"\n', ""),
        ("confirmed = true", ""),
    )
    pack = load_country("zo", [broken])
    assert (pack.fallback, pack.emblem, pack.movable_holidays, pack.reasons) == ("en", None, (), {})
    assert set(pack.catalogues) == {"es"}
    assert not pack.confirmed


def test_letters_never_pass_a_check_over_digits() -> None:
    assert not IdentifierScheme("x", {}, "[0-9A-Z]+", Check.MOD_97_10).accepts("A97")


@pytest.mark.parametrize("name", ["../emblem.svg", "emblem.gif", ""])
def test_an_emblem_is_a_picture_in_the_pack(name: str, broken: Path) -> None:
    rewrite(broken, "pack.toml", ("emblem.svg", name))
    (fault,) = faults(broken)
    assert fault.startswith("zo/pack.toml: emblem: must be the name of an SVG or PNG file")
