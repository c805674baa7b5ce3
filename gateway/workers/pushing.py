"""A few threads that tell parties' feeds, each to one receiver at a time."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Generic

import structlog

from gateway.exchange.transit.push import Push, Turn
from gateway.store.transit.push_queries import Row

_log = structlog.get_logger()


class Pushers(Generic[Row]):
    """Serves receivers while threads are free; who did not answer last time gets at most half of them."""

    def __init__(self, push: Push[Row], threads: int) -> None:
        self._push: Push[Row] = push
        self._free, self._for_unproven = threads, max(1, threads // 2)
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="push")

    def run(self) -> int:
        """Give every free thread a receiver that is due, and do not wait; how many turns began.

        Raises:
            Unavailable: the database is out for now.
        """
        begun = 0
        while self._free and (turn := self._push.claim(only_proven=not self._for_unproven)):
            self._take(turn, 1)
            self._pool.submit(self._push.serve, turn).add_done_callback(partial(self._done, turn))
            begun += 1
        return begun

    def close(self) -> None:
        """Wait until the turns under way are over; none begins any more."""
        self._pool.shutdown(wait=True)

    def _done(self, turn: Turn, end: Future[None]) -> None:
        self._take(turn, -1)
        error = end.exception()
        if error is not None:
            _log.error("telling a receiver failed inside the hub", exc_info=error)

    def _take(self, turn: Turn, places: int) -> None:
        with self._lock:
            self._free -= places
            self._for_unproven -= 0 if turn.proven else places
