"""When a failed delivery is tried again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class RetrySchedule:
    """Exponential waits with a cap and a lifetime; all durations in seconds.

    Attributes:
        first: the wait after the first failure.
        factor: by which each further wait grows.
        cap: the longest wait.
        jitter: share of the wait (0 to 1) that chance may take off, so that targets that come
            back are not met by everybody at once.
        lifetime: how long after acceptance a delivery may still be tried.
    """

    first: float = 30.0
    factor: float = 2.0
    cap: float = 3600.0
    jitter: float = 0.2
    lifetime: float = 5 * 86400.0

    def wait(self, failures: int, chance: float, retry_after: float | None = None) -> float:
        """Seconds to wait after the ``failures``-th failure in a row (from 1).

        Args:
            chance: 0 ≤ chance < 1, drawn by the caller.
            retry_after: what the target asked for; honoured up to the cap, never shortened.
        """
        grown = self.first
        for _ in range(min(failures - 1, 64)):
            grown = min(grown * self.factor, self.cap)
        shortened = min(grown, self.cap) * (1 - self.jitter * chance)
        return max(shortened, min(retry_after or 0.0, self.cap))

    def next_attempt(
        self,
        now: datetime,
        accepted_at: datetime,
        failures: int,
        chance: float,
        retry_after: float | None = None,
    ) -> datetime | None:
        """When to try again, or None when the lifetime leaves no further attempt."""
        due = now + timedelta(seconds=self.wait(failures, chance, retry_after))
        return due if due <= accepted_at + timedelta(seconds=self.lifetime) else None

    def hold_until(self, now: datetime, accepted_at: datetime, expires_at: datetime | None) -> datetime:
        """The deadline of a person's decision on a held delivery.

        A person gets a day at least, however late the trouble came; the sender's own limit is the sender's.
        """
        end = max(accepted_at + timedelta(seconds=self.lifetime), now + timedelta(days=1))
        return min(end, expires_at or end)


def asked_to_wait(value: str, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait (RFC 9110 10.2.3), or None."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value) if math.isfinite(float(value)) else None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
