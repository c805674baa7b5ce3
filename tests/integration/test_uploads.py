"""Contents are uploaded by digest, resumed where they were cut off, and listed by later letters."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from adapters.contract import Context, Delivered, Letter
from gateway.bootstrap.evidence import purge, self_check
from gateway.bootstrap.rest import upload_expiry
from gateway.cli.compose import SignedLetter
from gateway.domain.errors import Conflict, Refused
from gateway.domain.evidence.retention import Retention, RetentionRule
from gateway.domain.transit.envelope import Attachment, AttachmentRole
from gateway.domain.transit.uploading import Span
from gateway.store.transit.models import Message, Payload
from gateway.store.transit.queries import attachments
from gateway.store.transit.upload_models import UploadRow
from gateway.trust.assertion import make_assertion
from tests.integration.test_streaming import served, status_line
from tests.support.hub import (
    COMMUNE,
    JWS,
    MINISTRY,
    NAMES,
    XML,
    HubUnderTest,
    make_hub,
    receipt_of,
    token_form,
)
from tests.support.objectstore import object_store
from tests.support.shapes import Shape
from tests.support.streams import MIB, Chunks, Filler, digest_of, traced
from tests.support.systems import TAKEN, Simulator, accept, fresh_hub, state

CONTENT = b"DEMONSTRATION plan of the town hall\n" * 1000
UPLOADS = "/api/v1/attachments"


@pytest.fixture(scope="module")
def hub(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"), WASL_UPLOADS_PARTY_COUNT="60")


@pytest.fixture
def alone(tmp_path: Path) -> HubUnderTest:
    """A hub of the test's own, with small bounds."""
    bounds = {"PARTY_BYTES": str(4 * MIB), "PARTY_COUNT": "3", "PIECE_BYTES": str(MIB), "KEEP_HOURS": "2"}
    return make_hub(tmp_path, **{f"WASL_UPLOADS_{name}": value for name, value in bounds.items()})


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def fresh() -> bytes:
    """A content that nobody uploaded yet."""
    return os.urandom(8) + CONTENT


def bearer(hub: HubUnderTest, party: str = MINISTRY, scope: str = "envelopes:submit") -> dict[str, str]:
    key, audience = hub.sealer(NAMES[party]).key, "http://127.0.0.1:8080/oauth2/token"
    assertion = make_assertion(key, party, audience, os.urandom(8).hex(), hub.clock())
    answer = hub.client.post("/oauth2/token", data=token_form(assertion, scope=scope))
    return {"Authorization": f"Bearer {answer.json['access_token']}"}


def put(hub: HubUnderTest, content: bytes, of: str, span: str | None = None, **more: Any) -> Any:
    headers = bearer(hub, more.pop("party", MINISTRY)) | more.pop("headers", {})
    if span is not None:
        headers["Content-Range"] = f"bytes {span}"
    return hub.client.put(f"{UPLOADS}/{of}", data=content, headers=headers, **more)


def head(hub: HubUnderTest, of: str, party: str = MINISTRY) -> Any:
    return hub.client.head(f"{UPLOADS}/{of}", headers=bearer(hub, party))


def offset(hub: HubUnderTest, of: str) -> int | None:
    answer = head(hub, of)
    return int(answer.headers["Upload-Offset"]) if answer.status_code == 200 else None


def listed(*contents: bytes) -> tuple[Attachment, ...]:
    """Contents as an envelope lists them that brings none of them."""
    return tuple(
        Attachment(
            id=f"att{index}",
            name=f"plan-{index}.txt",
            media_type="text/plain",
            size=len(content),
            sha256=digest(content),
            role=AttachmentRole.MAIN if index == 0 else AttachmentRole.ANNEX,
        )
        for index, content in enumerate(contents)
    )


def listing(hub: HubUnderTest, *contents: bytes, media_type: str = JWS) -> SignedLetter:
    """A letter that lists contents."""
    return hub.signed(hub.envelope(attachments=listed(*contents)), media_type)


