"""Engines: SQLite tuned so that a commit survives a power cut, PostgreSQL as it comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

from gateway.store.filelock import FileLock

ACCESS = "wasl_access"
"""Execution option of a connection: READ, WRITE, or absent for maintenance work."""
READ = "read"
WRITE = "write"
WRITE_LOCK = "wasl_write_lock"
"""Execution option of the engine: the lock on which its writers queue, or None."""

_BEGIN = {READ: "BEGIN", WRITE: "BEGIN IMMEDIATE"}
_QUERY_ONLY = {READ: "PRAGMA query_only=ON", WRITE: "PRAGMA query_only=OFF"}
_WAL_LIMIT = 64 * 1024 * 1024


def make_engine(url: str, lock_path: Path | None, *, busy_s: float = 10.0, pool_size: int = 10) -> Engine:
    """An engine for the URL; nothing is opened before its first connection.

    Args:
        url: of SQLAlchemy, ``sqlite:////path`` or ``postgresql+psycopg://…``.
        lock_path: file on which SQLite's writers queue, beside the database; None where the database
            does that itself.
        busy_s: the longest wait for lock, database or a free connection, in seconds.
        pool_size: connections kept per process.
    """
    lock = None if lock_path is None else FileLock(lock_path, busy_s)
    options: dict[str, Any] = {"execution_options": {WRITE_LOCK: lock}}
    backend = make_url(url).get_backend_name()
    if backend == "sqlite" and make_url(url).database in (None, "", ":memory:"):
        engine = create_engine(url, **options)  # its pool takes no sizes
    else:
        engine = create_engine(
            url, pool_size=pool_size, max_overflow=pool_size, pool_timeout=busy_s,
            pool_pre_ping=backend != "sqlite", **options,
        )  # fmt: skip
    if backend == "sqlite":
        _tune_sqlite(engine, lock, busy_s)
    return engine


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
        # Past SQLAlchemy, which would take longer over these two than SQLite itself.
        driver: Any = connection.connection.driver_connection
        driver.execute(_QUERY_ONLY[access])
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
