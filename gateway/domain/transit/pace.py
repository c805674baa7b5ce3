"""How many letters a minute a route is given, questions for news of its letters among them."""

from __future__ import annotations

from datetime import datetime, timedelta

_BURST_S = 2.0
"""Letters of this many seconds may go at once, so that looking for work once a second keeps the pace."""


def place_in_time(taken_until: datetime | None, per_minute: int, now: datetime) -> datetime | None:
    """Take the next place of a route's pace (the generic cell rate algorithm, ITU-T I.371).

    Args:
        taken_until: up to when places were taken before.
        per_minute: letters a minute, on average, at least 1.

    Returns:
        Up to when places are taken then; None when none is free now.
    """
    if now < free_at(taken_until, per_minute, now):
        return None
    return moved(taken_until, per_minute, 1, now)


def moved(taken_until: datetime | None, per_minute: int, places: int, now: datetime) -> datetime:
    """Up to when places are taken with so many more, free or not, or without some that were not used."""
    until = taken_until or now
    return (max(now, until) if places > 0 else until) + interval(per_minute) * places


def free_at(taken_until: datetime | None, per_minute: int, now: datetime) -> datetime:
    """When the next place is free."""
    if taken_until is None:
        return now
    ahead = max(per_minute * _BURST_S / 60 - 1, 0.0)
    return taken_until - interval(per_minute) * ahead


def at_once(per_minute: int) -> int:
    """How many places can be taken at once after a rest."""
    return max(1, int(per_minute * _BURST_S / 60))


def interval(per_minute: int) -> timedelta:
    """From one place to the next."""
    return timedelta(seconds=60 / per_minute)