def kept_contents(hub: HubUnderTest, reference: str | None) -> dict[str, bytes]:
    with hub.gateway.store.read() as session:
        message = session.scalars(select(Message.id).where(Message.reference == reference)).one()
        found = attachments(session, message)
    opened = {
        name: hub.gateway.payloads.open(row.object_id, row.wrapped_key or b"") for name, row in found.items()
    }
    read = {name: stream.read() for name, stream in opened.items()}
    for stream in opened.values():
        stream.close()
    return read


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_a_whole_content_is_taken_at_once_and_a_repeat_changes_nothing(hub: HubUnderTest) -> None:
    content = fresh()
    first, again = put(hub, content, digest(content)), put(hub, content, digest(content))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.headers["Location"] == f"{UPLOADS}/{digest(content)}"
    told = head(hub, digest(content)).headers
    assert (told["Upload-Offset"], told["Upload-Complete"]) == (str(len(content)), "?1")


def test_an_empty_content_is_a_content(hub: HubUnderTest) -> None:
    assert put(hub, b"", digest(b"")).status_code == 201
    assert offset(hub, digest(b"")) == 0


@pytest.mark.parametrize("media_type", [XML, JWS])
def test_a_letter_that_lists_uploaded_contents_needs_no_parts(hub: HubUnderTest, media_type: str) -> None:
    one, two = fresh(), fresh()
    for content in (one, two):
        assert put(hub, content, digest(content)).status_code == 201
    answer = hub.post(listing(hub, one, two, media_type=media_type))
    assert answer.status_code == 201, answer.data
    assert kept_contents(hub, receipt_of(answer).reference) == {"att0": one, "att1": two}
    again = hub.post(listing(hub, one, one, media_type=media_type))
    assert kept_contents(hub, receipt_of(again).reference) == {"att0": one, "att1": one}


def test_pieces_are_joined_in_their_order(hub: HubUnderTest) -> None:
    content, size = fresh(), len(fresh())
    for start, end in ((0, 7), (7, 9000), (9000, size)):
        answer = put(hub, content[start:end], digest(content), f"{start}-{end - 1}/{size}")
        assert answer.status_code == (201 if end == size else 202), answer.data
        assert answer.headers["Upload-Offset"] == str(end)
    answer = hub.post(listing(hub, content))
    assert kept_contents(hub, receipt_of(answer).reference) == {"att0": content}


@pytest.mark.parametrize("start", [0, 99, 101, 5000])
def test_another_offset_is_refused_with_the_true_one(hub: HubUnderTest, start: int) -> None:
    content = fresh()
    put(hub, content[:100], digest(content), f"0-99/{len(content)}")
    span = f"{start}-{start + 9}/{len(content)}"
    answer = put(hub, content[start : start + 10], digest(content), span)
    assert code(answer) == (409, "WASL-ATT-007")
    assert answer.headers["Upload-Offset"] == "100"
    assert offset(hub, digest(content)) == 100


def test_a_content_that_was_not_begun_begins_at_its_start(hub: HubUnderTest) -> None:
    content = fresh()
    answer = put(hub, content[5:], digest(content), f"5-{len(content) - 1}/{len(content)}")
    assert code(answer) == (409, "WASL-ATT-007")
    assert answer.json["faults"][0]["expected"] == "0"
    assert offset(hub, digest(content)) is None


def test_a_whole_content_replaces_what_was_begun(hub: HubUnderTest) -> None:
    content = fresh()
    put(hub, b"x" * 100, digest(content), f"0-99/{len(content) + 5}")
    assert put(hub, content, digest(content)).status_code == 201


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_content_with_another_digest_is_refused_and_nothing_of_it_is_kept(
    hub: HubUnderTest, pieces: int
) -> None:
    content, named, before = fresh(), digest(fresh()), hub.kept()
    if pieces == 2:
        put(hub, content[:100], named, f"0-99/{len(content)}")
        answer = put(hub, content[100:], named, f"100-{len(content) - 1}/{len(content)}")
    else:
        answer = put(hub, content, named)
    assert code(answer) == (422, "WASL-ATT-004")
    assert offset(hub, named) is None
    assert hub.kept() == before


def test_another_length_of_the_whole_is_refused(hub: HubUnderTest) -> None:
    content = fresh()
    put(hub, content[:100], digest(content), f"0-99/{len(content)}")
    answer = put(hub, content[100:200], digest(content), f"100-199/{len(content) + 1}")
    assert code(answer) == (422, "WASL-ATT-003")


