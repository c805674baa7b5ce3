"""Transactions: the one place where they begin and end, and where the database's troubles become ours."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from gateway.domain.errors import Unavailable
from gateway.store.engine import ACCESS, READ, WRITE, readers_of, write_lock
from gateway.store.filelock import LockBroken, LockTimeout
from gateway.store.group_commit import CommitLost, GroupCommit, Joining
from gateway.store.leader import sole

BUSY = "database busy"
OUT = "database out of service"

_CALLERS_OWN = (IntegrityError, DataError, ProgrammingError, NotSupportedError)
"""Faults of the statement, not of the database: they pass."""

# https://www.postgresql.org/docs/15/errcodes-appendix.html
_BUSY_STATES = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "55P03",  # lock_not_available
        "57014",  # query_canceled: it took too long
        "53300",  # too_many_connections
    }
)
"""Whoever asks again soon is likely to be served."""
_NOT_OURS = frozenset(
    {
        "42P01",  # undefined_table
        "42703",  # undefined_column
        "42501",  # insufficient_privilege
        "0A000",  # feature_not_supported: a prepared plan from before a migration
    }
)
"""The tables are not as we know them: PostgreSQL calls that the statement's fault, SQLite the database's."""


class Store:
    """The database as services use it: `write` and `read`, each one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        lock = write_lock(engine)
        options = access_options(engine.dialect.name, WRITE)
        self._group = None if lock is None else GroupCommit(engine, lock, options)

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction that writes: committed at the block's end, undone when it raises.

        Nothing is tried twice, not even after a deadlock: what the block read may not be true any more,
        and whoever called has its own way of asking again. Rows stay readable after the commit.

        Raises:
            Unavailable: the database is busy, full, read-only, gone or broken; when this comes from the
                commit itself, the transaction may have been committed.
            IntegrityError: a constraint decided against it.
        """
        with (
            database_trouble(),
            self._part() as (connection, joining),
            Session(connection, expire_on_commit=False, join_transaction_mode=joining) as session,
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
            # ends with a commit: after a rollback psycopg has the server forget every prepared statement
            connection.begin(),
            _Reading(
                connection, expire_on_commit=False, autoflush=False, join_transaction_mode="rollback_only"
            ) as session,
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
    def sole(self, name: str) -> Iterator[bool]:
        """Be the only process on any machine that does what ``name`` stands for, for the length of the block.

        On SQLite there is one machine, and a lock on a file beside what is to be guarded serves better. A
        connection that is lost inside the block lets others in: what is done there must survive that.

        Yields:
            Whether it is so; False when somebody else is that now.

        Raises:
            Unavailable: the database is out of service.
        """
        if self.engine.dialect.name != "postgresql":
            yield True
            return
        with database_trouble(), sole(self.engine, name) as alone:
            yield alone

    @contextlib.contextmanager
    def _connect(self, access: str) -> Iterator[Connection]:
        engine = readers_of(self.engine) if access == READ else self.engine
        with engine.connect() as connection:
            if engine is self.engine:  # one that is for readers alone says so of each connection
                connection = connection.execution_options(**access_options(engine.dialect.name, access))
            yield connection

    @contextlib.contextmanager
    def _part(self) -> Iterator[tuple[Connection, Joining]]:
        """A transaction, or a part in one that is committed before this ends."""
        if self._group is not None:
            with self._group.part() as part:
                yield part
            return
        with self._connect(WRITE) as connection:
            yield connection, "control_fully"


class _Reading(Session):
    """A session in an open transaction, in which it takes no part before it is asked for mapped rows.

    Who hands statements to the connection (`gateway.store.plain`) needs no more of it.
    """

    def connection(self, *_: object, **__: object) -> Connection:
        """The connection that it was made for."""
        return cast("Connection", self.bind)

    def close(self) -> None:
        """End its part in the transaction, if it took any: else it has no rows to let go."""
        if self.in_transaction():
            super().close()


def access_options(dialect: str, access: str) -> dict[str, object]:
    """The execution options of a connection that is to read or to write.

    Writers on PostgreSQL do not queue: whoever checks before acting locks a row, leans on a unique index
    or takes a turn (`gateway.store.turns`), and then sees what was committed before that.
    """
    if dialect != "postgresql":
        return {ACCESS: access}
    if access == READ:
        return {ACCESS: access, "isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    # The isolation is said, and not left to the server's own default. None says neither READ ONLY nor READ
    # WRITE: a server that was made read-only is to stay that.
    return {ACCESS: access, "isolation_level": "READ COMMITTED", "postgresql_readonly": None}


@contextlib.contextmanager
def database_trouble() -> Iterator[None]:
    """Turn the database's own troubles into ours, the cause kept.

    Raises:
        Unavailable: lock, pool, connection, disk or file failed.
    """
    try:
        yield
    except (LockTimeout, PoolTimeout) as error:
        raise Unavailable(BUSY) from error
    except LockBroken as error:
        raise Unavailable(OUT) from error
    except CommitLost as lost:
        cause = lost.__cause__ or lost
        raise Unavailable(_judged(cause) or OUT) from cause
    except (sqlite3.Error, DBAPIError) as error:  # the driver's own where it is called past SQLAlchemy
        verdict = _judged(error)
        if verdict is None:
            raise
        raise Unavailable(verdict) from error


def _judged(error: BaseException) -> str | None:
    """What is the matter with the database; None for a fault of the statement alone."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None)
    if state in _BUSY_STATES:
        return BUSY
    if isinstance(error, _CALLERS_OWN) and state not in _NOT_OURS:
        return None
    return BUSY if state is None and ("locked" in str(cause) or "busy" in str(cause)) else OUT
