"""A few threads that serve others' systems, each one system at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from threading import Lock
from typing import Generic, Protocol, TypeVar

import structlog

_log = structlog.get_logger()


class Turn(Protocol):
    """One system in the hands of a thread."""

    @property
    def proven(self) -> bool:
        """It answered when it was last called."""


Held = TypeVar("Held", bound=Turn)


class Crew(Generic[Held]):
    """Serves while threads are free; who did not answer last time gets at most half of them.

    Args:
        claim: takes the turn that is due next, if there is one; told which turns are under way here, and
            whether only those count that are proven.
        serve: makes a turn; its trouble stays its own.
        name: of the threads, and of the crew in logs.
    """

    def __init__(
        self,
        claim: Callable[[Sequence[Held], bool], Held | None],
        serve: Callable[[Held], None],
        threads: int,
        name: str,
    ) -> None:
        self._claim, self._serve, self._name = claim, serve, name
        self._free, self._for_unproven = threads, max(1, threads // 2)
        self._held: list[Held] = []
        self._under_way: set[Future[None]] = set()
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    def run(self) -> int:
        """Give every free thread a turn that is due, and do not wait; how many began.

        Raises:
            Unavailable: the database is out for now.
        """
        begun = 0
        while self._free:
            with self._lock:
                held, only_proven = tuple(self._held), not self._for_unproven
            turn = self._claim(held, only_proven)
            if turn is None:
                break
            self._begin(turn)
            served = self._pool.submit(self._serve, turn)
            self._under_way.add(served)
            served.add_done_callback(partial(self._done, turn))
            begun += 1
        return begun

    def close(self, seconds: float | None = None) -> None:
        """Wait until the turns under way are over, at most so long; none begins any more."""
        self._pool.shutdown(wait=False)
        wait(tuple(self._under_way), seconds)

    def _begin(self, turn: Held) -> None:
        with self._lock:
            self._held.append(turn)
            self._free -= 1
            self._for_unproven -= not turn.proven

    def _done(self, turn: Held, end: Future[None]) -> None:
        self._under_way.discard(end)
        with self._lock:
            self._held = [one for one in self._held if one is not turn]
            self._free += 1
            self._for_unproven += not turn.proven
        error = end.exception()
        if error is not None:
            _log.error("a turn failed inside the hub", crew=self._name, exc_info=error)
