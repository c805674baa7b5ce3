"""A lock between threads and processes that is kept on a file and waits for a bounded time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue


class LockTimeout(Exception):
    """Somebody else held the lock for the whole wait."""


class LockBroken(Exception):
    """The lock's file cannot be opened or locked; the cause says why."""


class FileLock:
    """An exclusive `flock(2)` on one file; a dead holder's lock is free at once.

    Threads of one process queue on a gate in memory, the process that is through it on the file. The
    kernel wakes those who wait in `flock` in order, which polling would not, but it knows no time
    limit: a thread waits there, and the caller waits for that thread.
    """

    def __init__(self, path: Path, wait_s: float = 10.0) -> None:
        self.path = path
        self.wait_s = wait_s
        self._renew_gate()

    def _renew_gate(self) -> None:
        self._gate = threading.Lock()
        self._process = os.getpid()
        self._owner: int | None = None
        self._waiting: SimpleQueue[_Waiter | None] | None = None

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the lock for the length of the block.

        Raises:
            LockTimeout: it was not free within ``wait_s`` seconds.
            LockBroken: the file cannot be opened or locked.
            RuntimeError: the calling thread holds it already.
        """
        held = self.acquire(self.wait_s)
        try:
            yield
        finally:
            held.release()

    def acquire(self, wait_s: float) -> Held:
        """Take the lock within ``wait_s`` seconds (0: now or not at all); the caller releases it.

        Raises:
            LockTimeout: it was not free within that time.
            LockBroken: the file cannot be opened or locked.
            RuntimeError: the calling thread holds it already.
        """
        if self._process != os.getpid():  # a fork copies the gate in whatever state it was
            self._renew_gate()
        if self._owner == threading.get_ident():
            raise RuntimeError(f"{self.path.name} is held by this thread already")
        deadline = time.monotonic() + wait_s
        gate = self._gate
        if not gate.acquire(timeout=wait_s):
            raise LockTimeout(self.path.name)
        held = Held(self, gate, self._locked(deadline, gate))
        self._owner = threading.get_ident()
        return held

    def _locked(self, deadline: float, gate: threading.Lock) -> int:
        """The descriptor of the locked file; the gate is open again, at once or later, when this raises."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            gate.release()
            raise LockBroken(self.path.name) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiter = _Waiter(self.path.name, descriptor, gate)
            return waiter.wait(deadline - time.monotonic(), self._wait_elsewhere)
        except OSError as error:
            _unlock(descriptor, gate)
            raise LockBroken(self.path.name) from error
        return descriptor

    def _wait_elsewhere(self, waiter: _Waiter) -> None:
        """Let the thread that waits in `flock` wait for this one; it is begun when it is needed first.

        Whoever asks holds the gate, and so does one who gave up: there is never more than one.
        """
        if self._waiting is None:
            asked: SimpleQueue[_Waiter | None] = SimpleQueue()
            name = f"lock {self.path.name}"
            threading.Thread(target=_wait_for_each, args=(asked,), name=name, daemon=True).start()
            weakref.finalize(self, asked.put, None)
            self._waiting = asked
        self._waiting.put(waiter)

    def _forget_owner(self) -> None:
        self._owner = None


class Held:
    """A lock that is held, until `release`."""

    def __init__(self, lock: FileLock, gate: threading.Lock, descriptor: int) -> None:
        self._lock = lock
        self._gate = gate
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let the next one in; a second call does nothing."""
        if self._descriptor is None:
            return
        self._lock._forget_owner()
        _unlock(self._descriptor, self._gate)
        self._descriptor = None


def _unlock(descriptor: int, gate: threading.Lock) -> None:
    # Unlocked by word, not only by closing: a child of a fork may share the open file.
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)
    gate.release()


class _Waiter:
    """Waits in `flock` on behalf of a caller that may give up first.

    Given up, it goes on holding the gate until the lock comes.
    """

    def __init__(self, name: str, descriptor: int, gate: threading.Lock) -> None:
        self._name = name
        self._descriptor = descriptor
        self._gate = gate
        self._decision = threading.Lock()
        self._arrived = threading.Event()
        self._abandoned = False
        self._failure: OSError | None = None

    def wait(self, seconds: float, begin: Callable[[_Waiter], None]) -> int:
        """The locked descriptor.

        Args:
            begin: has another thread call `run`.

        Raises:
            LockTimeout: it did not come within ``seconds``.
            LockBroken: it cannot be locked.
        """
        if seconds <= 0:
            _unlock(self._descriptor, self._gate)
            raise LockTimeout(self._name)
        try:
            begin(self)
        except RuntimeError as error:  # no thread can be had
            _unlock(self._descriptor, self._gate)
            raise LockBroken(self._name) from error
        try:
            self._arrived.wait(seconds)
        finally:
            with self._decision:
                self._abandoned = not self._arrived.is_set()
        if self._abandoned:
            raise LockTimeout(self._name)
        if self._failure is not None:
            raise LockBroken(self._name) from self._failure
        return self._descriptor

    def run(self) -> None:
        """Wait in `flock`, as long as it takes."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except OSError as error:
            self._failure = error
        with self._decision:
            self._arrived.set()
            abandoned = self._abandoned
        if abandoned or self._failure is not None:
            _unlock(self._descriptor, self._gate)


def _wait_for_each(asked: SimpleQueue[_Waiter | None]) -> None:
    while (waiter := asked.get()) is not None:
        waiter.run()
