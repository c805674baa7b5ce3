"""A fixed number of places in which letters are worked on, filled as soon as one is free and one is due."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Condition, Event, Thread

import structlog

from gateway.exchange.transit.dispatch import Dispatch
from gateway.workers.contained import contained

_TOGETHER_S = 0.01
"""So long a busy worker waits for more places to become free, so that one claim fills several."""

_log = structlog.get_logger()


class Places:
    """Claims for its free places when a letter ended, when somebody says so, and every so many seconds.

    One thread claims for all places: letters that become free while it asks the database share the next
    claim. After the block nothing is claimed any more, and what was begun is finished.
    """

    def __init__(self, dispatch: Dispatch, count: int, look_seconds: float) -> None:
        self._dispatch = dispatch
        self._look_seconds = look_seconds
        self._news, self._ended = Event(), Event()
        self._change = Condition()
        self._count = self._free = count
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="delivery")
        self._thread = Thread(target=self._run, name="claiming", daemon=True)

    def __enter__(self) -> Places:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._news.set()
        self._thread.join()
        self._pool.shutdown(wait=True)

    def wake(self) -> None:
        """Look for due letters now."""
        self._news.set()

    def wait_for_one(self, seconds: float) -> bool:
        """Wait until a place is free, at most so long; whether one is."""
        with self._change:
            return self._change.wait_for(lambda: self._free > 0 or self._ended.is_set(), seconds)

    def _run(self) -> None:
        fill = contained(self._fill)
        while not self._ended.is_set():
            # told before looking: news that comes while it looks makes it look again
            self._news.clear()
            fill()
            if self._news.wait(self._look_seconds) and self._free < self._count:
                self._ended.wait(_TOGETHER_S)

    def _fill(self) -> None:
        while not self._ended.is_set():
            free = self._free
            claimed = self._dispatch.claims.claim(free) if free else []
            for delivery in claimed:
                self._take(delivery)
            if len(claimed) < free or not free:
                return

    def _take(self, delivery: str) -> None:
        with self._change:
            self._free -= 1
        done = partial(self._done, delivery)
        self._pool.submit(self._dispatch.work, delivery).add_done_callback(done)

    def _done(self, delivery: str, future: Future[None]) -> None:
        self._dispatch.claims.leases.release(delivery)
        with self._change:
            self._free += 1
            self._change.notify_all()
        self._news.set()
        error = future.exception()
        if error is not None:
            _log.error("delivery failed inside the hub", exc_info=error)
