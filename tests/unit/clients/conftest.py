"""Servers on real sockets that behave as badly as a test asks."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

Behaviour = Callable[[socket.socket, "Server"], None]


@dataclass
class Server:
    """One listening socket; ``seen`` are the requests that it read, ``calls`` its connections."""

    port: int
    stopped: threading.Event
    seen: list[bytes] = field(default_factory=list)
    calls: int = 0

    def read_head(self, connection: socket.socket) -> bytes:
        """Read one request up to the end of its headers, or what came of it."""
        raw = b""
        while b"\r\n\r\n" not in raw and (part := connection.recv(65536)):
            raw += part
        self.seen.append(raw)
        return raw

    def read_all(self, connection: socket.socket) -> bytes:
        """Read one request with its body."""
        head, _, body = self.read_head(connection).partition(b"\r\n\r\n")
        lengths = [
            line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        ]
        length = int(lengths[0]) if lengths else 0
        while len(body) < length and (part := connection.recv(65536)):
            body += part
        self.seen[-1] = head + b"\r\n\r\n" + body
        return body


def secure(connection: socket.socket, tls: ssl.SSLContext, behave: Callable[[ssl.SSLSocket], None]) -> None:
    """Shake hands and behave; a client refused is read to its end, so that it can read why."""
    with tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secured:
        try:
            secured.do_handshake()
        except ssl.SSLError:
            socket.socket.shutdown(secured, socket.SHUT_WR)
            while socket.socket.recv(secured, 65536):
                pass
        else:
            behave(secured)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server: ``serve(behaviour)``, ``serve(behaviour, tls=context)``."""
    stopped = threading.Event()
    running: list[tuple[socket.socket, threading.Thread]] = []

    def start(behaviour: Behaviour, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Server:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, 0), family=family)
        server = Server(listener.getsockname()[1], stopped)

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                server.calls += 1
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(10)
                    if tls is None:
                        behaviour(connection, server)
                    else:
                        secure(connection, tls, lambda secured: behaviour(secured, server))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        running.append((listener, thread))
        return server

    yield start
    stopped.set()
    for listener, thread in running:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)
        assert not thread.is_alive()
