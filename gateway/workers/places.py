"""A fixed number of places in which letters are worked on, filled as soon as one is free and one is due."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Condition, Event, Thread

import structlog

from gateway.exchange.transit.dispatch import Dispatch
from gateway.exchange.transit.letters import Case
from gateway.workers.contained import contained

_PAUSE_S = 0.05
"""Beside letters under way, the next claim waits as long as the last one took, and no longer than this."""
_AHEAD_S = 1.0
"""So long a letter that was claimed for the next round waits for a place here, and no longer."""

_log = structlog.get_logger()


class Places:
    """Claims for its free places when a letter ended, when somebody says so, and every so many seconds.

    One thread claims for all places. It claims for the next round too, as many again as there are places, so
    that a claim is made once for several letters; what does not get its place soon goes back to all workers.
    After the block nothing is claimed any more, and what was begun is finished.
    """

    def __init__(self, dispatch: Dispatch, count: int, look_seconds: float) -> None:
        self._dispatch = dispatch
        self._look_seconds = look_seconds
        self._news, self._ended = Event(), Event()
        self._change = Condition()
        self._count, self._held, self._lost = count, 0, 0
        self._ahead: dict[str, tuple[Future[None], float]] = {}
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="delivery")
        self._thread = Thread(target=self._run, name="claiming", daemon=True)

    def __enter__(self) -> Places:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._news.set()
        self._thread.join()
        self._pool.shutdown(wait=False)
        with self._change:  # what was begun is finished, but for what will never be
            while self._held > self._dispatch.underway.hanging():
                self._change.wait(1.0)

    def wake(self) -> None:
        """Look for due letters now."""
        self._news.set()

    def wait_for_one(self, seconds: float) -> bool:
        """Wait until a place is free, at most so long; whether one is."""
        with self._change:
            free: bool = self._change.wait_for(
                lambda: self._taken < self._count or self._ended.is_set(), seconds
            )
            return free

    @property
    def _taken(self) -> int:
        """Places that work; those that an adapter does not give back are replaced."""
        return self._held - self._lost

    def _run(self) -> None:
        fill, back = contained(self._fill), contained(self._give_back_late)
        while not self._ended.is_set():
            # told before looking: news that comes while it looks makes it look again
            self._news.clear()
            self._replace_lost()
            began = time.monotonic()
            fill()
            if self._held:  # whoever comes meanwhile is claimed with others: it costs little more than one
                self._ended.wait(min(_PAUSE_S, time.monotonic() - began))
            self._news.wait(min(self._look_seconds, _AHEAD_S) if self._ahead else self._look_seconds)
            back()

    def _fill(self) -> None:
        while not self._ended.is_set():
            held = self._taken
            if held >= self._count:
                return
            wanted = 2 * self._count - held
            claimed = self._dispatch.claim(wanted)
            for delivery, case in claimed:
                self._take(delivery, case)
            if len(claimed) < wanted:
                return

    def _take(self, delivery: str, case: Case | None) -> None:
        with self._change:
            self._held += 1
        future = self._pool.submit(self._begin, delivery, case)
        self._ahead[delivery] = future, time.monotonic()
        future.add_done_callback(partial(self._done, delivery))

    def _begin(self, delivery: str, case: Case | None) -> None:
        self._ahead.pop(delivery, None)
        self._dispatch.work(delivery, case)

    def _replace_lost(self) -> None:
        """Put threads in the place of those that adapters keep; each kind gets so far but once."""
        lost = self._dispatch.underway.hanging()
        if lost > self._lost:
            _log.error("adapters do not come back, their places are replaced", places=lost)
            before, self._pool = self._pool, ThreadPoolExecutor(self._count, thread_name_prefix="delivery")
            before.shutdown(wait=False)  # what it has begun goes on in it
        self._lost = lost

    def _give_back_late(self) -> None:
        """Leave to other workers what got no place here in time."""
        late = time.monotonic() - _AHEAD_S
        for delivery, (future, since) in list(self._ahead.items()):
            if since > late:
                continue
            self._ahead.pop(delivery, None)
            if future.cancel():
                self._dispatch.give_back(delivery)
                self._dispatch.claims.leases.release(delivery)

    def _done(self, delivery: str, future: Future[None]) -> None:
        if not future.cancelled():
            self._dispatch.claims.leases.release(delivery)
        with self._change:
            self._held -= 1
            self._change.notify_all()
        self._news.set()
        error = None if future.cancelled() else future.exception()
        if error is not None:
            _log.error("delivery failed inside the hub", exc_info=error)
