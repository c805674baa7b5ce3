"""The clock and the source of chance that services are given, and what is done once in a while."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Ambient:
    """Everything a service may not compute itself.

    Attributes:
        now: the present moment, aware, in UTC.
        random_bytes: unpredictable octets, for identifiers and nonces.
        chance: a number in [0, 1) for spreading retries.
    """

    now: Callable[[], datetime] = _utc_now
    random_bytes: Callable[[int], bytes] = os.urandom
    chance: Callable[[], float] = random.random


class Interval:
    """Says yes once in a while, and whenever the clock was set back."""

    def __init__(self, every: timedelta) -> None:
        self._every = every
        self._last: datetime | None = None

    def over(self, now: datetime) -> bool:
        if self._last is not None and timedelta() <= now - self._last < self._every:
            return False
        self._last = now
        return True
