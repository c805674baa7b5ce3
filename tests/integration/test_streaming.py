"""Large attachments pass in constant memory; slow clients are waited for; cut-off uploads leave nothing."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from sqlalchemy import select
from werkzeug.serving import WSGIRequestHandler, make_server

from gateway.cli.compose import SignedLetter
from gateway.domain.transit.envelope import Attachment, AttachmentRole, Recipient
from gateway.domain.transit.states import Transport
from gateway.store.transit.models import DeliveryRow, Message, Payload
from gateway.web.app import create_app
from gateway.wire.mime import OutgoingPart, write_related
from tests.support.hub import JWS, MINISTRY_OFFICE, XML, HubUnderTest, make_hub

MIB = 1024 * 1024
LARGE = 48 * MIB
MOST = 16 * MIB
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


def files_of(hub: HubUnderTest) -> list[Path]:
    """Every file that the payload store has, finished or not."""
    return [path for path in hub.gateway.settings.payloads.directory.rglob("*") if path.is_file()]


def states(hub: HubUnderTest) -> list[str]:
    with hub.gateway.store.read() as session:
        return list(session.scalars(select(Message.state)))


def payloads(hub: HubUnderTest) -> list[Payload]:
    with hub.gateway.store.read() as session:
        return list(session.scalars(select(Payload)))


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


@pytest.fixture
def hub(tmp_path: Path) -> HubUnderTest:
    return make_hub(tmp_path)


@pytest.mark.parametrize("media_type", [XML, JWS])
def test_a_large_attachment_is_taken_in_without_being_held_in_memory(
    hub: HubUnderTest, media_type: str
) -> None:
    letter = letter_with(hub, LARGE, media_type)
    with traced() as grown:
        status, answer = stream(hub, letter)
    assert (status, states(hub)) == (201, ["ACCEPTED"]), answer
    assert grown[0] < MOST
    stored = max(payloads(hub), key=lambda payload: payload.size)
    with hub.gateway.payloads.open(stored.object_id, stored.wrapped_key or b"") as content:
        assert hashlib.file_digest(content, "sha256").hexdigest() == digest_of(LARGE)


def test_a_body_that_comes_octet_by_octet_is_read_like_any_other(hub: HubUnderTest) -> None:
    letter = letter_with(hub, 3000)
    status, answer = stream(hub, letter, most=1)
    assert status == 201, answer
    assert sorted(payload.size for payload in payloads(hub)) == sorted([3000, len(letter.root)])


@pytest.mark.parametrize(
    "missing",
    [3, 50, MIB // 2, 3 * MIB - 1, 3 * MIB + 50],
    ids=[
        "end of the closing delimiter",
        "closing delimiter",
        "tail",
        "nearly all of the attachment",
        "all of the attachment",
    ],
)
def test_a_cut_off_upload_leaves_no_content_behind(hub: HubUnderTest, missing: int) -> None:
    letter = letter_with(hub, 3 * MIB)
    length = write_related(letter.root, letter.media_type, letter.parts)[2]
    status, answer = stream(hub, letter, end=length - missing)
    assert (status, b"WASL-REQ-004" in answer) == (422, True), answer
    assert files_of(hub) == []
    assert payloads(hub) == []
    assert "ACCEPTED" not in states(hub)


def test_a_cut_off_letter_is_accepted_when_it_is_sent_again_whole(hub: HubUnderTest) -> None:
    letter = letter_with(hub, 3 * MIB)
    stream(hub, letter, end=2 * MIB)
    status, answer = stream(hub, letter)
    assert status == 201, answer


def test_an_upload_of_something_else_than_was_signed_leaves_no_content_behind(hub: HubUnderTest) -> None:
    letter = letter_with(hub, 2 * MIB)
    other = io.BytesIO(BLOCK + BLOCK[::-1])
    part = replace(letter.parts[0], open=lambda: other)
    status, answer = stream(hub, replace(letter, parts=(part,)))
    assert status == 422, answer
    assert files_of(hub) == []


# Over a socket ---------------------------------------------------------------------------------------


class Silent(WSGIRequestHandler):
    """Serves without telling."""

    protocol_version = "HTTP/1.1"

    def log(self, *_: object, **__: object) -> None:
        """Write nothing."""


@contextmanager
def served(hub: HubUnderTest) -> Iterator[int]:
    """The hub's port while one request is answered; the request has ended when the block is left."""
    app = create_app(hub.gateway.settings, hub.gateway.services, hub.gateway.languages)
    server = make_server("127.0.0.1", 0, app, request_handler=Silent)
    serving = threading.Thread(target=server.handle_request)
    serving.start()
    try:
        yield server.port
    finally:
        serving.join(30)
        server.server_close()
    assert not serving.is_alive()


def head(letter: SignedLetter) -> tuple[bytes, Iterator[bytes]]:
    """The request's head, and its body in chunks."""
    content_type, chunks, length = write_related(letter.root, letter.media_type, letter.parts)
    lines = [
        "POST /api/v1/envelopes HTTP/1.1",
        "Host: hub.example",
        f"Content-Type: {content_type}",
        f"Content-Length: {length}",
        "Connection: close",
        "",
        "",
    ]
    return "\r\n".join(lines).encode(), chunks


def status_line(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as answer:
        return answer.readline()


def test_a_client_that_sends_single_octets_gets_its_receipt(hub: HubUnderTest) -> None:
    start, chunks = head(letter_with(hub, 500))
    with served(hub) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(start)
        for octet in b"".join(chunks):
            connection.sendall(bytes([octet]))
        assert b" 201 " in status_line(connection)
    assert states(hub) == ["ACCEPTED"]


def test_a_client_that_goes_away_leaves_no_content_behind(hub: HubUnderTest) -> None:
    start, chunks = head(letter_with(hub, 5 * MIB))
    with served(hub) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(start)
        connection.sendall(next(chunks))
        for _, chunk in zip(range(40), chunks, strict=False):
            connection.sendall(chunk)
    assert files_of(hub) == []
    assert payloads(hub) == []
    assert "ACCEPTED" not in states(hub)


# To a document system --------------------------------------------------------------------------------


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


def test_a_large_attachment_is_handed_on_without_being_held_in_memory(tmp_path: Path) -> None:
    with sink() as system:
        options = {
            "base_url": f"http://127.0.0.1:{system.port}",
            "create": {
                "path": "/letters",
                "body": {"subject": "envelope.subject"},
                "reads": {"handle": "id"},
            },
            "upload": {"path": "/letters/{handle}/files", "each": "attachments", "success": "id"},
        }
        route = {"kind": "adapter", "adapter": "rest", "options": options}
        hub = make_hub(tmp_path, {MINISTRY_OFFICE: route}, WASL_OUTGOING_ALLOW="127.0.0.1")
        assert stream(hub, letter_with(hub, LARGE, office=MINISTRY_OFFICE))[0] == 201
        with traced() as grown:
            hub.dispatch().run_once()
    with hub.gateway.store.read() as session:
        assert session.scalars(select(DeliveryRow.state)).all() == [Transport.HANDED_OVER.value]
    assert system.sizes[1] > LARGE
    assert grown[0] < MOST
