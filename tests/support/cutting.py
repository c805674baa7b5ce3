"""A way to PostgreSQL that can be cut at a commit, before the server hears of it or after."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from sqlalchemy import URL, make_url

_PORT = 5432
_MOST = 65_536
_BEGIN, _READ_ONLY, _COMMIT = b"BEGIN ", b" READ ONLY", b"COMMIT\0"


class Cutting:
    """Passes octets both ways until it is told to cut at the next COMMIT of somebody who may have written.

    Attributes:
        cut: None, ``before`` the server gets the COMMIT, or ``after`` it answered, the answer being lost.
        cuts: how many connections were cut.
    """

    def __init__(self, folder: Path, target: URL) -> None:
        self.cut: str | None = None
        self.cuts = 0
        self._target = target
        self._open: list[socket.socket] = []
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / f".s.PGSQL.{_PORT}"))
        self._listening.listen()
        self.url = target.set(
            host=None, port=None, query={"host": str(folder), "port": str(_PORT), "sslmode": "disable"}
        ).render_as_string(hide_password=False)
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for one in (self._listening, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = self._connect()
                self._open += [client, server]
                Thread(target=self._upwards, args=(client, server), daemon=True).start()
                Thread(target=self._downwards, args=(client, server), daemon=True).start()

    def _connect(self) -> socket.socket:
        host = self._target.query.get("host", self._target.host) or "127.0.0.1"
        port = self._target.port or _PORT
        if isinstance(host, str) and host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{host}/.s.PGSQL.{port}")
            return server
        return socket.create_connection((str(host), port))

    def _upwards(self, client: socket.socket, server: socket.socket) -> None:
        reads = False
        with suppress(OSError):
            while octets := client.recv(_MOST):
                if _BEGIN in octets:
                    reads = _READ_ONLY in octets
                if self.cut and _COMMIT in octets and not reads:
                    self._sever(client, server, octets)
                    return
                server.sendall(octets)
        # a client that is gone is gone for the server, too: its transaction must not hold its locks
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _sever(self, client: socket.socket, server: socket.socket, octets: bytes) -> None:
        self.cuts += 1
        after, self.cut = self.cut == "after", None
        if after:
            # the client's end goes first, so that the answer finds nobody; the server ends its work unharmed
            client.shutdown(socket.SHUT_RDWR)
            server.sendall(octets)
            server.shutdown(socket.SHUT_WR)
        else:
            client.shutdown(socket.SHUT_RDWR)
            server.shutdown(socket.SHUT_RDWR)

    def _downwards(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while octets := server.recv(_MOST):
                with suppress(OSError):
                    client.sendall(octets)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting(url: str) -> Iterator[Cutting]:
    """Such a way to the server at ``url``."""
    folder = Path(tempfile.mkdtemp(prefix="wasl-cut-", dir="/tmp"))
    way = Cutting(folder, make_url(url))
    try:
        yield way
    finally:
        way.close()
        shutil.rmtree(folder, ignore_errors=True)
