"""The wish that a process ends, which a signal handler may express at any moment."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from queue import Empty, SimpleQueue

_LOOK_S = 0.5


class Stop:
    """Said once, by whoever; waited for by one thread.

    `threading.Event` takes a lock to be set. A signal handler runs in the main thread, perhaps while that
    thread begins to wait and holds the lock: it would wait for itself, for ever. `SimpleQueue.put` may be
    called there. A signal that comes just before the wait does not interrupt it, so it looks up now and then.
    https://docs.python.org/3/library/queue.html#queue.SimpleQueue.put
    """

    def __init__(self) -> None:
        self._said: SimpleQueue[None] = SimpleQueue()
        self._is_set = False

    def set(self, *_: object) -> None:
        """Let whoever waits go on; a handler of signals as it is."""
        self._is_set = True
        self._said.put(None)

    def is_set(self) -> bool:
        """Whether the wish was expressed."""
        return self._is_set

    def wait(self, seconds: float = math.inf) -> bool:
        """Wait for it, at most so many seconds; whether it was expressed."""
        end = time.monotonic() + seconds
        while not self._is_set and (left := end - time.monotonic()) > 0:
            with suppress(Empty):
                self._said.get(timeout=min(left, _LOOK_S))
        return self._is_set
