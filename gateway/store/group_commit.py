"""Group commit: writers of one process that wait for each other share a transaction, and one flush to disk.

On SQLite one writer writes at a time, and each commit waits for the disk: letters would be taken and handed
over no faster than the disk turns. Here whoever waits while another writes goes on in the same transaction;
nobody returns before it is committed, and whoever fails undoes its own part alone.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, Engine

from gateway.store.filelock import FileLock, Held, LockTimeout

_MOST = 16
_LONGEST_S = 0.05
"""So long a transaction takes in more: those of other processes wait as well."""

Joining = Literal["control_fully", "rollback_only", "create_savepoint"]
"""How a session takes part in the transaction (SQLAlchemy's ``join_transaction_mode``)."""


class CommitLost(Exception):
    """The shared transaction broke or could not be committed; the cause says why."""


class _Waiter:
    """A thread in the queue, woken when it is its turn."""

    def __init__(self) -> None:
        self.called = threading.Event()


@dataclass
class _Group:
    """One transaction, and those whose parts it holds.

    Attributes:
        parts: how many blocks ended well in it.
        failure: why it was not committed.
    """

    connection: Connection
    held: Held
    since: float
    parts: int = 0
    failure: BaseException | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def intact(self) -> bool:
        """Whether its transaction is still open: SQLite ends it by itself after some troubles."""
        if self.connection.invalidated or not self.connection.in_transaction():
            return False
        driver: Any = self.connection.connection.driver_connection
        return bool(driver.in_transaction)


class GroupCommit:
    """The turn to write of one process; a group of its writers takes the lock of all processes once."""

    def __init__(self, engine: Engine, lock: FileLock, options: dict[str, object]) -> None:
        self._engine, self._lock, self._options = engine, lock, options
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._process = os.getpid()
        self._mutex = threading.Lock()
        self._queue: deque[_Waiter] = deque()
        self._busy = False
        self._writer: int | None = None
        self._group: _Group | None = None

    @contextlib.contextmanager
    def part(self) -> Iterator[tuple[Connection, Joining]]:
        """A part in a transaction, for the length of the block; on return it is committed.

        Raises:
            LockTimeout: the turn did not come in time.
            LockBroken: the lock's file cannot be opened or locked.
            CommitLost: this part was good, and is not kept.
            RuntimeError: the calling thread is writing already.
        """
        deadline = time.monotonic() + self._lock.wait_s
        self._enter()
        try:
            group = self._group = self._group or self._opened(deadline)
        except BaseException:
            self._leave()
            raise
        try:
            yield group.connection, "create_savepoint" if group.parts else "rollback_only"
        except BaseException as error:
            self._go_on(group, None if group.intact and group.parts else error)
            # it may have failed by what an earlier part wrote: that must be there when the caller looks
            group.ended.wait()
            raise
        group.parts += 1
        self._go_on(group)
        group.ended.wait()
        if group.failure is not None:
            raise CommitLost from group.failure

    # the turn

    def _enter(self) -> None:
        if self._process != os.getpid():  # a fork copies the queue in whatever state it was
            self._begin_anew()
        if self._writer == threading.get_ident():
            raise RuntimeError(f"{self._lock.path.name} is held by this thread already")
        waiter = _Waiter()
        with self._mutex:
            if not self._busy:
                self._busy = True
                waiter.called.set()
            else:
                self._queue.append(waiter)
        try:
            called = waiter.called.wait(self._lock.wait_s)
        except BaseException:  # told to stop: whoever stands behind must not wait for this one
            if not self._out_of_line(waiter):
                self._leave()
            raise
        if not called and self._out_of_line(waiter):
            raise LockTimeout(self._lock.path.name)
        self._writer = threading.get_ident()

    def _out_of_line(self, waiter: _Waiter) -> bool:
        """Leave the queue; False for one that was called in this moment and has the turn."""
        with self._mutex:
            if waiter.called.is_set():
                return False
            self._queue.remove(waiter)
            return True

    def _leave(self) -> None:
        """Give the turn back, to the next one in the queue if there is one."""
        with self._mutex:
            if not self._call_next():
                self._writer, self._busy = None, False

    def _hand_on(self) -> bool:
        """Give the turn to the next one in the queue; False, and nothing was done, if there is none."""
        with self._mutex:
            return self._call_next()

    def _call_next(self) -> bool:
        """With the mutex held: whoever gives up meanwhile cannot be the one that is called."""
        if not self._queue:
            return False
        self._writer = None
        self._queue.popleft().called.set()
        return True

    # the transaction

    def _opened(self, deadline: float) -> _Group:
        # The connection comes first: waiting for one must not keep other processes' writers waiting.
        connection = self._engine.connect()
        try:
            connection = connection.execution_options(**self._options)
            held = self._lock.acquire(max(0.0, deadline - time.monotonic()))
        except BaseException:
            connection.close()
            raise
        try:
            connection.begin()
        except BaseException:
            held.release()
            connection.close()
            raise
        return _Group(connection, held, time.monotonic())

    def _go_on(self, group: _Group, broken: BaseException | None = None) -> None:
        """Let the next one write in the same transaction, or end it."""
        if broken is None and _takes_more(group) and self._hand_on():
            return
        self._group = None
        try:
            self._end(group, broken)
        finally:
            group.ended.set()
            self._leave()

    def _end(self, group: _Group, broken: BaseException | None) -> None:
        transaction = group.connection.get_transaction()
        group.failure = broken
        try:
            if broken is None and transaction is not None:
                transaction.commit()
        except BaseException as error:  # noqa: BLE001 - told to everybody whose part it held
            group.failure = error
            # nobody knows in what state it is: closed for good, and what was not committed undone with it
            group.connection.invalidate()
        finally:
            group.held.release()
            group.connection.close()


def _takes_more(group: _Group) -> bool:
    return group.parts < _MOST and time.monotonic() - group.since < _LONGEST_S
