"""PostgreSQL for tests: the server that WASL_TEST_DATABASE_URL names, or one started for this process alone.

Every test hub gets a database of its own, copied from one that was brought to the present form once.
"""

from __future__ import annotations

import atexit
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from gateway.store.engine import make_engine
from gateway.store.migrate import upgrade

VARIABLE = "WASL_TEST_DATABASE_URL"
PROGRAMS = "/usr/lib/postgresql"
_UNPRIVILEGED = ("postgres", "nobody")
_START_S = 60
_OPTIONS = {
    # nothing here outlives the tests, so nothing must survive a power cut
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "400",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}


@dataclass(frozen=True)
class Server:
    """A running server and how it came to be, in words for whoever runs the tests.

    Attributes:
        ours: it ends with this process, and all databases with it.
    """

    url: URL
    told: str
    ours: bool

    @contextmanager
    def maintenance(self) -> Iterator[Connection]:
        """A connection outside transactions, of whoever may make databases and end connections."""
        engine = create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            yield connection

    def make_database(self, template: str | None = None) -> str:
        """The address of a new database, a copy of ``template`` or empty; removed when the process ends."""
        name = f"wasl_test_{os.getpid()}_{secrets.token_hex(4)}"
        copied = f' TEMPLATE "{template}"' if template else ""
        with self.maintenance() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"{copied}'))
        if not self.ours:
            atexit.register(self._drop, name)
        return self.url.set(database=name).render_as_string(hide_password=False)

    def _drop(self, name: str) -> None:
        with self.maintenance() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


@cache
def server() -> Server:
    """The server for tests; the calling test is skipped, and says so, where there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        return Server(make_url(named), f"the server that {VARIABLE} names", ours=False)
    programs = _programs()
    if programs is None:
        pytest.skip(f"no PostgreSQL: set {VARIABLE} or install the package postgresql")
    return _started(programs)


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


def _programs() -> Path | None:
    """The folder of the newest installed server's programs."""
    found = sorted(Path(PROGRAMS).glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
    if found:
        return found[-1].parent
    beside = shutil.which("initdb")
    return Path(beside).resolve().parent if beside else None


def _started(programs: Path) -> Server:
    folder = Path(tempfile.mkdtemp(prefix="wasl-pg-", dir="/tmp"))  # a socket's path must be short
    user = _owner(folder)
    _run(user, programs / "initdb", "-D", folder / "data", "-U", "wasl", "-A", "trust", "-E", "UTF8",
         "--locale=C.UTF-8", "--no-sync")  # fmt: skip
    given = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in _OPTIONS.items())
    control = (programs / "pg_ctl", "-D", folder / "data", "-s", "-w", "-t", _START_S)
    _run(user, *control, "-l", folder / "log", "-o", f"-k {folder} {given}", "start")
    _end_with_us(user, folder, *control, "-m", "immediate", "stop")
    url = URL.create("postgresql+psycopg", username="wasl", database="postgres", query={"host": str(folder)})
    return Server(url, f"a server of its own, started from {programs} in {folder}", ours=True)


def _end_with_us(user: str | None, folder: Path, *stop: object) -> None:
    """Stop the server and remove its folder when this process ends, however it does.

    A shell waits for the end of a pipe that only we hold: a process that is killed runs no clean-up.
    """
    waiting = 'read -r _; "$@"; cd / && rm -rf "$0"'
    words = ["sh", "-c", waiting, str(folder), *(str(word) for word in stop)]
    watch = subprocess.Popen(
        words, user=user, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True, extra_groups=[] if user else None,
    )  # fmt: skip
    atexit.register(watch.communicate)


def _owner(folder: Path) -> str | None:
    """Who runs the server, where we are root, as which it refuses to run; the folder becomes theirs."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, user.pw_uid, user.pw_gid)
        return name
    pytest.skip("PostgreSQL does not run as root, and there is nobody else")


def _run(user: str | None, *command: object) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(
        words, user=user, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, timeout=2 * _START_S, check=False,
        extra_groups=[] if user else None,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
