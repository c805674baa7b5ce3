"""Letters whose attachments are made while they are read, and a system that swallows them."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO

from gateway.cli.compose import SignedLetter
from gateway.domain.transit.envelope import Attachment, AttachmentRole, Recipient
from gateway.wire.mime import OutgoingPart, write_related
from tests.support.hub import XML, HubUnderTest

MIB = 1024 * 1024
BLOCK = hashlib.shake_256(b"streaming").digest(MIB)


class Filler(io.RawIOBase):
    """A long content that is made while it is read."""

    def __init__(self, size: int) -> None:
        self.size, self.position = size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        start = self.position % MIB
        length = min(len(buffer), self.size - self.position, MIB - start)
        buffer[:length] = BLOCK[start : start + length]
        self.position += length
        return length


class Chunks:
    """A request's body that comes in pieces of at most ``most`` octets, and ends after ``end`` octets."""

    def __init__(self, chunks: Iterator[bytes], most: int = 64 * 1024, end: int | None = None) -> None:
        self._chunks, self._most, self._left = chunks, most, end
        self._held = b""

    def read(self, size: int = -1) -> bytes:
        while not self._held:
            self._held = next(self._chunks, b"")
            if not self._held:
                return b""
        wanted = self._most if size < 0 else min(size, self._most)
        piece = self._held[: wanted if self._left is None else min(wanted, self._left)]
        self._held = self._held[len(piece) :]
        if self._left is not None:
            self._left -= len(piece)
        return piece


def digest_of(size: int) -> str:
    digest, content = hashlib.sha256(), Filler(size)
    while chunk := content.read(MIB):
        digest.update(chunk)
    return digest.hexdigest()


def letter_with(
    hub: HubUnderTest, size: int, media_type: str = XML, office: str | None = None
) -> SignedLetter:
    """A signed letter with one attachment of that many octets."""
    attachment = Attachment(
        id="large",
        name="large.bin",
        media_type="application/octet-stream",
        size=size,
        sha256=digest_of(size),
        role=AttachmentRole.MAIN,
        content_id="large@test",
    )
    envelope = hub.envelope(attachments=(attachment,))
    if office is not None:
        envelope = replace(envelope, recipients=(Recipient(office=office),))
    part = OutgoingPart("large@test", attachment.media_type, size, lambda: io.BufferedReader(Filler(size)))
    return replace(hub.signed(envelope, media_type), parts=(part,))


def stream(
    hub: HubUnderTest, letter: SignedLetter, most: int = 64 * 1024, end: int | None = None
) -> tuple[int, bytes]:
    """Status and body of the answer to a letter whose body is read piece by piece."""
    content_type, chunks, length = write_related(letter.root, letter.media_type, letter.parts)
    answer = hub.client.post(
        "/api/v1/envelopes",
        content_type=content_type,
        environ_overrides={"wsgi.input": Chunks(chunks, most, end), "CONTENT_LENGTH": str(length)},
    )
    return answer.status_code, answer.data


@contextmanager
def traced() -> Iterator[list[int]]:
    """The most memory that Python had in use during the block beyond its start, in octets."""
    grown: list[int] = []
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        yield grown
        grown.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()


@dataclass
class Sink:
    """A document system that keeps only length and digest of what it was given."""

    port: int
    sizes: list[int]
    digests: list[str]


def swallow(body: BinaryIO, length: int) -> tuple[int, str]:
    digest, left = hashlib.sha256(), length
    while left:
        chunk = body.read(min(left, 64 * 1024))
        digest.update(chunk)
        left -= len(chunk)
    return length, digest.hexdigest()


@contextmanager
def sink() -> Iterator[Sink]:
    sizes: list[int] = []
    digests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size, digest = swallow(self.rfile, int(self.headers["Content-Length"]))
            sizes.append(size)
            digests.append(digest)
            answer = json.dumps({"id": "7"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield Sink(server.server_port, sizes, digests)
        finally:
            server.shutdown()
            serving.join()
