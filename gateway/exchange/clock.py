"""The clock and the source of chance that services are given."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


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
