"""Which routes are being called in this process, and which of them do not come back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from threading import Lock

from gateway.exchange.transit.memory import Memory, Stretch

HANGS = "WASL-DLV-088"

_MOST = 3
"""So many calls of one kind that hang are the kind's own fault, and no longer a route's."""


@dataclass
class Sign:
    """One call's signs of life; times in seconds of a clock that never goes back.

    Attributes:
        stretch: by which its memory is watched, where the kind is from outside.
    """

    kind: str
    office: str
    clock: Callable[[], float]
    last: float
    patience: float
    longest: float
    stretch: Stretch | None = None

    def alive(self) -> None:
        """It begins another request, which ends within a bounded time."""
        self.last = self.clock()

    def on_its_own(self) -> None:
        """It was given a connection: nobody sees what it does with it."""
        self.last, self.patience = self.clock(), self.longest

    def of_the_kind(self) -> AbstractContextManager[object]:
        """The kind itself is at work, for the length of a block."""
        return nullcontext() if self.stretch is None else self.stretch

    def of_the_hub(self) -> AbstractContextManager[object]:
        """What it asked the hub for is done, for the length of a block."""
        return nullcontext() if self.stretch is None else self.stretch.hub()

    @property
    def hangs(self) -> bool:
        return self.clock() - self.last > self.patience


class Underway:
    """Calls of adapters in this process.

    A thread cannot be taken away from an adapter that does not give it back. But its route gets no second one
    here, nor does its kind once some of its routes hang, and `gateway.workers.places` puts another thread in
    the place that it keeps. One dead disk or server behind one route keeps no other from being served.

    Args:
        silence_s: so long a call may give no sign of life; longer than one request can last.
        longest_s: so long one may do with a connection of its own.
        clock: of seconds, never going back.
        memory: watches what kinds from outside take; None: nobody does.
    """

    def __init__(
        self,
        silence_s: float = 600.0,
        longest_s: float = 4 * 3600.0,
        clock: Callable[[], float] = time.monotonic,
        memory: Memory | None = None,
    ) -> None:
        self.memory = memory
        self._silence_s, self._longest_s, self._clock = silence_s, longest_s, clock
        self._calls: dict[int, Sign] = {}
        self._lock = Lock()

    @contextmanager
    def call(self, kind: str, office: str, from_outside: bool = False) -> Iterator[Sign]:
        """One call of a kind on an office's route, for the length of the block."""
        sign = Sign(kind, office, self._clock, self._clock(), self._silence_s, self._longest_s)
        if from_outside and self.memory is not None:
            sign.stretch = self.memory.stretch(kind)
        with self._lock:
            self._calls[id(sign)] = sign
        try:
            yield sign
        finally:
            with self._lock:
                del self._calls[id(sign)]

    def hanging(self) -> int:
        """How many calls hang."""
        return len(self._that_hang())

    def may_call(self, kind: str, office: str) -> bool:
        """Whether a kind may be called on an office's route: no call hangs there, nor several of the kind."""
        hanging = [one for one in self._that_hang() if one.kind == kind]
        return len(hanging) < _MOST and all(one.office != office for one in hanging)

    def _that_hang(self) -> list[Sign]:
        with self._lock:
            calls = list(self._calls.values())
        return [one for one in calls if one.hangs]
