"""Engines: SQLite tuned so that a commit survives a power cut, PostgreSQL so that nobody waits for ever."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError

from gateway.store.filelock import FileLock

ACCESS = "wasl_access"
"""Execution option of a connection: READ, WRITE, or absent for maintenance work."""
READ = "read"
WRITE = "write"
WRITE_LOCK = "wasl_write_lock"
"""Execution option of the engine: the lock on which its writers queue, or None."""

_READERS = "wasl_readers"
_BEGIN = {READ: "BEGIN", WRITE: "BEGIN IMMEDIATE"}
_RESTS_SINCE = "wasl_rests_since"
_RESTED_S = 1.0
_WAL_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True)
class Patience:
    """How long one statement, and one transaction that does nothing, may last on a server; in seconds.

    SQLite has no use for it: its statements run in the caller's own thread.
    """

    statement_s: float = 60.0
    idle_s: float = 60.0


_USUAL = Patience()


def make_engine(
    url: str | URL,
    lock_path: Path | None,
    *,
    busy_s: float = 10.0,
    pool_size: int = 10,
    patience: Patience = _USUAL,
) -> Engine:
    """An engine for the URL; nothing is opened before its first connection.

    Args:
        url: of SQLAlchemy, ``sqlite:////path`` or ``postgresql+psycopg://…``.
        lock_path: file on which SQLite's writers queue, beside the database; None where the database
            does that itself.
        busy_s: the longest wait for lock, database or a free connection, in seconds.
        pool_size: connections kept per process; as many again are opened for as long as they are needed.

    Raises:
        ModuleNotFoundError: the driver for this database is not installed.
    """
    address = make_url(url)
    lock = None if lock_path is None else FileLock(lock_path, busy_s)
    options: dict[str, Any] = {"execution_options": {WRITE_LOCK: lock}}
    if address.get_backend_name() == "postgresql":
        # the one used last is given first: it has the most statements prepared
        options |= {"connect_args": _server_bounds(address, busy_s, patience), "pool_use_lifo": True}
    if address.get_backend_name() != "sqlite" or address.database not in (None, "", ":memory:"):
        # the pool of a database in memory takes no sizes
        options |= {"pool_size": pool_size, "max_overflow": pool_size, "pool_timeout": busy_s}
    if address.get_backend_name() == "sqlite":
        return _sqlite(address, options, lock, busy_s)
    engine = create_engine(address, **options)
    _ping_after_rest(engine)
    return engine


def _sqlite(address: URL, options: dict[str, Any], lock: FileLock | None, busy_s: float) -> Engine:
    """An engine that writes, with another for its readers unless the database lives in one connection.

    A connection is one or the other for good: to change its mind is a pragma after which SQLite compiles
    every statement anew.
    """
    if "pool_size" in options:
        given = options["execution_options"]
        readers = create_engine(address, **options | {"execution_options": {**given, ACCESS: READ}})
        _tune_sqlite(readers, lock, busy_s)
        _query_only(readers)
        engine = create_engine(address, **options | {"execution_options": {**given, _READERS: readers}})
        event.listen(engine, "engine_disposed", lambda _: readers.dispose())
    else:
        engine = create_engine(address, **options)
    _tune_sqlite(engine, lock, busy_s)
    return engine


def readers_of(engine: Engine) -> Engine:
    """The engine for those who only read: the same one but on SQLite."""
    readers: Engine = engine.get_execution_options().get(_READERS, engine)
    return readers


def _query_only(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def forbid(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA query_only=ON")


def _ping_after_rest(engine: Engine) -> None:
    """Ask a connection that rested whether it lives; one that was used just now is believed to.

    One that died meanwhile fails its caller once, and takes all others out of the pool with it.
    """

    @event.listens_for(engine, "checkin")
    def rest(_connection: Any, record: Any) -> None:
        record.info[_RESTS_SINCE] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get(_RESTS_SINCE, math.inf) < _RESTED_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error


def _server_bounds(address: URL, busy_s: float, patience: Patience) -> dict[str, Any]:
    """What every connection to PostgreSQL asks for; what the address says itself wins.

    https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-PARAMKEYWORDS
    """
    wait = math.ceil(busy_s)
    bounds: dict[str, Any] = {
        "application_name": "wasl",
        # two seconds are the least that libpq takes
        "connect_timeout": max(2, wait),
        # a server that vanished without a word is noticed by the network, not by its silence alone
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": max(2, wait) * 1000,
    }
    bounds = {name: value for name, value in bounds.items() if name not in address.query}
    milliseconds = {
        "lock_timeout": busy_s,
        "statement_timeout": patience.statement_s,
        "idle_in_transaction_session_timeout": patience.idle_s,
    }
    ours = " ".join(f"-c {name}={round(seconds * 1000)}" for name, seconds in milliseconds.items())
    # the last one wins, so the address is heard after us
    theirs = address.query.get("options", ())
    bounds["options"] = " ".join((ours, *((theirs,) if isinstance(theirs, str) else theirs)))
    return bounds


def write_lock(engine: Engine) -> FileLock | None:
    """The lock on which the engine's writers queue, if they need one."""
    lock: FileLock | None = engine.get_execution_options().get(WRITE_LOCK)
    return lock


def _tune_sqlite(engine: Engine, lock: FileLock | None, busy_s: float) -> None:
    @event.listens_for(engine, "connect")
    def tune(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        _write_ahead(connection, lock, busy_s)
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "trusted_schema=OFF",
            "temp_store=MEMORY",
            f"journal_size_limit={_WAL_LIMIT}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        access = connection.get_execution_options().get(ACCESS, WRITE)
        # Past SQLAlchemy, which would take longer over this than SQLite itself.
        driver: Any = connection.connection.driver_connection
        driver.execute(_BEGIN[access])


def _write_ahead(connection: Any, lock: FileLock | None, busy_s: float) -> None:
    """Switch the file to WAL once; SQLite does not wait for its turn in this one statement."""
    connection.execute(f"PRAGMA busy_timeout={int(busy_s * 1000)}")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] in ("wal", "memory"):
        return
    if lock is None:
        connection.execute("PRAGMA journal_mode=WAL")
        return
    with lock.hold():
        connection.execute("PRAGMA journal_mode=WAL")
