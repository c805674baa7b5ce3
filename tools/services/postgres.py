"""A PostgreSQL server of our own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tools.services.account import Place, free_port
from tools.services.service import NotStarted, Service
from tools.services.tls import Tls

_PROGRAMS = "/usr/lib/postgresql"
_START_S = 60
_ACCOUNTS = ("postgres", "nobody")
_OPTIONS = {
    "max_connections": "400",
    "shared_buffers": "64MB",
    "log_min_messages": "fatal",
    "listen_addresses": "",
}
VOLATILE = {
    # what does not outlive a test need not survive a power cut
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}
"""Options with which a failure of the machine loses everything: for tests that are about something else."""


class PostgreSQL(Service):
    """A cluster in a folder of its own, reached by a socket in that folder, or with TLS on loopback.

    ``url`` names the database ``wasl``; the user ``wasl`` is master of the server.
    """

    def __init__(self, options: Mapping[str, str] | None = None, tls: Tls | None = None) -> None:
        """Args:
            options: settings of the server beside ours; the server's own defaults make commits durable.

        Raises:
            NotStarted: it cannot run here.
        """
        programs = self._programs = self.installed()
        self._place = Place.make("PostgreSQL", _ACCOUNTS)
        self._port = free_port() if tls else None
        self._options = {**_OPTIONS, **(options or {}), **self._encrypted(tls)}
        self.told = f"a server of its own, started from {programs} in {self._place.folder}"
        self._watch = self._place.watch(*self._control, "-m", "immediate", "stop")
        try:
            self._make()
        except NotStarted:
            self.close()
            raise

    @staticmethod
    def installed() -> Path:
        """The folder of the newest installed server's programs.

        Raises:
            NotStarted: there is none.
        """
        found = sorted(Path(_PROGRAMS).glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
        if found:
            return found[-1].parent
        beside = shutil.which("initdb")
        if beside is None:
            raise NotStarted("no PostgreSQL: install the package postgresql")
        return Path(beside).resolve().parent

    @property
    def folder(self) -> Path:
        """Where everything of it lies."""
        return self._place.folder

    @property
    def url(self) -> str:
        if self._port is None:
            return f"postgresql://wasl@/wasl?host={self._place.folder}"
        return f"postgresql://wasl@localhost:{self._port}/wasl?sslmode=require"

    def start(self) -> None:
        if self._runs:
            return
        given = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in self._options.items())
        log = self._place.folder / "log"
        self._place.run(*self._control, "-l", log, "-o", f"-k {self._place.folder} {given}", "start")

    def stop(self) -> None:
        self._end("fast")

    def stop_abruptly(self) -> None:
        self._end("immediate")  # nothing is written: the next start recovers from the log

    def close(self) -> None:
        self._watch.communicate()

    @property
    def _control(self) -> tuple[object, ...]:
        data = self._place.folder / "data"
        return (self._programs / "pg_ctl", "-D", data, "-s", "-w", "-t", _START_S)

    def _make(self) -> None:
        data = self._place.folder / "data"
        self._place.run(
            self._programs / "initdb", "-D", data, "-U", "wasl", "-A", "trust", "-E", "UTF8",
            "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        self.start()
        where = ("-h", self._place.folder, *(("-p", self._port) if self._port else ()))
        self._place.run(self._programs / "createdb", *where, "-U", "wasl", "wasl")

    @property
    def _runs(self) -> bool:
        return (self._place.folder / "data" / "postmaster.pid").exists()

    def _end(self, mode: str) -> None:
        if self._runs:
            self._place.run(*self._control, "-m", mode, "stop")

    def _encrypted(self, tls: Tls | None) -> dict[str, str]:
        if tls is None:
            return {}
        certificate = self._place.write("server.pem", tls.certificate.read_bytes())
        key = self._place.write("server.key", tls.key.read_bytes())
        return {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "ssl": "on",
            "ssl_cert_file": str(certificate),
            "ssl_key_file": str(key),
        }
