"""Transactions: the one place where they begin and end, and where the database's troubles become ours."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from gateway.domain.errors import Unavailable
from gateway.store.engine import ACCESS, READ, WRITE, write_lock
from gateway.store.filelock import LockBroken, LockTimeout

_CALLERS_OWN = (IntegrityError, DataError, ProgrammingError, NotSupportedError)
"""Faults of the statement, not of the database: they pass."""


class Store:
    """The database as services use it: `write` and `read`, each one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction that writes: committed at the block's end, undone when it raises.

        Nothing is tried twice. Rows stay readable after the commit.

        Raises:
            Unavailable: the database is busy, full, read-only, gone or broken; when this comes from the
                commit itself, the transaction may have been committed.
            IntegrityError: a constraint decided against it.
        """
        # The connection comes first: waiting for one must not keep other writers waiting.
        with (
            database_trouble(),
            self._connect(WRITE) as connection,
            self._turn(),
            Session(connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextlib.contextmanager
    def read(self) -> Iterator[Session]:
        """One transaction that sees one state of the database and cannot change it.

        Raises:
            Unavailable: the database cannot be read, or something tried to write.
        """
        with (
            database_trouble(),
            self._connect(READ) as connection,
            Session(connection, expire_on_commit=False, autoflush=False) as session,
        ):
            yield session

    def checkpoint(self) -> bool:
        """Move SQLite's log into the database, so that what was deleted is gone from the log too.

        Writers wait meanwhile, at most as long as they wait for each other.

        Returns:
            Whether all of it could be moved; False while somebody still reads an older state.

        Raises:
            Unavailable: the database is out of service.
        """
        if self.engine.dialect.name != "sqlite":
            return True
        with database_trouble(), self.engine.connect() as connection:
            # Past SQLAlchemy, which would open the transaction that must not be open here.
            cursor = connection.connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = cursor.fetchall()[0][0]
        return not busy

    @contextlib.contextmanager
    def _connect(self, access: str) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            yield connection.execution_options(**access_options(self.engine.dialect.name, access))

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        lock = write_lock(self.engine)
        with lock.hold() if lock is not None else contextlib.nullcontext():
            yield


def access_options(dialect: str, access: str) -> dict[str, object]:
    """The execution options of a connection that is to read or to write."""
    if dialect == "postgresql" and access == READ:
        return {ACCESS: access, "isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return {ACCESS: access}


@contextlib.contextmanager
def database_trouble() -> Iterator[None]:
    """Turn the database's own troubles into ours, the cause kept.

    Raises:
        Unavailable: lock, pool, connection, disk or file failed.
    """
    try:
        yield
    except (LockTimeout, PoolTimeout) as error:
        raise Unavailable("database busy") from error
    except LockBroken as error:
        raise Unavailable("database out of service") from error
    except _CALLERS_OWN:
        raise
    except (sqlite3.Error, DBAPIError) as error:  # the driver's own where it is called past SQLAlchemy
        said = str(error.orig if isinstance(error, DBAPIError) else error)
        busy = "locked" in said or "busy" in said
        raise Unavailable("database busy" if busy else "database out of service") from error
