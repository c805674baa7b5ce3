"""A sender's own system: a real HTTP server that records what it is told and answers as scripted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any


@dataclass(frozen=True)
class Heard:
    """One request."""

    path: str
    key: str
    media_type: str
    authorization: str
    body: bytes
    trace_parent: str | None = None


@dataclass(frozen=True)
class Reply:
    """What is answered; ``hang`` waits until the listener is closed, ``cut`` answers nothing."""

    status: int = 200
    body: bytes = b"{}"
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    hang: bool = False
    cut: bool = False
    echo: bool = False


OK = Reply()


@dataclass
class Listener:
    """Records every request.

    Attributes:
        script: one reply for each request to come; afterwards ``usual`` answers.
        always: a reply by idempotency key, before the script.
    """

    url: str
    script: list[Reply] = field(default_factory=list)
    usual: Reply = OK
    always: dict[str, Reply] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    released: Event = field(default_factory=Event)
    arrived: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    @property
    def keys(self) -> list[str]:
        return [one.key for one in self.heard]

    def reply(self, heard: Heard) -> Reply:
        with self._lock:
            self.heard.append(heard)
            self.arrived.set()
            if heard.key in self.always:
                return self.always[heard.key]
            return self.script.pop(0) if self.script else self.usual


class _Door(BaseHTTPRequestHandler):
    listener: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        get = self.headers.get
        heard = Heard(
            self.path,
            get("Idempotency-Key", ""),
            get("Content-Type", ""),
            get("Authorization", "") or get("X-Key", ""),
            body,
            get("traceparent"),
        )
        reply = self.listener.reply(heard)
        if reply.hang:
            self.listener.released.wait(30)
        if reply.hang or reply.cut:
            self.close_connection = True
            return
        self._answer(reply, heard)

    do_PUT = do_POST  # noqa: N815 - the name is the base class's

    def do_GET(self) -> None:
        if self.path == "/":  # a connection test, which is nobody's call
            self.send_error(501)
        else:
            self.do_POST()

    def _answer(self, reply: Reply, heard: Heard) -> None:
        body = reply.body + heard.authorization.encode() if reply.echo else reply.body
        self.send_response(reply.status)
        for name, value in (("Content-Type", reply.media_type), *reply.headers):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener for the length of the block."""
    door = type("Door", (_Door,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), door) as server:
        server.daemon_threads = True
        listener = Listener(f"http://127.0.0.1:{server.server_address[1]}")
        door.listener = listener
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield listener
        finally:
            listener.released.set()
            server.shutdown()
            thread.join()
