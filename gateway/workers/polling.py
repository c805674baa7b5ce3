"""A few threads that ask recipients' systems for news, each one system at a time."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock

import structlog

from gateway.exchange.transit.news_poll import Polling, Turn

_log = structlog.get_logger()


class Pollers:
    """Asks while threads are free; who did not answer last time gets at most half of them."""

    def __init__(self, polling: Polling, threads: int) -> None:
        self._polling = polling
        self._free, self._for_unproven = threads, max(1, threads // 2)
        self._busy: set[str] = set()
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="news")

    def run(self) -> int:
        """Give every free thread a system that is due, and do not wait; how many turns began.

        Raises:
            Unavailable: the database is out for now.
        """
        begun = 0
        while self._free:
            with self._lock:
                busy, only_proven = frozenset(self._busy), not self._for_unproven
            turn = self._polling.claim(busy, only_proven)
            if turn is None:
                break
            self._take(turn, 1)
            self._pool.submit(self._polling.serve, turn).add_done_callback(partial(self._done, turn))
            begun += 1
        return begun

    def close(self) -> None:
        """Wait until the turns under way are over; none begins any more."""
        self._pool.shutdown(wait=True)

    def _done(self, turn: Turn, end: Future[None]) -> None:
        self._take(turn, -1)
        error = end.exception()
        if error is not None:
            _log.error("asking a system failed inside the hub", exc_info=error)

    def _take(self, turn: Turn, places: int) -> None:
        with self._lock:
            self._free -= places
            self._for_unproven -= 0 if turn.proven else places
            if places > 0:
                self._busy.add(turn.office.id)
            else:
                self._busy.discard(turn.office.id)