@pytest.mark.parametrize(
    "span", ["5-2/10", "0-9/*", "*/10", "0-10/10", "-1-3/9", "0-9999999999999999/99999999999999999", "٠-٩/١٠"]
)
def test_a_range_that_means_nothing_is_refused(hub: HubUnderTest, span: str) -> None:
    environ = {"HTTP_CONTENT_RANGE": f"bytes {span}".encode().decode("latin-1")}
    answer = put(hub, b"0123456789", digest(b"x"), environ_overrides=environ)
    assert code(answer) == (422, "WASL-REQ-010")


def test_a_range_of_another_length_than_the_body_is_refused(hub: HubUnderTest) -> None:
    assert code(put(hub, b"0123", digest(b"x"), "0-9/10")) == (422, "WASL-REQ-010")


@pytest.mark.parametrize("name", ["x", "0" * 63, "A" * 64, "g" * 64, "0" * 65])
def test_what_is_no_digest_names_nothing(hub: HubUnderTest, name: str) -> None:
    assert code(put(hub, b"x", name)) == (422, "WASL-REQ-010")
    assert head(hub, name).status_code == 404


def test_a_whole_content_in_chunks_says_no_length(hub: HubUnderTest) -> None:
    more = {"environ_overrides": {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}}
    headers = bearer(hub)
    answer = hub.client.put(f"{UPLOADS}/{digest(b'x')}", input_stream=BytesIO(b"x"), headers=headers, **more)
    assert code(answer) == (411, "WASL-REQ-020")


@pytest.mark.parametrize(("came", "expected", "kept"), [(50, 201, 50), (51, 422, 0), (49, 422, 49)])
def test_chunks_with_a_range_bring_what_was_announced(
    hub: HubUnderTest, came: int, expected: int, kept: int
) -> None:
    content, more = os.urandom(50), {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    sent = (content + b"xx")[:came]
    answer = hub.client.put(
        f"{UPLOADS}/{digest(content)}",
        input_stream=BytesIO(sent),
        headers=bearer(hub) | {"Content-Range": "bytes 0-49/50"},
        environ_overrides=more,
    )
    assert answer.status_code == expected
    assert offset(hub, digest(content)) == kept


def test_a_compressed_content_is_refused_unread(hub: HubUnderTest) -> None:
    answer = put(hub, b"x", digest(b"x"), headers={"Content-Encoding": "gzip"})
    assert code(answer) == (415, "WASL-REQ-008")


def test_to_another_party_the_content_does_not_exist(hub: HubUnderTest) -> None:
    content = fresh()
    put(hub, content, digest(content))
    assert head(hub, digest(content), COMMUNE).status_code == 404
    letter = listing(hub, content)
    assert hub.post(letter).status_code == 201
    sender = hub.envelope().sender
    theirs = hub.envelope(
        sender=type(sender)(COMMUNE),
        attachments=(
            Attachment("att0", "x.txt", "text/plain", len(content), digest(content), AttachmentRole.MAIN),
        ),
    )
    answer = hub.post(hub.signed(theirs, JWS, by="commune"))
    assert [(one.code, one.where) for one in receipt_of(answer).reasons] == [
        ("WASL-ATT-001", "/attachments/0")
    ]


def test_a_token_that_only_reads_uploads_nothing(hub: HubUnderTest) -> None:
    answer = hub.client.put(
        f"{UPLOADS}/{digest(b'x')}", data=b"x", headers=bearer(hub, scope="envelopes:read")
    )
    assert code(answer) == (403, "WASL-AUT-005")
    assert hub.client.get(f"{UPLOADS}/{digest(b'x')}", headers=bearer(hub)).status_code == 405


@pytest.mark.parametrize(
    ("media_type", "place"), [(XML, "/Envelope/Attachments/Attachment[{}]"), (JWS, "/attachments/{}")]
)
def test_a_check_and_a_refusal_name_every_content_that_is_missing(
    hub: HubUnderTest, media_type: str, place: str
) -> None:
    here, gone, away = fresh(), fresh(), fresh()
    put(hub, here, digest(here))
    put(hub, away[:10], digest(away), f"0-9/{len(away)}")
    letter = listing(hub, here, gone, away, media_type=media_type)
    first = 1 if media_type == JWS else 2
    places = [place.format(first), place.format(first + 1)]
    told = hub.post(letter, "/api/v1/envelopes/check").json["missing"]
    assert [(one["where"], one["sha256"], one["href"]) for one in told] == [
        (places[0], digest(gone), f"{UPLOADS}/{digest(gone)}"),
        (places[1], digest(away), f"{UPLOADS}/{digest(away)}"),
    ]
    refused = hub.post(letter)
    assert refused.status_code == 422
    assert [(one.code, one.where) for one in receipt_of(refused).reasons] == [
        ("WASL-ATT-001", one) for one in places
    ]
    for content in (gone, away):
        assert put(hub, content, digest(content)).status_code == 201
    assert hub.post(letter, "/api/v1/envelopes/check").json["missing"] == []
    assert hub.post(letter).status_code == 201


def test_a_content_of_another_size_than_listed_is_missing(hub: HubUnderTest) -> None:
    content = fresh()
    put(hub, content, digest(content))
    other = Attachment("att0", "x.txt", "text/plain", len(content) - 1, digest(content), AttachmentRole.MAIN)
    answer = hub.post(hub.signed(hub.envelope(attachments=(other,)), JWS))
    assert [one.code for one in receipt_of(answer).reasons] == ["WASL-ATT-001"]


# Cut off, at once, too much -----------------------------------------------------------------------


def test_what_came_before_a_cut_is_kept_and_the_rest_is_enough(alone: HubUnderTest) -> None:
    size = 2 * MIB + 5
    named = digest_of(size)
    head_of = (
        f"PUT {UPLOADS}/{named} HTTP/1.1\r\nHost: hub.example\r\nContent-Length: {size}\r\n"
        f"Authorization: {bearer(alone)['Authorization']}\r\nConnection: close\r\n\r\n"
    )
    came = MIB + 4321
    with served(alone) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head_of.encode() + Filler(size).read(MIB) + Filler(size).read(4321))
        connection.shutdown(socket.SHUT_WR)
        assert b" 422 " in status_line(connection)
    assert offset(alone, named) == came
    content = Filler(size)
    rest = (content.read(MIB) + content.read(MIB) + content.read(MIB))[came:]
    assert put(alone, rest, named, f"{came}-{size - 1}/{size}").status_code == 201


