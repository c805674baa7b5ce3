"""One language speaks: texts, plurals, names, dates, numbers, reasons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from markupsafe import Markup

from gateway import assets
from gateway.domain.errors import Fault
from gateway.domain.evidence.reasons import explain
from gateway.domain.evidence.receipt import ReceiptKind
from gateway.domain.transit.states import Transport
from gateway.i18n import CountryPack, Translator, load_country

INVENTED = Path(__file__).parents[2] / "assets" / "countries"
MOMENT = datetime(2026, 11, 23, 22, 14, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def morocco() -> CountryPack:
    return load_country("ma", [assets.config_dir() / "countries"])


@pytest.fixture(scope="module")
def zolandia() -> CountryPack:
    return load_country("zo", [INVENTED])


def test_text_is_translated(morocco: CountryPack) -> None:
    assert Translator("fr", morocco).text("Acknowledgment of receipt") == "Accusé de réception"
    assert Translator("en").text("Acknowledgment of receipt") == "Acknowledgment of receipt"


def test_directions(morocco: CountryPack) -> None:
    assert Translator("ar", morocco).direction == "rtl"
    assert Translator("fr", morocco).direction == "ltr"


def test_values_are_filled_and_numbers_written_by_language() -> None:
    source = "{count} offices of {name}, open: {open}"
    assert (
        Translator("fr").text(source, count=12345, name="X", open=True)
        == "12\u202f345 offices of X, open: True"
    )
    assert (
        Translator("en").text(source, count=12345, name="X", open=True) == "12,345 offices of X, open: True"
    )


def test_a_forgotten_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        Translator("fr").text("{count} offices")


def test_html_isolates_values_and_escapes_everything_but_markup() -> None:
    translator = Translator("ar")
    shown = translator.html("<{a}> & {b} {n}", a="<b>", b=Markup("<i>x</i>"), n=3)
    assert shown == "&lt;<bdi>&lt;b&gt;</bdi>&gt; &amp; <i>x</i> <bdi>3</bdi>"
    assert isinstance(shown, Markup)


def test_plurals_follow_the_language(zolandia: CountryPack) -> None:
    spanish = Translator("es", zolandia)
    assert spanish.plural("{number} letter", "{number} letters", 1) == "1 carta"
    assert spanish.plural("{number} letter", "{number} letters", 1200) == "1.200 cartas"
    unknown = Translator("en").plural("{number} letter to {whom}", "{number} letters to {whom}", 2, whom="B")
    assert unknown == "2 letters to B"


def test_arabic_has_its_six_plurals() -> None:
    source = Translator("ar")._texts
    forms = [source.plural(count) for count in (0, 1, 2, 3, 11, 100)]  # type: ignore[attr-defined]
    assert forms == [0, 1, 2, 3, 4, 5]


def test_an_own_catalogue_wins_then_the_gateways_then_the_fallback(zolandia: CountryPack) -> None:
    spanish, french = Translator("es", zolandia), Translator("fr", zolandia)
    assert spanish.term(ReceiptKind.ACCEPTANCE) == "Acuse de recibo"
    assert french.term(ReceiptKind.ACCEPTANCE) == "Récépissé zolandais"
    assert french.term(Transport.QUEUED) == "En attente d’envoi"
    assert spanish.term(ReceiptKind.DELIVERY) == "Preuve de remise"
    assert Translator("fr").term(ReceiptKind.ACCEPTANCE) == "Accusé de réception"


def test_own_reasons_win_then_the_catalogues_then_the_fallbacks(zolandia: CountryPack) -> None:
    spanish, french = Translator("es", zolandia), Translator("fr", zolandia)
    unknown = Fault("WASL-RTE-001", values={"recipient": "B0000456-6"})
    assert spanish.reason(unknown)[0] == "No se conoce al destinatario B0000456-6."
    assert french.reason(unknown) == explain(unknown, "fr")
    assert spanish.reason(Fault("WASL-REQ-005"))[0] == "Il n’y a rien ici pour vous."
    assert spanish.reason(Fault("WASL-REQ-006")) == explain(Fault("WASL-REQ-006"), "fr")
    assert Translator("en").reason(Fault("WASL-REQ-006")) == explain(Fault("WASL-REQ-006"), "en")
    assert Translator("qqq").reason(Fault("WASL-REQ-006")) == explain(Fault("WASL-REQ-006"), "en")


def test_a_reason_without_its_value_shows_a_gap() -> None:
    assert Translator("en").reason(Fault("WASL-RTE-001"))[0] == "The recipient … is not known."


def test_names_fall_back(zolandia: CountryPack) -> None:
    spanish = Translator("es", zolandia)
    assert spanish.name({"es": "a", "fr": "b"}) == "a"
    assert spanish.name({"en": "c", "fr": "b"}) == "b"
    assert spanish.name({"en": "c", "ar": "d"}) == "c"
    assert spanish.name({"ar": "d"}) == "d"
    assert spanish.name({}) == ""


def test_moments_are_on_the_countrys_clocks(morocco: CountryPack, zolandia: CountryPack) -> None:
    french = Translator("fr", morocco)
    assert french.moment(MOMENT) == "23 nov. 2026, 23:14:05"
    assert french.time(MOMENT) == "23:14"
    assert Translator("fr", zolandia).moment(MOMENT) == "24 nov. 2026, 03:59:05"
    assert Translator("fr").time(MOMENT) == "22:14"
    assert Translator("en", morocco).time(MOMENT) == "23:14"
    assert french.utc(french.time_zone and MOMENT.astimezone(french.time_zone)) == "2026-11-23 22:14:05 UTC"


def test_the_offset_of_ramadan_is_honoured(morocco: CountryPack) -> None:
    # 2026-02-20 lies in Ramadan: UTC+0 instead of UTC+1.
    assert Translator("fr", morocco).time(datetime(2026, 2, 20, 12, tzinfo=UTC)) == "12:00"
    assert Translator("fr", morocco).time(datetime(2026, 4, 20, 12, tzinfo=UTC)) == "13:00"


def test_dates_are_written_as_the_country_does(morocco: CountryPack) -> None:
    assert Translator("ar", morocco).day(MOMENT.date()) == "23 نونبر 2026"
    assert Translator("en", morocco).day(MOMENT.date()) == "23 November 2026"


def test_lengths_of_time() -> None:
    english = Translator("en")
    assert english.ago(MOMENT - timedelta(hours=3), MOMENT) == "3 hours ago"
    assert english.ago(MOMENT + timedelta(days=2), MOMENT) == "in 2 days"
    assert english.duration(timedelta(days=5)) == "5 days"


def test_numbers_shares_and_sizes(morocco: CountryPack) -> None:
    french = Translator("fr", morocco)
    assert french.number(1234567.5) == "1\u202f234\u202f567,5"
    assert french.percent(0.25).replace("\u202f", " ").replace("\xa0", " ") == "25 %"
    sizes = [
        french.octets(size).replace("\u202f", " ")
        for size in (0, 999, 1000, 1550, 999_600, 5_368_709_120, 10**15)
    ]
    assert sizes == ["0 o", "999 o", "1 ko", "1,6 ko", "1 Mo", "5,4 Go", "1 000 To"]
