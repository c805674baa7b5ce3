"""Speaks one language: texts, plurals, names, dates and numbers, as a country's people expect them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from datetime import date as Day
from datetime import tzinfo as TimeZone
from enum import Enum
from pathlib import Path
from typing import Literal, TypeGuard

from babel import Locale, dates, numbers, units
from markupsafe import Markup, escape

from gateway.domain.errors import Fault
from gateway.domain.evidence.reasons import catalogue
from gateway.i18n.catalogue import FALLBACK, SHIPPED, chain, locale_of
from gateway.i18n.country_model import CountryPack, ReasonText
from gateway.i18n.terms import TERMS

Style = Literal["short", "medium", "long", "full"]
_UNITS = ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte")


class Translator:
    """One language in one country; without a pack, in the world and in UTC.

    Texts come from the pack's catalogue, then the gateway's, then those of the pack's fallback
    language, at last from the source text itself.
    """

    def __init__(self, language: str, pack: CountryPack | None = None) -> None:
        self.language = language
        self.fallback = pack.fallback if pack is not None else FALLBACK
        self.time_zone: TimeZone = pack.time_zone if pack is not None else UTC
        self._pack = pack
        territory = pack.code if pack is not None else None
        self.locale: Locale = locale_of(language, territory) or Locale.parse(FALLBACK)
        self.direction: Literal["ltr", "rtl"] = "rtl" if self.locale.text_direction == "rtl" else "ltr"
        self._texts = chain(tuple(self._sources()))

    def _sources(self) -> list[Path]:
        own = self._pack.catalogues if self._pack is not None else {}
        spoken = dict.fromkeys((self.language, self.fallback))
        candidates = [path for tag in spoken for path in (own.get(tag), SHIPPED / f"{tag}.po")]
        return [path for path in candidates if path is not None and path.is_file()]

    def text(self, msgid: str, /, **values: object) -> str:
        """The text for ``msgid``; numbers among ``values`` are written as the language does."""
        return self._texts.gettext(msgid).format_map(self._written(values))

    def plural(self, singular: str, plural: str, number: int, /, **values: object) -> str:
        """The form of the text that ``number`` asks for; ``{number}`` in it is filled."""
        chosen = self._texts.ngettext(singular, plural, number)
        return chosen.format_map(self._written({"number": number} | values))

    def html(self, msgid: str, /, **values: object) -> Markup:
        """The text as HTML, each value isolated from the direction of what stands around it.

        A value that is markup already is taken as it is.
        """
        isolated = {
            name: value if hasattr(value, "__html__") else Markup("<bdi>{}</bdi>").format(value)
            for name, value in self._written(values).items()
        }
        return escape(self._texts.gettext(msgid)).format_map(isolated)

    def _written(self, values: Mapping[str, object]) -> dict[str, object]:
        return {name: self.number(value) if _is_number(value) else value for name, value in values.items()}

    def term(self, member: Enum) -> str:
        """The word for a state, a kind or a role of the domain."""
        return self.text(TERMS[member])

    def reason(self, fault: Fault) -> tuple[str, str]:
        """What happened and what to do about a fault."""
        found = self._reason_text(fault.code)
        values = _Blanks(
            {"where": fault.where or "", "expected": fault.expected or "", "found": fault.found or ""}
            | dict(fault.values)
        )
        return found.text.format_map(values), found.remedy.format_map(values)

    def _reason_text(self, code: str) -> ReasonText:
        reason = catalogue()[code]
        own = self._pack.reasons.get(code, {}) if self._pack is not None else {}
        shipped = {tag: ReasonText(text, reason.remedies[tag]) for tag, text in reason.texts.items()}
        spoken = (self.language, self.fallback, FALLBACK)
        return next(words[tag] for tag in spoken for words in (own, shipped) if tag in words)

    def name(self, names: Mapping[str, str]) -> str:
        """The name in this language, else in the fallback language, English or any that there is."""
        for language in (self.language, self.fallback, FALLBACK):
            if names.get(language):
                return names[language]
        return next(iter(names.values()), "")

    def day(self, day: Day, style: Style = "long") -> str:
        """A date without a time."""
        return str(dates.format_date(day, style, locale=self.locale))

    def moment(self, moment: datetime, style: Style = "medium") -> str:
        """Date and time on the country's clocks."""
        return str(dates.format_datetime(moment, style, tzinfo=self.time_zone, locale=self.locale))

    def time(self, moment: datetime, style: Style = "short") -> str:
        """The time of day on the country's clocks."""
        return str(dates.format_time(moment.astimezone(self.time_zone), style, locale=self.locale))

    def utc(self, moment: datetime) -> str:
        """The moment in UTC, for those who compare; the same in every language."""
        return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

    def ago(self, moment: datetime, now: datetime) -> str:
        """How long before or after ``now``, in one unit."""
        return str(dates.format_timedelta(moment - now, add_direction=True, locale=self.locale))

    def duration(self, length: timedelta) -> str:
        """A length of time, in one unit."""
        return str(dates.format_timedelta(length, locale=self.locale))

    def number(self, value: float) -> str:
        """A number with the language's separators, in the digits used in the country."""
        return str(numbers.format_decimal(value, locale=self.locale))

    def percent(self, share: float) -> str:
        """A share, 0 to 1, as a percentage."""
        return str(numbers.format_percent(share, locale=self.locale))

    def octets(self, size: int) -> str:
        """The size of a file in the unit that fits, a kilobyte being 1000 octets."""
        amount, unit = float(size), 0
        while amount >= 999.5 and unit < len(_UNITS) - 1:
            amount, unit = amount / 1000, unit + 1
        shown = round(amount, 0 if amount >= 10 or unit == 0 else 1)
        return str(units.format_unit(shown, f"digital-{_UNITS[unit]}", "short", locale=self.locale))


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Blanks(dict[str, str]):
    """Shows a gap where a fault did not bring the value."""

    def __missing__(self, key: str) -> str:
        return "…"
