"""Brings a database's tables to the form that this version of the gateway knows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, Engine, delete, insert, inspect, select, text

from gateway.domain.errors import Misconfigured
from gateway.store.engine import READ, write_lock
from gateway.store.schema_models import SchemaFloor
from gateway.store.sessions import access_options, database_trouble

_FOLDER = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x5741534C  # "WASL"; one upgrade at a time on PostgreSQL
_LONGEST_UPGRADE_S = 600
_FIRST_FLOOR = "0005"
"""The revision from which on steps only add, unless they say otherwise."""


def head() -> str:
    """The revision that this version of the gateway knows."""
    return ScriptDirectory.from_config(_config(_FOLDER)).get_current_head() or ""


def current(engine: Engine) -> str | None:
    """The revision of the database; None when it has no tables of ours.

    Raises:
        Unavailable: the database cannot be read.
    """
    with database_trouble(), _reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine, folder: Path = _FOLDER) -> str | None:
    """Run the steps that are missing, all or none, one process at a time.

    A database that a later version has brought further is left as it is, if what that version changed leaves
    this one its place: processes of both run side by side while a hub is renewed, or taken back.

    Args:
        folder: the steps; another one than the gateway's own in tests only.

    Returns:
        The revision that the database has now.

    Raises:
        Unavailable: the database cannot be changed now.
        Misconfigured: the database has a revision that this version neither knows nor can work with, or a
            step left rows that point nowhere.
    """
    with database_trouble(), _maintenance(engine) as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found == _newest(folder):  # whoever brought it there told the floor in the same transaction
            return found
        if found is not None and found not in _steps(folder):
            _must_have_place(connection, found, folder)
            return found
        command.upgrade(_config(folder, connection), "head")
        _must_be_whole(connection)
        _tell_floor(connection, folder)
        return MigrationContext.configure(connection).get_current_revision()


def floor(engine: Engine) -> str | None:
    """The oldest revision whose code still works with the database; None where it does not tell.

    Raises:
        Unavailable: the database cannot be read.
    """
    with database_trouble(), _reading(engine) as connection:
        return _floor(connection)


def differences(engine: Engine) -> list[Any]:
    """What separates the database's tables from the models, as Alembic operations; [] when nothing."""
    import gateway.store.models as models

    with database_trouble(), _reading(engine) as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, models.Base.metadata))


def draft(engine: Engine, number: str, message: str, folder: Path = _FOLDER) -> Path:
    """Write the next step from the models' differences to an upgraded database, for a person to review."""
    import gateway.store.models as models

    with _maintenance(engine) as connection:
        config = _config(folder, connection)
        config.attributes["metadata"] = models.Base.metadata
        script = command.revision(config, message, autogenerate=True, rev_id=number)
    return Path(script.path)  # type: ignore[union-attr]


def _config(folder: Path, connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


@contextlib.contextmanager
def _reading(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection.execution_options(**access_options(engine.dialect.name, READ))


@contextlib.contextmanager
def _maintenance(engine: Engine) -> Iterator[Connection]:
    """One transaction under the writers' lock, in which SQLite's tables may be copied and renamed."""
    lock = write_lock(engine)
    with (
        engine.connect() as connection,
        _keys_unwatched(connection),
        lock.hold() if lock is not None else contextlib.nullcontext(),
        connection.begin(),
    ):
        if connection.dialect.name == "postgresql":
            _wait_for_upgrade(connection)
        yield connection


def _wait_for_upgrade(connection: Connection) -> None:
    """Let the processes that start together upgrade one after the other, however long a step takes.

    A step itself still gives up on a table that somebody does not let go: everybody else would queue
    behind it.
    """
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text(f"SET LOCAL lock_timeout = {_LONGEST_UPGRADE_S * 1000}"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))


@contextlib.contextmanager
def _keys_unwatched(connection: Connection) -> Iterator[None]:
    # Dropping the old copy of a table would delete the rows that point at it. SQLite ignores this
    # pragma inside a transaction.
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        connection.connection.cursor().execute("PRAGMA foreign_keys=ON")


def _newest(folder: Path) -> str | None:
    """The revision to which the steps lead, read off their names: to load them all takes a start's tenth."""
    return max(
        (path.name.partition("_")[0] for path in (folder / "versions").glob("[0-9]*_*.py")), default=None
    )


def _steps(folder: Path) -> dict[str, Script]:
    """The steps that this version knows, by revision; revisions are numbers that sort as text."""
    return {one.revision: one for one in ScriptDirectory.from_config(_config(folder)).walk_revisions()}


def _must_have_place(connection: Connection, found: str, folder: Path) -> None:
    """Check that this version works with the tables of a later one."""
    known, least = max(_steps(folder), default=""), _floor(connection)
    if least is None or known < least:
        raise Misconfigured([f"database: its revision {found} belongs to a later version of the gateway"])


def _floor(connection: Connection) -> str | None:
    if not inspect(connection).has_table(SchemaFloor.__tablename__):
        return None
    found: str | None = connection.scalar(select(SchemaFloor.revision))
    return found


def _tell_floor(connection: Connection, folder: Path) -> None:
    """Record which versions can work with the tables: those that know the highest floor of any step.

    A step that takes something away says from which revision on no code needs it (``floor``); a step that
    only adds says nothing.
    """
    if not inspect(connection).has_table(SchemaFloor.__tablename__):
        return
    told = max((getattr(one.module, "floor", _FIRST_FLOOR) for one in _steps(folder).values()), default="")
    connection.execute(delete(SchemaFloor))
    connection.execute(insert(SchemaFloor).values(revision=told))


def _must_be_whole(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        tables = sorted({str(row[0]) for row in broken})
        raise Misconfigured([f"database: rows of {', '.join(tables)} would point nowhere after the upgrade"])
