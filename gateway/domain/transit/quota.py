"""How many letters a party may send in an hour of the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(hours=1)


@dataclass(frozen=True)
class Allowance:
    """What is left of a quota.

    Attributes:
        limit: letters in an hour.
        left: of them, in this hour.
        seconds: until the next hour begins.
        window: seconds of an hour.
    """

    limit: int
    left: int
    seconds: int
    window: int = int(WINDOW.total_seconds())


def hour_of(now: datetime) -> datetime:
    """When the hour began that ``now``, in UTC, lies in."""
    return now.replace(minute=0, second=0, microsecond=0)


def allowance(limit: int, sent: int, now: datetime) -> Allowance:
    """What is left after ``sent`` letters of this hour."""
    rest = (hour_of(now) + WINDOW - now).total_seconds()
    return Allowance(limit, max(limit - sent, 0), max(1, int(rest)))
