"""What a clock that was ahead and was set back has left: moments that no rule can have meant; pure rules."""

from __future__ import annotations

from datetime import datetime, timedelta

SKEW = timedelta(minutes=1)
"""So far clocks of one hub's machines may differ; from there on `wasl doctor` calls one bad."""

_LONGEST_TURN = timedelta(minutes=1, seconds=2)
"""The place of one letter at the slowest pace, and what may go at once."""


def queued_until(now: datetime, not_before: datetime | None) -> datetime:
    """When a queued letter is due at the latest: what is queued waits for its sender's wish alone."""
    return max(now, not_before or now)


def waits_at_most(now: datetime, cap: float) -> datetime:
    """The latest moment for which another attempt can have been put off now.

    Args:
        cap: the longest wait of the route's schedule, in seconds.
    """
    return now + timedelta(seconds=cap) + SKEW


def paced_at_most(now: datetime) -> datetime:
    """Up to when the places of a route's pace can be taken at the latest."""
    return now + _LONGEST_TURN + SKEW


def rests_at_most(now: datetime, longest: timedelta) -> datetime:
    """Until when a route can be left alone, or be tried by one letter, at the latest."""
    return now + longest + SKEW
