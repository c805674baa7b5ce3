"""One thread that calls back when a moment has come, for all who ask: a thread for each call costs more."""

from __future__ import annotations

import heapq
import os
import threading
import time
from collections.abc import Callable
from itertools import count


class Alarm:
    """Calls back at moments of the monotonic clock, in one daemon thread that the first call starts."""

    def __init__(self) -> None:
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._process = os.getpid()
        self._change = threading.Condition()
        self._due: list[tuple[float, int, Set]] = []
        self._number = count()
        self._running = False

    def set(self, seconds: float, call: Callable[[], None]) -> Set:
        """Have ``call`` called after so many seconds, unless it is cancelled; it must not block or raise."""
        if self._process != os.getpid():  # threads do not survive a fork
            self._begin_anew()
        entry = Set(call)
        moment = time.monotonic() + seconds
        with self._change:
            heapq.heappush(self._due, (moment, next(self._number), entry))
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="alarm", daemon=True).start()
            elif self._due[0][2] is entry:
                self._change.notify()
        return entry

    def _run(self) -> None:
        while True:
            self._next().ring()

    def _next(self) -> Set:
        """The next that is due, once it is."""
        with self._change:
            while True:
                while self._due and self._due[0][2].cancelled:
                    heapq.heappop(self._due)
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._change.wait(wait)


class Set:
    """An alarm that is set."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    @property
    def cancelled(self) -> bool:
        return self._call is None

    def cancel(self) -> None:
        """Let it not ring, unless it is doing so already; what it would have called is let go."""
        self._call = None

    def ring(self) -> None:
        """Call back."""
        call = self._call
        if call is not None:
            call()
