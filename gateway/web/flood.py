"""Keeps one caller from asking too often, and all of them from keeping every thread busy."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock

from gateway.domain.errors import TooMany

CODE = "WASL-REQ-007"
_REMEMBERED = 10_000
_MINUTE_S = 60.0


@dataclass
class Flood:
    """A bucket for each caller, refilled over a minute, and places for those who are served at once.

    Each process counts for itself.

    Attributes:
        per_minute: how often one caller may ask.
        at_once: how many are served at the same time.
        clock: seconds, never going back.
    """

    per_minute: int
    at_once: int
    clock: Callable[[], float]
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)
    _places: BoundedSemaphore = field(init=False)

    def __post_init__(self) -> None:
        self._places = BoundedSemaphore(self.at_once)

    @contextmanager
    def admitted(self, caller: str) -> Iterator[None]:
        """For the length of the block.

        Raises:
            TooMany: ``WASL-REQ-007``, with the seconds after which it may work.
        """
        self._count(caller)
        if not self._places.acquire(blocking=False):
            raise TooMany.because(CODE)
        try:
            yield
        finally:
            self._places.release()

    def _count(self, caller: str) -> None:
        with self._lock:
            now = self.clock()
            left, since = self._buckets.pop(caller, (float(self.per_minute), now))
            left = min(self.per_minute, left + (now - since) * self.per_minute / _MINUTE_S)
            enough = left >= 1
            self._buckets[caller] = (left - 1 if enough else left, now)
            if len(self._buckets) > _REMEMBERED:
                self._buckets.popitem(last=False)
        if not enough:
            raise TooMany.because(CODE)
