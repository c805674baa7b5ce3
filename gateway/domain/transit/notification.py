"""What becomes of one notification: a person is told that something waits, or could not be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from gateway.domain.transit.retry import RetrySchedule


class Telling(Enum):
    """Where a notification is."""

    WAITING = "WAITING"  # gathers what it tells, or is due again after a failure
    SENDING = "SENDING"  # a worker holds a lease on it
    SENT = "SENT"  # the mail system took it
    FAILED = "FAILED"  # given up


TELLING_MOVES: Mapping[Telling, frozenset[Telling]] = {
    Telling.WAITING: frozenset({Telling.SENDING}),
    # a lease that ran out makes it waiting again: telling twice is better than never
    Telling.SENDING: frozenset({Telling.SENT, Telling.FAILED, Telling.WAITING}),
    Telling.SENT: frozenset(),
    Telling.FAILED: frozenset(),
}


class Template(Enum):
    """What a notification says."""

    MAIL_WAITS = "mail-waits"  # mail started to lie in the hub's own order office
    HELD = "held"  # letters are held for a person's decision
    HELD_ENDS = "held-ends"  # held letters are about to be given up
    WEBHOOK_STOPPED = "webhook-stopped"  # a party's webhook was switched off, for its address failed


EMAIL = "email"
"""The way to a person, as receipts name it."""


@dataclass(frozen=True)
class Pace:
    """When people are told.

    Attributes:
        gather: how long a first notification waits for more of the same.
        every: the length of the spans in each of which one office's reader is told at most once.
        retry: when a failed notification is tried again; its lifetime is counted from the first due time.
    """

    gather: timedelta = timedelta(seconds=60)
    every: timedelta = timedelta(hours=1)
    retry: RetrySchedule = RetrySchedule(first=60.0, lifetime=86_400.0)

    def span(self, moment: datetime) -> int:
        """The number of the span that ``moment`` lies in."""
        return int(moment.timestamp() // self.every.total_seconds())

    def due(self, span: int, now: datetime) -> datetime:
        """When what began to gather at ``now`` for the span with this number is told."""
        start = datetime.fromtimestamp(span * self.every.total_seconds(), now.tzinfo)
        return max(start, now) + self.gather
