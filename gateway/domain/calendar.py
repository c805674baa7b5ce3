"""What the counting of days must know of a country."""

from __future__ import annotations

from datetime import date as Day
from datetime import datetime, tzinfo
from typing import Protocol


class Calendar(Protocol):
    """Working days and local time; a country pack is one."""

    @property
    def time_zone(self) -> tzinfo: ...

    def is_working_day(self, day: Day) -> bool:
        """Whether offices work on ``day``; a holiday that nobody announced yet is an ordinary day."""

    def local(self, moment: datetime) -> datetime:
        """The same moment on the country's clocks."""
