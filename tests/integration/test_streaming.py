"""Large attachments pass in constant memory; slow clients are waited for; cut-off uploads leave nothing."""

from __future__ import annotations

import hashlib
import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from werkzeug.serving import WSGIRequestHandler, make_server

from gateway.cli.compose import SignedLetter
from gateway.domain.transit.states import Transport
from gateway.store.transit.models import DeliveryRow, Message, Payload
from gateway.web.app import create_app
from gateway.wire.mime import write_related
from tests.support.hub import JWS, MINISTRY_OFFICE, XML, HubUnderTest, make_hub
from tests.support.streams import BLOCK, MIB, digest_of, letter_with, sink, stream, traced

LARGE = 48 * MIB
MOST = 16 * MIB


def files_of(hub: HubUnderTest) -> list[Path]:
    """Every file that the payload store has, finished or not."""
    return [path for path in hub.gateway.settings.payloads.directory.rglob("*") if path.is_file()]


def states(hub: HubUnderTest) -> list[str]:
    with hub.gateway.store.read() as session:
        return list(session.scalars(select(Message.state)))


def payloads(hub: HubUnderTest) -> list[Payload]:
    with hub.gateway.store.read() as session:
        return list(session.scalars(select(Payload)))


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
