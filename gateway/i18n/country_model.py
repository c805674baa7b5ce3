"""What is national about a hub, as values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date as Day
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.domain.evidence.retention import RetentionRule
from gateway.domain.evidence.timelimit import Procedure
from gateway.domain.identifiers import mod_37_36
from gateway.domain.registry.parties import Names


class Check(Enum):
    """How the last characters of an identifier check the others."""

    NONE = "none"
    MOD_97_10 = "mod-97-10"  # ISO/IEC 7064: the whole number leaves 0, as Morocco's ICE does
    MOD_37_36 = "mod-37-36"  # ISO/IEC 7064: one check character at the end


@dataclass(frozen=True)
class IdentifierScheme:
    """An identifier that somebody outside the hub gives, such as a company number."""

    code: str
    names: Names
    pattern: str
    check: Check = Check.NONE

    def accepts(self, value: str) -> bool:
        """Whether ``value`` has this scheme's form and its check characters are right."""
        if re.fullmatch(self.pattern, value, re.ASCII) is None:
            return False
        if self.check is Check.MOD_97_10:
            return value.isdecimal() and int(value) % 97 == 0
        return self.check is Check.NONE or mod_37_36(value[:-1]) == value[-1]


@dataclass(frozen=True)
class FixedHoliday:
    """A public holiday on the same day every year."""

    month: int
    day: int
    names: Names


@dataclass(frozen=True)
class MovableHoliday:
    """A public holiday of one year; only an ``announced`` one stops clocks."""

    first: Day
    days: int
    names: Names
    announced: bool

    def covers(self, day: Day) -> bool:
        """Whether ``day`` is one of its days."""
        return self.first <= day < self.first + timedelta(days=self.days)


@dataclass(frozen=True)
class ReasonText:
    """What happened and what to do, in one language."""

    text: str
    remedy: str


@dataclass(frozen=True)
class CountryPack:
    """One country.

    Attributes:
        languages: what pages are offered in; the first is the default.
        fallback: the language whose texts stand in where one of ``languages`` lacks them.
        working_week: ISO weekdays, Monday is 1.
        catalogues: the pack's own texts, by language; they win over the gateway's.
        reasons: the pack's own texts of reasons, by code and language.
        retention: how long the content of letters is kept, by document type.
        procedures: the procedures that set a time limit.
        confirmed: whether the pack's facts were confirmed for real use.
    """

    code: str
    names: Names
    languages: tuple[str, ...]
    time_zone: ZoneInfo
    working_week: frozenset[int]
    fallback: str = "en"
    fixed_holidays: tuple[FixedHoliday, ...] = ()
    movable_holidays: tuple[MovableHoliday, ...] = ()
    identifiers: Mapping[str, IdentifierScheme] = field(default_factory=dict)
    emblem: Path | None = None
    catalogues: Mapping[str, Path] = field(default_factory=dict)
    reasons: Mapping[str, Mapping[str, ReasonText]] = field(default_factory=dict)
    retention: tuple[RetentionRule, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    confirmed: bool = False

    def holiday(self, day: Day) -> Names | None:
        """The name of the public holiday on ``day``; expected ones that nobody announced are none."""
        for fixed in self.fixed_holidays:
            if (fixed.month, fixed.day) == (day.month, day.day):
                return fixed.names
        for movable in self.movable_holidays:
            if movable.announced and movable.covers(day):
                return movable.names
        return None

    def is_working_day(self, day: Day) -> bool:
        """Whether offices work on ``day``."""
        return day.isoweekday() in self.working_week and self.holiday(day) is None

    def local(self, moment: datetime) -> datetime:
        """The same moment on the country's clocks."""
        return moment.astimezone(self.time_zone)
