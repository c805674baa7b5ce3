"""An object store of a test's own, and a way to it that can be made to fail."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from gateway.clients.s3 import Bucket
from gateway.clients.s3_client import S3Settings
from gateway.clients.s3_place import PayloadBucket
from tests.support import told
from tools import services

PART = 5 * 1024 * 1024


@dataclass(frozen=True)
class ObjectStore:
    """An S3 server; ``authenticating`` and ``initiated`` are for our own only."""

    url: str
    access_key: str = "test-access"
    secret_key: str = "test-secret"
    own: bool = True

    def settings(self, bucket: str, url: str | None = None, **changes: Any) -> S3Settings:
        values: dict[str, Any] = {
            "endpoint": url or self.url,
            "bucket": bucket,
            "region": "us-east-1",
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "allow": ("127.0.0.1", "localhost"),
            "connect_s": 2.0,
            "read_s": 10.0,
            "attempts": 1,
        }
        return S3Settings(**values | changes)

    def place(self, bucket: str, url: str | None = None, **changes: Any) -> PayloadBucket:
        """The place of payloads in a bucket, reached at ``url``."""
        settings = self.settings(bucket, url, **changes)
        return PayloadBucket(Bucket(settings), "payloads/", PART, settings.attempts)

    @cached_property
    def client(self) -> Any:
        """A plain client, to look at what lies there behind the hub's back."""
        return Bucket(self.settings("none"))._client

    def make_bucket(self) -> str:
        name = f"wasl-{uuid4().hex}"
        self.client.create_bucket(Bucket=name)
        return name

    def environment(self, bucket: str, **changes: str) -> dict[str, str]:
        """The options of a hub whose payloads lie in the bucket."""
        return {
            "WASL_PAYLOADS_KIND": "s3",
            "WASL_PAYLOADS_S3_ENDPOINT": self.url,
            "WASL_PAYLOADS_S3_BUCKET": bucket,
            "WASL_PAYLOADS_S3_PART_BYTES": str(PART),
            "WASL_PAYLOADS_S3_ATTEMPTS": "1",
            "WASL_OUTGOING_ALLOW": "127.0.0.1",
            **changes,
        }

    @contextmanager
    def authenticating(self) -> Iterator[None]:
        """For the length of the block only known accounts are let in, and none is known."""
        self._reset("0")
        try:
            yield
        finally:
            self._reset("inf")

    def _reset(self, free_calls: str) -> None:
        assert self.own
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        connection.request("POST", "/moto-api/reset-auth", free_calls)
        assert connection.getresponse().status == 200
        connection.close()


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """The server that WASL_TEST_S3_URL names (http://KEY:SECRET@HOST:PORT), else a process of our own."""
    named = os.environ.get("WASL_TEST_S3_URL")
    if named:
        parts = urlsplit(named)
        url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        told.tell("object store", "the one that WASL_TEST_S3_URL names")
        yield ObjectStore(url, parts.username or "", parts.password or "", own=False)
        return
    with services.ObjectStore() as own:
        told.tell("object store", "a stand-in of its own (moto, in memory)")
        yield ObjectStore(own.url, own.access_key, own.secret_key)


@dataclass(frozen=True)
class Call:
    """One request on its way: ``what`` is its operation in a word."""

    method: str
    path: str
    what: str
    number: int


Fault = Callable[["Passage", Any, Call], bool]
"""Does something to a request; False lets it pass untouched."""


@dataclass
class Passage:
    """Stands between a client and an object store; ``faults`` meet each operation, by its word.

    The words are put, get, delete, list, begin, part, complete, abort.
    """

    store: ObjectStore
    url: str = ""
    faults: dict[str, Fault] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    server: ThreadingHTTPServer | None = None

    def clear(self) -> None:
        """Be a good way again."""
        self.faults.clear()
        self.seen.clear()
        self.over.set()
        self.over = threading.Event()

    def refuse(self) -> None:
        """Stop listening: whoever calls is refused from now on."""
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()

    def forward(self, handler: Any, call: Call, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection(urlsplit(self.store.url).netloc, timeout=10)
        try:
            del handler.headers["Expect"]  # it was answered here
            connection.request(call.method, call.path, body, dict(handler.headers.items()))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


@contextmanager
def passage(store: ObjectStore) -> Iterator[Passage]:
    """A way to the store on a port of its own."""
    way = Passage(store)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            with contextlib.suppress(ConnectionError):  # a client that has lost patience has hung up
                self.judge()

        def judge(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            what = word(self.command, self.path)
            way.seen.append(what)
            call = Call(self.command, self.path, what, way.seen.count(what))
            self.close_connection = True
            fault = way.faults.get(what)
            if fault is None or not fault(way, self, call):
                self.give(*way.forward(self, call, self.body))

        def give(self, status: int, headers: dict[str, str], body: bytes, most: int | None = None) -> None:
            self.send_response(status)
            kept = {name: value for name, value in headers.items() if name.lower() not in _OWN}
            for name, value in {**kept, "Content-Length": str(len(body)), "Connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[:most])

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on  # noqa: N815 - names of the base class

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = way.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    way.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield way
    finally:
        way.over.set()
        way.refuse()
        serving.join()


_OWN = frozenset({"content-length", "connection", "transfer-encoding", "date", "server"})


def word(method: str, path: str) -> str:
    """The operation that a request asks for."""
    query = urlsplit(path).query
    if "uploadId=" in query:
        return {"PUT": "part", "POST": "complete", "DELETE": "abort"}[method]
    if method == "POST":
        return "begin"
    if method == "GET" and ("list-type=" in query or "uploads" in query):
        return "list"
    return method.lower()


def on(*numbers: int, fault: Fault) -> Fault:
    """The fault, at those calls of its operation only, counted from 1."""
    return lambda way, handler, call: call.number in numbers and fault(way, handler, call)


def answers(status: int, body: bytes, content_type: str = "application/xml") -> Fault:
    """The store is not asked: this is answered."""

    def fault(_way: Passage, handler: Any, _call: Call) -> bool:
        handler.give(status, {"Content-Type": content_type}, body)
        return True

    return fault


def says_nothing(way: Passage, _handler: Any, _call: Call) -> bool:
    """No answer comes as long as the test lasts."""
    way.over.wait(30)
    return True


def loses_answer(way: Passage, handler: Any, call: Call) -> bool:
    """The store does what it is asked, and its answer never arrives."""
    way.forward(handler, call, handler.body)
    return True


def cuts_off(after: int) -> Fault:
    """The connection breaks after that many octets of the answer's body."""

    def fault(way: Passage, handler: Any, call: Call) -> bool:
        status, headers, body = way.forward(handler, call, handler.body)
        handler.give(status, headers, body, after)
        return True

    return fault


ERROR_500 = answers(500, b"<Error><Code>InternalError</Code><Message>We are sorry</Message></Error>")
ERROR_IN_200 = answers(200, b"<Error><Code>InternalError</Code><Message>We are sorry</Message></Error>")
PAGE = answers(200, b"<html><body>Maintenance</body></html>", "text/html")
