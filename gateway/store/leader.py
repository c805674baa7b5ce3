"""Who leads: one process of all runs the jobs that must not run twice at once, as long as it leads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.domain.errors import Unavailable
from gateway.store.filelock import FileLock, Held, LockBroken, LockTimeout
from gateway.store.turns import advisory_key

_TRY = text("SELECT pg_try_advisory_lock(:key)")
_LET_GO = text("SELECT pg_advisory_unlock(:key)")


class Lead(Protocol):
    """A lead among processes; whoever has it keeps it until it resigns, dies or loses its connection."""

    def leads(self) -> bool:
        """Whether this process leads now; it takes the lead if nobody has it.

        Raises:
            Unavailable: that cannot be found out now, so it must not be assumed.
        """

    def resign(self) -> None:
        """Let somebody else lead; a second call does nothing."""


def make_lead(engine: Engine, name: str, folder: Path) -> Lead:
    """The lead ``name`` among the processes that share a database.

    Args:
        folder: for the lock file, where the database is a file of one machine.
    """
    if engine.dialect.name == "postgresql":
        return DatabaseLead(engine, name)
    return FileLead(FileLock(folder / f"{name}.lock"))


class FileLead:
    """A lead that is a lock on a file."""

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock
        self._guard = threading.Lock()
        self._held: Held | None = None

    def leads(self) -> bool:
        with self._guard:
            if self._held is None:
                with contextlib.suppress(LockTimeout):
                    self._held = self._acquired()
            return self._held is not None

    def _acquired(self) -> Held:
        try:
            return self._lock.acquire(0)
        except LockBroken as error:
            raise Unavailable("the lead cannot be locked") from error

    def resign(self) -> None:
        with self._guard:
            if self._held is not None:
                self._held.release()
                self._held = None


class DatabaseLead:
    """A lead that is an advisory lock of PostgreSQL, on a connection of its own.

    The server frees the lock when that connection ends, however it does. The lock is asked for anew
    each time: who has it gets it again, and a connection that is gone cannot answer.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._key = advisory_key("lead", name)
        self._guard = threading.Lock()
        self._connection: Connection | None = None

    def leads(self) -> bool:
        with self._guard:
            if self._connection is not None:
                try:
                    return self._ask(self._connection)
                except DBAPIError:
                    self._let_go()  # somebody else may lead by now; a new connection will tell
            try:
                return self._begin()
            except (DBAPIError, PoolTimeout) as error:
                raise Unavailable("who leads cannot be asked of the database") from error

    def resign(self) -> None:
        with self._guard:
            self._let_go()

    def _begin(self) -> bool:
        connection = self._engine.connect()
        try:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()  # it ends when it is closed, and is no other caller's afterwards
            leads = self._ask(connection)
        except BaseException:
            connection.close()
            raise
        if leads:
            self._connection = connection
        else:
            connection.close()
        return leads

    def _ask(self, connection: Connection) -> bool:
        return bool(connection.execute(_TRY, {"key": self._key}).scalar_one())

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(DBAPIError):
                connection.close()


@contextlib.contextmanager
def sole(engine: Engine, name: str) -> Iterator[bool]:
    """Hold an advisory lock of PostgreSQL for the length of the block; whether it was free.

    Raises:
        DBAPIError: the server cannot be asked, or was lost meanwhile.
    """
    key = {"key": advisory_key("sole", name)}
    with engine.connect() as pooled:
        connection = pooled.execution_options(isolation_level="AUTOCOMMIT")
        if not connection.execute(_TRY, key).scalar_one():
            yield False
            return
        try:
            yield True
        finally:
            _unlock(connection, key)


def _unlock(connection: Connection, key: dict[str, int]) -> None:
    try:
        connection.execute(_LET_GO, key)
    except DBAPIError:
        connection.invalidate()  # nobody gets it from the pool with the lock still on it
        raise