def test_a_body_of_single_octets_is_read_like_any_other(alone: HubUnderTest) -> None:
    content = fresh()[:3000]
    answer = alone.client.put(
        f"{UPLOADS}/{digest(content)}",
        headers=bearer(alone),
        environ_overrides={"wsgi.input": Chunks(iter([content]), 1), "CONTENT_LENGTH": str(len(content))},
    )
    assert answer.status_code == 201


def test_a_large_content_costs_no_memory(tmp_path: Path) -> None:
    hub, size = make_hub(tmp_path, WASL_UPLOADS_PIECE_BYTES=str(8 * MIB)), 32 * MIB
    chunks = iter(lambda: filler.read(65536), b"")
    filler = Filler(size)
    with traced() as grown:
        answer = hub.client.put(
            f"{UPLOADS}/{digest_of(size)}",
            headers=bearer(hub),
            environ_overrides={"wsgi.input": Chunks(chunks), "CONTENT_LENGTH": str(size)},
        )
    assert answer.status_code == 201
    assert grown[0] < 12 * MIB


def test_of_two_that_go_on_at_one_place_one_is_told_the_true_offset(alone: HubUnderTest) -> None:
    content, uploads = fresh(), alone.gateway.services.uploads
    named, size = digest(content), len(content)
    put(alone, content[:100], named, f"0-99/{size}")

    def slow() -> Iterator[bytes]:
        yield content[100:150]
        uploads.put(MINISTRY, named, Span(100, 200, size), iter([content[100:300]]))  # while it is on its way
        yield content[150:200]

    with pytest.raises(Conflict) as told:
        uploads.put(MINISTRY, named, Span(100, 100, size), slow())
    assert told.value.faults[0].expected == "300"
    assert offset(alone, named) == 300
    assert put(alone, content[300:], named, f"300-{size - 1}/{size}").status_code == 201


