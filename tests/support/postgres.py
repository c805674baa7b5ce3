"""PostgreSQL for tests: the server that WASL_TEST_DATABASE_URL names, or one started for this process alone.

Every test hub gets a database of its own, copied from one that was brought to the present form once.
"""

from __future__ import annotations

import atexit
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import pytest
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text

from gateway.store.engine import make_engine
from gateway.store.migrate import upgrade
from tests.support import told
from tools.services import NotStarted, PostgreSQL
from tools.services.postgres import VOLATILE

VARIABLE = "WASL_TEST_DATABASE_URL"
_COPIES_PAGES = (15,)
"""The version since which a template is copied page by page, through the log, unless told otherwise."""


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        own: it ends with this process, and all databases with it.
    """

    url: URL
    own: PostgreSQL | None = None

    @contextmanager
    def maintenance(self) -> Iterator[Connection]:
        """A connection outside transactions, of whoever may make databases and end connections."""
        with _maintenance(self.url).connect() as connection:
            yield connection

    def make_database(self, template: str | None = None) -> str:
        """The address of a new database, a copy of ``template`` or empty; removed when the process ends."""
        name = f"wasl_test_{os.getpid()}_{secrets.token_hex(4)}"
        copied = f' TEMPLATE "{template}"' if template else ""
        with self.maintenance() as connection:
            if self.own and connection.dialect.server_version_info >= _COPIES_PAGES:  # type: ignore[operator]
                copied += " STRATEGY FILE_COPY"  # a quarter of the work where nothing is synced
            connection.execute(text(f'CREATE DATABASE "{name}"{copied}'))
        if self.own is None:
            atexit.register(self._drop, name)
        return self.url.set(database=name).render_as_string(hide_password=False)

    def _drop(self, name: str) -> None:
        with self.maintenance() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


@cache
def _maintenance(url: URL) -> Engine:
    """Keeps its connection: to begin one costs as much as to copy a database."""
    engine = create_engine(url, pool_size=1, pool_pre_ping=True, isolation_level="AUTOCOMMIT")
    atexit.register(engine.dispose)
    return engine


@cache
def server() -> Server:
    """The server for tests; the calling test is skipped, and says so, where there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        told.tell("PostgreSQL", f"the server that {VARIABLE} names")
        return Server(make_url(named))
    try:
        own = PostgreSQL(VOLATILE)
    except NotStarted as error:
        pytest.skip(f"{error}, or set {VARIABLE}")
    atexit.register(own.close)
    told.tell("PostgreSQL", own.told)
    return Server(make_url(own.url).set(drivername="postgresql+psycopg"), own)


def empty_database() -> str:
    """The address of a new database without tables."""
    return server().make_database()


def fresh_database(template: str | None = None) -> str:
    """The address of a new database with the present tables, or a copy of one that nobody uses now."""
    return server().make_database(template or _template())


@cache
def _template() -> str:
    address = empty_database()
    engine = make_engine(address, None)
    upgrade(engine)
    engine.dispose()
    return make_url(address).database or ""
