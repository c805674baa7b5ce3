"""A document system that answers anything but what it should, over real sockets and the guarded way out."""

from __future__ import annotations

import contextlib
import hashlib
import io
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from threading import Event, Thread
from typing import Any

import pytest

from adapters.contract import Context
from adapters.rest import RestAdapter
from gateway.clients.http import GuardedHttp, HttpLimits, HttpSettings
from gateway.domain.errors import Ambiguous, DeliveryError, Temporary
from tests.unit.adapters.doubles import NOW, PLAN, attachment, envelope, letter

LIMITS = HttpLimits(connect_s=2, read_s=0.3, total_s=1.0, answer_bytes=64 * 1024)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@dataclass
class Rogue:
    """Reads one request whole, then lets ``answer`` do as it likes with the socket; one at a time.

    Attributes:
        asked: the first line of each request.
    """

    server: socket.socket
    answer: Callable[[socket.socket], None] = lambda _: None
    asked: list[str] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.getsockname()[1]}"

    def run(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self.server.accept()
            except TimeoutError:
                continue
            with connection, contextlib.suppress(OSError):
                connection.settimeout(3)
                self._read(connection)
                self.answer(connection)

    def _read(self, connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        self.heads.append(head)
        self.asked.append(head.decode("latin-1").partition("\r\n")[0])
        lines = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        left = int(lines[0].partition(b":")[2]) - len(body) if lines else 0
        while left > 0 and (more := connection.recv(65536)):
            left -= len(more)


@pytest.fixture(scope="module")
def server() -> Iterator[Rogue]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        rogue = Rogue(listening)
        thread = Thread(target=rogue.run)
        thread.start()
        try:
            yield rogue
        finally:
            rogue.over.set()
            thread.join()


@pytest.fixture
def rogue(server: Rogue) -> Rogue:
    server.asked.clear()
    server.heads.clear()
    return server


def whole(body: bytes, head: bytes = HEAD) -> Callable[[socket.socket], None]:
    octets = head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    return lambda connection: connection.sendall(octets)


def context(rogue: Rogue, limits: HttpLimits = LIMITS, **options: Any) -> Context:
    create = {"path": "/l", "body": {"s": "envelope.subject"}, "reads": {"handle": "id"}}
    return Context(
        http=GuardedHttp(HttpSettings(allow=("127.0.0.1",), limits=limits)),
        options={"base_url": rogue.url, "create": create, **options},
        secret=lambda reference: reference,
        now=lambda: NOW,
    )


def two_gigabytes(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Content-Length: 2147483648\r\n\r\n")
    while True:
        connection.sendall(b" " * 65536)


def without_end(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"[" * 65536 + b"\r\n")


def slowly(connection: socket.socket) -> None:
    for octet in HEAD + b"Content-Length: 9\r\n\r\n":
        connection.sendall(bytes([octet]))
        time.sleep(0.1)


def cut(connection: socket.socket) -> None:
    connection.sendall(HEAD + b'Content-Length: 900\r\n\r\n{"id": "1"')


XML = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n"
ENTITIES = (
    b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 999 + b'"><!ENTITY c "' + b"&b;" * 999 + b'">]><a><id>&c;</id></a>'
)
CASES: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "page": (
        whole(b"<html>Welcome</html>", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"),
        "WASL-DLV-008",
    ),
    "two-gigabytes": (two_gigabytes, "WASL-DLV-008"),
    "without-end": (without_end, "WASL-DLV-008"),
    "one-octet-at-a-time": (slowly, "WASL-DLV-004"),
    "cut": (cut, "WASL-DLV-004"),
    "nothing": (lambda connection: None, "WASL-DLV-004"),
    "other-charset": (whole('{"id": "é"}'.encode("latin-1")), "WASL-DLV-008"),
    "json-deep": (whole(b"[" * 60_000), "WASL-DLV-008"),
    "json-number": (whole(b'{"id": ' + b"9" * 60_000 + b"}"), "WASL-DLV-008"),
    "json-twice": (whole(b'{"id": "1", "id": "2"}'), "WASL-DLV-008"),
    "xml-entities": (whole(ENTITIES, XML), "WASL-DLV-008"),
    "xml-external": (
        whole(b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x"><a><id>1</id></a>', XML),
        "WASL-DLV-008",
    ),
    "no-http": (lambda connection: connection.sendall(b"SSH-2.0-x\r\n" * 9), "WASL-DLV-008"),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_answer_that_is_none_leaves_doubt_within_bounds(rogue: Rogue, name: str) -> None:
    rogue.answer, code = CASES[name]
    began = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(DeliveryError) as caught:
            RestAdapter().deliver(letter(), context(rogue))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert type(caught.value) is Ambiguous
    assert caught.value.code == code
    assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 5
    assert peak < 16 * 1024 * 1024
    assert rogue.asked == ["POST /l HTTP/1.1"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_inward_is_not_followed(rogue: Rogue, status: int) -> None:
    head = f"HTTP/1.1 {status} Moved\r\nLocation: {rogue.url}/admin\r\n".encode()
    rogue.answer = whole(b"", head)
    with pytest.raises(Ambiguous, match="WASL-DLV-008"):
        RestAdapter().deliver(letter(), context(rogue))
    assert rogue.asked == ["POST /l HTTP/1.1"]


def test_a_draft_is_left_and_tried_again_whatever_was_answered(rogue: Rogue) -> None:
    rogue.answer = whole(b"<html>")
    drafted = context(rogue, draft_until_confirm=True, confirm={"path": "/{handle}/ok"})
    with pytest.raises(Temporary):
        RestAdapter().deliver(letter(), drafted)


def test_a_handle_that_climbs_stays_one_segment_on_the_wire(rogue: Rogue) -> None:
    rogue.answer = whole(b'{"id": "../../admin?x=1#\\r\\nX-Evil: 1"}')
    used = context(rogue, confirm={"path": "/l/{handle}/ok", "reads": {"register_number": "id"}})
    RestAdapter().deliver(letter(), used)
    assert rogue.asked[1] == "POST /l/..%2F..%2Fadmin%3Fx%3D1%23%0D%0AX-Evil%3A%201/ok HTTP/1.1"
    assert not any(line.startswith(b"X-Evil") for head in rogue.heads for line in head.split(b"\r\n"))


def test_a_large_file_alone_passes_in_constant_memory(rogue: Rogue) -> None:
    size = 24 * 1024 * 1024
    large = attachment(PLAN, size=size, sha256=hashlib.sha256(bytes(size)).hexdigest())
    one = replace(letter(envelope=envelope(attachments=(large,))), open=lambda _: io.BytesIO(bytes(size)))
    rogue.answer = whole(b'{"id": "1"}')
    create = {
        "path": "/l",
        "method": "PUT",
        "format": "content",
        "content": "attachments[0].content",
        "reads": {"handle": "id"},
    }
    form = {"path": "/l", "format": "form", "files": [{"each": "files"}], "reads": {"handle": "id"}}
    patient = HttpLimits(connect_s=5, read_s=20, total_s=60)
    for step in (create, form):
        tracemalloc.start()
        try:
            done = RestAdapter().deliver(one, context(rogue, patient, create=step))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert done.target_reference == "1"
        assert peak < size + 4 * 1024 * 1024  # the test's own copy, and little beside
