"""A target that misbehaves on purpose, on loopback: what every kind must judge rightly."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gateway.domain.errors import Ambiguous, DeliveryError, Permanent, Temporary

RETRY_S = 11
_FLOOD = 2 * 1024 * 1024
_PIECE = 64 * 1024
_LOCATION = re.compile(rb'(location\s*=\s*["\'])https?://[^/"\']*')


class Rogue(BaseHTTPRequestHandler):
    """Takes a call whole, then does what the server's ``habit`` says; what is got by GET is told well."""

    server: RogueServer

    def do_GET(self) -> None:
        if self.server.description is None:
            self._by_habit()
            return
        origin = f"http://{self.headers['Host']}".encode()
        self.answer(200, _LOCATION.sub(rb"\g<1>" + origin, self.server.description), "text/xml")

    def do_POST(self) -> None:
        left = int(self.headers.get("Content-Length", 0))
        while left > 0 and (piece := self.rfile.read(min(left, _PIECE))):
            left -= len(piece)
        self._by_habit()

    do_PUT = do_PATCH = do_POST  # noqa: N815 - the names are the base class's

    def _by_habit(self) -> None:
        self.server.calls += 1
        self.server.habit(self)

    def cut(self) -> None:
        self.close_connection = True

    def reset_inside_the_answer(self) -> None:
        self._begin(4096, b'{"id": ')

    def wrong_length(self) -> None:
        self._begin(4, b'{"id": "7", "numero": "7"}')

    def page(self) -> None:
        self.answer(200, b"<!doctype html><title>Bienvenue</title>", "text/html")

    def flood(self) -> None:
        self.answer(200, b" " * _FLOOD, "application/json")

    def garble(self) -> None:
        self.wfile.write(b"\x00\x01\x02 no HTTP\r\n\r\n")
        self.close_connection = True

    def hang(self) -> None:
        self.server.released.wait(30)
        self.close_connection = True

    def drip(self) -> None:
        """An octet at a time, each soon enough not to be silence, and never an end."""
        with contextlib.suppress(OSError):
            self._begin(1_000_000, b"{")
            while not self.server.released.wait(0.1):
                self.wfile.write(b" ")

    def fault_in_200(self) -> None:
        fault = "<e:Fault><faultcode>e:Server</faultcode><faultstring>Erreur interne</faultstring></e:Fault>"
        space = "http://schemas.xmlsoap.org/soap/envelope/"
        message = f'<e:Envelope xmlns:e="{space}"><e:Body>{fault}</e:Body></e:Envelope>'
        self.answer(200, message.encode(), "text/xml")

    def gateway_timeout(self) -> None:
        self.answer(504, b"<html>proxy</html>", "text/html")

    def redirect(self) -> None:
        self.answer(302, b"", "text/plain", {"Location": "http://169.254.169.254/latest/"})

    def wait(self) -> None:
        self.answer(429, b"", "text/plain", {"Retry-After": str(RETRY_S)})

    def maintain(self) -> None:
        self.answer(503, b"<html>maintenance</html>", "text/html", {"Retry-After": str(RETRY_S)})

    def turn_away(self) -> None:
        self.answer(403, b"no", "text/plain")

    def decline(self) -> None:
        self.answer(422, b"no", "text/plain")

    def _begin(self, length: int, octets: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(octets)
        self.close_connection = True

    def answer(
        self, status: int, body: bytes, media_type: str, headers: dict[str, str] | None = None
    ) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in {"Content-Type": media_type, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class RogueServer(ThreadingHTTPServer):
    """The server of one habit; ``calls``: how often it was met."""

    daemon_threads = True

    def __init__(self, habit: Callable[[Rogue], None], description: bytes | None) -> None:
        super().__init__(("127.0.0.1", 0), Rogue)
        self.habit, self.description = habit, description
        self.released, self.calls = threading.Event(), 0

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever was misbehaved towards may go away in any way."""


@dataclass(frozen=True)
class Habit:
    """One way to misbehave, and how it must be judged.

    Attributes:
        sort: of failure, where the call itself makes the letter count.
        asks_to_wait: it says for how long, and that must be passed on.
    """

    act: Callable[[Rogue], None]
    words: str
    sort: type[DeliveryError]
    asks_to_wait: bool = False
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.act.__name__)


HABITS = (
    Habit(Rogue.cut, "closes the connection without an answer", Ambiguous),
    Habit(Rogue.reset_inside_the_answer, "breaks off inside its answer", Ambiguous),
    Habit(Rogue.wrong_length, "says a wrong length of its answer", Ambiguous),
    Habit(Rogue.page, "answers a web page with 200", Ambiguous),
    Habit(Rogue.flood, "answers more than anybody reads", Ambiguous),
    Habit(Rogue.garble, "answers what is no HTTP", Ambiguous),
    Habit(Rogue.hang, "never answers", Ambiguous),
    Habit(Rogue.drip, "answers an octet at a time", Ambiguous),
    Habit(Rogue.fault_in_200, "answers a fault with 200", Ambiguous),
    Habit(Rogue.gateway_timeout, "answers 504", Ambiguous),
    Habit(Rogue.redirect, "redirects inward", Ambiguous),
    Habit(Rogue.wait, "answers 429 with Retry-After", Temporary, asks_to_wait=True),
    Habit(Rogue.maintain, "answers 503 with Retry-After", Temporary, asks_to_wait=True),
    Habit(Rogue.turn_away, "answers 403", Temporary),
    Habit(Rogue.decline, "answers 422", Permanent),
)


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[str]:
    """A server at work for the length of the block; its address."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="target")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def rogue(habit: Callable[[Rogue], None], description: bytes | None = None) -> Iterator[RogueServer]:
    """A target with one habit.

    Args:
        description: what it tells of itself on GET, such as a WSDL; addresses in it become its own.
    """
    server = RogueServer(habit, description)
    with serving(server):
        try:
            yield server
        finally:
            server.released.set()


def url_of(server: ThreadingHTTPServer) -> str:
    """A server's address, without a slash at its end."""
    return f"http://127.0.0.1:{server.server_address[1]}"
