"""A country's calendar for tests of rules: Morocco's clocks, its week, and one holiday."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo

CASABLANCA = ZoneInfo("Africa/Casablanca")
HOLIDAY = date(2026, 5, 1)


class Week:
    """Monday to Friday, but for the first of May 2026."""

    @property
    def time_zone(self) -> tzinfo:
        return CASABLANCA

    def is_working_day(self, day: date) -> bool:
        return day.isoweekday() < 6 and day != HOLIDAY

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(CASABLANCA)

    def holiday(self, day: date) -> str | None:
        return "Labour Day" if day == HOLIDAY else None