def test_pieces_that_are_replaced_while_they_are_joined_are_no_damage(alone: HubUnderTest) -> None:
    content, uploads = fresh(), alone.gateway.services.uploads
    named, size = digest(content), len(content)
    put(alone, content[:100], named, f"0-99/{size}")
    opening = uploads.payloads.open

    class Late:
        """Opens a piece after another request has begun anew."""

        def __getattr__(self, name: str) -> Any:
            return getattr(alone.gateway.payloads, name)

        def open(self, *which: Any) -> Any:
            with pytest.raises(Refused, match="WASL-REQ-004"):
                uploads.put(MINISTRY, named, Span(None, size, size), iter([content[:50]]))
            return opening(*which)

    late = replace(uploads, payloads=Late())
    with pytest.raises(Conflict) as told:
        late.put(MINISTRY, named, Span(100, size - 100, size), iter([content[100:]]))
    assert told.value.faults[0].expected == "50"
    assert put(alone, content, named).status_code == 201


def test_two_whole_uploads_at_once_both_succeed_and_one_content_is_kept(alone: HubUnderTest) -> None:
    content = fresh()
    meet, statuses = threading.Barrier(2), []

    def chunks() -> Iterator[bytes]:
        meet.wait(20)
        yield content

    def upload() -> None:
        span = Span(None, len(content), len(content))
        statuses.append(
            alone.gateway.services.uploads.put(MINISTRY, digest(content), span, chunks()).complete
        )

    before = alone.kept()
    threads = [threading.Thread(target=upload) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    after = alone.kept()
    assert statuses == [True, True]
    assert [after[name] - before[name] for name in ("upload", "payload", "files")] == [1, 1, 1]


def test_a_liar_does_not_spoil_what_another_request_brings(alone: HubUnderTest) -> None:
    content, uploads = fresh(), alone.gateway.services.uploads
    named, size = digest(content), len(content)

    def lying() -> Iterator[bytes]:
        uploads.put(MINISTRY, named, Span(0, 100, size), iter([content[:100]]))
        yield b"x" * size

    with pytest.raises(Refused):
        uploads.put(MINISTRY, named, Span(None, size, size), lying())
    assert offset(alone, named) == 100


@pytest.mark.parametrize("sizes", [(3 * MIB, 2 * MIB), (1, 1, 1, 1)], ids=["octets", "count"])
def test_one_party_keeps_no_more_than_allowed(alone: HubUnderTest, sizes: tuple[int, ...]) -> None:
    *fits, last = (bytes([number]) * size for number, size in enumerate(sizes))  # no two alike
    for content in fits:
        assert put(alone, content, digest(content)).status_code == 201
    before = alone.kept()
    answer = put(alone, last, digest(last))
    assert code(answer) == (429, "WASL-ATT-008")
    assert int(answer.headers["Retry-After"]) > 0
    assert alone.kept() == before
    assert put(alone, last, digest(last), party=COMMUNE).status_code == 201


def test_announced_octets_count_before_they_come(alone: HubUnderTest) -> None:
    assert put(alone, b"x", digest(b"1"), f"0-0/{3 * MIB}").status_code == 202
    assert code(put(alone, b"x", digest(b"2"), f"0-0/{2 * MIB}")) == (429, "WASL-ATT-008")


def test_a_content_over_the_limit_is_too_large(tmp_path: Path) -> None:
    hub = make_hub(tmp_path, WASL_LIMITS_ATTACHMENT_BYTES="1024")
    assert code(put(hub, b"x" * 1025, digest(b"x"))) == (413, "WASL-REQ-002")


def test_what_nobody_uses_is_forgotten_and_what_a_letter_took_stays(alone: HubUnderTest) -> None:
    used, unused, begun = fresh(), fresh(), fresh()
    for content in (used, unused):
        put(alone, content, digest(content))
    put(alone, begun[:10], digest(begun), f"0-9/{len(begun)}")
    answer = alone.post(listing(alone, used))
    alone.clock.forward(hours=1)
    assert upload_expiry(alone.gateway).run() == 0
    alone.clock.forward(hours=1)
    assert upload_expiry(alone.gateway).run() == 3
    assert [offset(alone, digest(one)) for one in (used, unused, begun)] == [None] * 3
    assert kept_contents(alone, receipt_of(answer).reference) == {"att0": used}
    kept = alone.kept()
    assert (kept["upload"], kept["upload_piece"], kept["files"]) == (0, 0, 1)
    with alone.gateway.store.read() as session:
        assert [row.owners for row in session.scalars(select(Payload).where(Payload.inline.is_(None)))] == [1]


def test_a_content_forgotten_at_the_last_moment_is_missing(alone: HubUnderTest) -> None:
    content = fresh()
    put(alone, content, digest(content))
    letter = listing(alone, content)
    intake = alone.gateway.services.intake
    sealing = intake.issuing

    class Late:
        """Seals, and lets the upload's time pass just before the commit."""

        def __getattr__(self, name: str) -> Any:
            return getattr(sealing, name)

        def seal(self, *given: Any) -> Any:
            sealed = sealing.seal(*given)
            with alone.clock.moved(hours=3):
                upload_expiry(alone.gateway).run()
            return sealed

    with alone.using(intake=replace(intake, issuing=Late())):
        answer = alone.post(letter)
    assert answer.status_code == 422
    assert [one.where for one in receipt_of(answer).reasons] == ["/attachments/0"]


# What becomes of a letter's uploaded contents -------------------------------------------------------


@pytest.mark.parametrize("upload_ends", ["before", "after"])
def test_a_purge_destroys_what_only_the_letter_owns_and_evidence_agrees(
    tmp_path: Path, upload_ends: str
) -> None:
    hub = fresh_hub(tmp_path, Simulator(), WASL_UPLOADS_KEEP_HOURS="1000")
    content = fresh()
    assert put(hub, content, digest(content)).status_code == 201
    [delivery] = accept(hub, attachments=listed(content, content))
    hub.dispatch().run_once()
    assert state(hub, delivery) == "HANDED_OVER"
    if upload_ends == "before":
        expire(hub)
    hub.clock.forward(days=31)
    rules = Retention.of((RetentionRule("short", 30, frozenset({"request"})),), 3650)
    assert len(replace(purge(hub.gateway), retention=rules).run().letters) == 1
    assert hub.kept()["files"] == int(upload_ends == "after")
    assert content_findings(hub) == []
    expire(hub)
    assert (hub.kept()["files"], content_findings(hub)) == (0, [])


def expire(hub: HubUnderTest) -> None:
    """Let the time of every upload be over."""
    with hub.clock.moved(hours=1001):
        upload_expiry(hub.gateway).run()
    with hub.gateway.store.read() as session:
        assert session.scalars(select(UploadRow)).all() == []


def content_findings(hub: HubUnderTest) -> list[str]:
    """What the self-check says of contents and purges."""
    found = {one.code for one in self_check(hub.gateway).find(True)}
    return sorted(code for code in found if code.startswith(("content.", "purge.")))


def test_a_document_system_gets_the_uploaded_content(tmp_path: Path) -> None:
    system = Simulator()
    hub, content = fresh_hub(tmp_path, system), fresh()
    put(hub, content, digest(content))
    got: list[bytes] = []

    def take(letter: Letter, _: Context) -> Delivered:
        [attachment] = letter.envelope.attachments
        with letter.open(attachment) as stream:
            got.append(stream.read())
        return TAKEN

    system.script = [take]
    accept(hub, attachments=listed(content))
    hub.dispatch().run_once()
    assert got == [content]


def test_pieces_lie_in_an_object_store_like_any_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with object_store() as store:
        monkeypatch.setenv("WASL_SECRET_S3_ACCESS_KEY", store.access_key)
        monkeypatch.setenv("WASL_SECRET_S3_SECRET_KEY", store.secret_key)
        hub = make_hub(tmp_path, **store.environment(store.make_bucket()))
        content, size = fresh(), len(fresh())
        assert put(hub, content[:9000], digest(content), f"0-8999/{size}").status_code == 202
        assert put(hub, content[9000:], digest(content), f"9000-{size - 1}/{size}").status_code == 201
        answer = hub.post(listing(hub, content))
        assert kept_contents(hub, receipt_of(answer).reference) == {"att0": content}
        assert len(list(hub.gateway.payloads.list_objects())) == 1
