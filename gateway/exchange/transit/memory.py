"""What kinds from outside take of this process's memory is watched: who takes too much is stopped."""

from __future__ import annotations

import ctypes
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

TOO_MUCH = "WASL-DLV-110"

MIB = 1024 * 1024
LOOK_S = 0.02
"""Between two looks at the memory of the process: a call may take some gigabytes in a second."""
_ROOM = 64 * MIB
"""So much more than at the start is never too much: a process that is large from there works all the same."""
_AGAIN_S = 1.0
_LASTS_S = 5.0
"""So long a process must stay full: what one call took and gave back is no leak."""

_log = structlog.get_logger()


class TookTooMuch(BaseException):
    """Raised inside the call of a kind by whoever watches; no ``except Exception`` keeps it."""


OUT_OF_MEMORY = (MemoryError, TookTooMuch)


@dataclass
class Left:
    """What calls of a kind left behind, about: others worked at the same time. In octets."""

    octets: int = 0
    calls: int = 0


def resident() -> int:
    """Octets of memory that this process has now; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


class Memory:
    """Looks at the memory of this process while kinds from outside are called.

    A kind shares its process with all others, so one that takes without end is stopped in its own thread,
    long before everybody's allocations fail. What leaks slowly cannot be given back: a process that is full
    is to begin anew.

    Args:
        stop_at: octets beyond which the call that took most is stopped; 0: never.
        full_at: octets that the process has for some seconds when it is full; 0: never.
        size: octets that it has now.
    """

    def __init__(
        self,
        stop_at: int = 0,
        full_at: int = 0,
        size: Callable[[], int] = resident,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._size, self._clock = size, clock
        least = size() + _ROOM
        self._stop_at, self._full_at = max(stop_at, least) if stop_at else 0, max(full_at, least)
        self._may_fill = bool(full_at)
        self._full_since: float | None = None
        self._calls: set[Stretch] = set()
        self._lock = threading.Lock()
        self.left: dict[str, Left] = {}
        self.is_full, self.size_when_full = False, 0

    def stretch(self, kind: str) -> Stretch:
        """One call of a kind from outside, for the length of a block in the thread that makes it."""
        return Stretch(self, kind)

    def look(self) -> bool:
        """Stop who takes too much; whether the process has just become full."""
        size, now = self._size(), self._clock()
        if self._stop_at and size > self._stop_at:
            self._stop(size, now)
        if not self._may_fill or size <= self._full_at:
            self._full_since = None
            return False
        self._full_since = now if self._full_since is None else self._full_since
        if self.is_full or now - self._full_since < _LASTS_S:
            return False
        self.is_full = True
        self.size_when_full = size
        _log.error("worker is full, it begins anew", mib=size // MIB, left_behind=self.tell_left())
        return True

    def tell_left(self) -> str:
        """What kinds from outside left behind, in words, the most first."""
        most_first = sorted(self.left.items(), key=lambda pair: -pair[1].octets)
        return ", ".join(f"{kind} {one.octets // MIB} MiB in {one.calls} calls" for kind, one in most_first)

    def _stop(self, size: int, now: float) -> None:
        """Stop the calls since whose beginning most was taken; several alike cannot be told apart.

        Whoever waits for an answer takes nothing.
        """
        with self._lock:
            at_work = [one for one in self._calls if not one.in_hub]
            most = max((size - one.before for one in at_work), default=0)
            for one in at_work:
                if 2 * (size - one.before) >= most > 0 and now - one.stopped >= _AGAIN_S:
                    one.stopped, one.is_stopped = now, True
                    _raise_in(one.thread)

    def begin(self, one: Stretch) -> None:
        """A call begins."""
        one.thread, one.before = threading.get_ident(), self._size()
        with self._lock:
            self._calls.add(one)

    def end(self, one: Stretch) -> None:
        """A call is over: nothing is raised in its thread any more."""
        with self._lock:
            was = one in self._calls
            self._calls.discard(one)
        if one.is_stopped:
            _take_what_waits()
        if was:
            left = self.left.setdefault(one.kind, Left())
            left.octets, left.calls = left.octets + self._size() - one.before, left.calls + 1

    def enter_hub(self, one: Stretch) -> None:
        """Raises:
        TookTooMuch: the call is to end here already.
        """
        with self._lock:
            stopped = one.is_stopped
            one.in_hub = not stopped
        if stopped:
            _take_what_waits()
            raise TookTooMuch

    def leave_hub(self, one: Stretch) -> None:
        """The kind's own code goes on."""
        with self._lock:
            one.in_hub = False


class Stretch:
    """One call of a kind; ``before``: octets of the process when it began."""

    def __init__(self, memory: Memory, kind: str) -> None:
        self._memory, self.kind = memory, kind
        self.thread, self.before, self.stopped = 0, 0, float("-inf")
        self.is_stopped = self.in_hub = False

    def __enter__(self) -> Stretch:
        self._memory.begin(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End it, also where it is stopped in this very moment."""
        while True:
            try:
                self._memory.end(self)
            except TookTooMuch:
                continue
            return

    @contextmanager
    def hub(self) -> Iterator[None]:
        """The hub's own part of the call, which is never stopped in its midst: it may be writing."""
        self._memory.enter_hub(self)
        try:
            yield
        finally:
            self._memory.leave_hub(self)


def let_go(error: BaseException) -> None:
    """Give back what the calls had that an exception ended: it keeps their variables as long as it lives."""
    traceback.clear_frames(error.__traceback__)


def _raise_in(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TookTooMuch))


def _take_what_waits() -> None:
    """Let it be raised here and now, if it still waits to be raised in this thread.

    It cannot be withdrawn: Python 3.11 would go on looking for it at each step, for ever, and what is
    traced would not get past its next function.
    """
    try:
        _raise_in(threading.get_ident())
        while True:
            time.sleep(0)
    except TookTooMuch:
        return
