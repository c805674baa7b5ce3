"""Attachments at the door: only what was signed, whole, once, and for an authorised letter."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.compose import SignedLetter
from gateway.domain.identifiers import directory_id
from gateway.domain.transit.envelope import Attachment, Recipient
from gateway.store.transit import queries
from gateway.wire.mime import OutgoingPart, write_related
from tests.support.hub import JWS, XML, HubUnderTest, make_hub, receipt_of

SYNTAXES = pytest.mark.parametrize("media_type", [XML, JWS])
PLAN = b"DEMONSTRATION plan " * 9000  # longer than what stands in the database
ANNEX = b"DEMONSTRATION annex"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(
        tmp_path_factory.mktemp("hub"),
        WASL_LIMITS_ATTACHMENT_BYTES="200000",
        WASL_LIMITS_INLINE_BYTES="4096",
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("files")
    plan, annex = folder / "plan.bin", folder / "annex.txt"
    plan.write_bytes(PLAN)
    annex.write_bytes(ANNEX)
    return plan, annex


@pytest.fixture
def no_content_kept(hub: HubUnderTest) -> Iterator[None]:
    """Neither payloads nor files, begun ones included, are left of what was refused."""
    before = hub.kept()
    yield
    after = hub.kept()
    assert {name: after[name] for name in ("payload", "files", "delivery", "attachment")} == {
        name: before[name] for name in ("payload", "files", "delivery", "attachment")
    }


def part(content_id: str, content: bytes) -> OutgoingPart:
    return OutgoingPart(content_id, "application/octet-stream", len(content), lambda: io.BytesIO(content))


def with_parts(letter: SignedLetter, *parts: OutgoingPart) -> SignedLetter:
    return replace(letter, parts=parts)


def attached(octets: bytes, name: str = "note.txt", **changes: Any) -> Attachment:
    values: dict[str, Any] = {
        "id": "att1",
        "name": name,
        "media_type": "text/plain",
        "size": len(octets),
        "sha256": sha256(octets).hexdigest(),
    }
    return Attachment(**{**values, **changes})


def codes(answer: Any) -> list[str]:
    """The reasons of a sealed rejection."""
    return [reason.code for reason in receipt_of(answer).reasons]


@SYNTAXES
def test_attachments_are_kept_as_they_came(
    hub: HubUnderTest, files: tuple[Path, Path], media_type: str
) -> None:
    answer = hub.post(hub.signed(media_type=media_type, files=files))
    receipt = receipt_of(answer)
    assert answer.status_code == 201
    assert [(a.name, a.size, a.sha256) for a in receipt.attachments] == [
        ("plan.bin", len(PLAN), sha256(PLAN).hexdigest()),
        ("annex.txt", len(ANNEX), sha256(ANNEX).hexdigest()),
    ]
    assert kept_contents(hub, receipt.reference) == {"att1": PLAN, "att2": ANNEX}


def kept_contents(hub: HubUnderTest, reference: str | None) -> dict[str, bytes]:
    store, payloads = hub.gateway.store, hub.gateway.payloads
    with store.read() as session:
        message = queries.accepted_by_reference(session, reference or "")
        assert message is not None
        rows = queries.attachments(session, message.id)
        return {
            key: payloads.read_small(row.object_id, row.wrapped_key or b"", row.inline)
            for key, row in rows.items()
        }


@SYNTAXES
def test_attachment_inside_the_envelope_is_kept(hub: HubUnderTest, media_type: str) -> None:
    inside = attached(ANNEX, content=ANNEX)
    answer = hub.post(hub.signed(hub.envelope(attachments=(inside,)), media_type))
    assert answer.status_code == 201
    assert kept_contents(hub, receipt_of(answer).reference) == {"att1": ANNEX}


def test_empty_attachment_is_an_attachment(hub: HubUnderTest) -> None:
    empty = attached(b"", content_id="att1@wasl")
    letter = hub.signed(hub.envelope(attachments=(empty,)))
    answer = hub.post(with_parts(letter, part("att1@wasl", b"")))
    assert answer.status_code == 201
    assert kept_contents(hub, receipt_of(answer).reference) == {"att1": b""}


def test_attachments_may_come_in_another_order(hub: HubUnderTest, files: tuple[Path, Path]) -> None:
    letter = hub.signed(files=files)
    assert hub.post(replace(letter, parts=letter.parts[::-1])).status_code == 201


def test_two_attachments_with_the_same_content_are_both_kept(hub: HubUnderTest) -> None:
    one = attached(ANNEX, content_id="a@wasl")
    two = attached(ANNEX, id="att2", content_id="b@wasl")
    letter = hub.signed(hub.envelope(attachments=(one, two)))
    answer = hub.post(with_parts(letter, part("a@wasl", ANNEX), part("b@wasl", ANNEX)))
    assert kept_contents(hub, receipt_of(answer).reference) == {"att1": ANNEX, "att2": ANNEX}


@pytest.mark.usefixtures("no_content_kept")
@pytest.mark.parametrize(
    ("media_type", "places"),
    [
        (XML, ["/Envelope/Attachments/Attachment[1]", "/Envelope/Attachments/Attachment[2]"]),
        (JWS, ["/attachments/0", "/attachments/1"]),
    ],
)
def test_every_missing_attachment_is_named(
    hub: HubUnderTest, files: tuple[Path, Path], media_type: str, places: list[str]
) -> None:
    letter = hub.signed(media_type=media_type, files=files)
    answer = hub.post(with_parts(letter))
    assert answer.status_code == 422
    assert [(r.code, r.where) for r in receipt_of(answer).reasons] == [
        ("WASL-ATT-001", place) for place in places
    ]


@pytest.mark.usefixtures("no_content_kept")
def test_only_the_missing_one_is_named_when_another_came(hub: HubUnderTest, files: tuple[Path, Path]) -> None:
    letter = hub.signed(media_type=JWS, files=files)
    answer = hub.post(replace(letter, parts=letter.parts[:1]))
    (reason,) = receipt_of(answer).reasons
    assert (reason.code, reason.where) == ("WASL-ATT-001", "/attachments/1")
    assert "att2" in reason.text


@pytest.mark.usefixtures("no_content_kept")
def test_attachment_that_is_said_to_be_uploaded_and_is_not_is_missing(hub: HubUnderTest) -> None:
    letter = hub.signed(hub.envelope(attachments=(attached(ANNEX),)))
    assert codes(hub.post(letter)) == ["WASL-ATT-001"]


@pytest.mark.usefixtures("no_content_kept")
def test_part_that_the_envelope_does_not_list_is_refused(hub: HubUnderTest, files: tuple[Path, Path]) -> None:
    letter = hub.signed(files=files)
    answer = hub.post(with_parts(letter, *letter.parts, part("stowaway@wasl", b"x")))
    assert codes(answer) == ["WASL-ATT-002"]


@pytest.mark.usefixtures("no_content_kept")
def test_part_beside_a_letter_without_attachments_is_refused(hub: HubUnderTest) -> None:
    answer = hub.post(with_parts(hub.signed(), part("stowaway@wasl", b"x")))
    assert codes(answer) == ["WASL-ATT-002"]


@pytest.mark.usefixtures("no_content_kept")
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (PLAN[:-1] + b"!", "WASL-ATT-004"),
        (PLAN[:-1], "WASL-ATT-003"),
        (PLAN + b"!", "WASL-ATT-003"),
        (b"", "WASL-ATT-003"),
    ],
    ids=["altered", "shorter", "longer", "empty"],
)
def test_content_that_was_not_signed_is_refused_and_named(
    hub: HubUnderTest, files: tuple[Path, Path], content: bytes, code: str
) -> None:
    letter = hub.signed(files=files)
    answer = hub.post(with_parts(letter, letter.parts[1], part("att1@wasl", content)))
    (reason,) = receipt_of(answer).reasons
    assert (answer.status_code, reason.code) == (422, code)
    assert "att1" in reason.text


@pytest.mark.usefixtures("no_content_kept")
def test_content_inside_that_was_not_described_truly_is_refused(hub: HubUnderTest) -> None:
    lies = attached(ANNEX, content=ANNEX, size=len(ANNEX) + 1)
    other = attached(ANNEX, content=ANNEX, sha256=sha256(b"other").hexdigest())
    assert codes(hub.post(hub.signed(hub.envelope(attachments=(lies,))))) == ["WASL-ATT-003"]
    assert codes(hub.post(hub.signed(hub.envelope(attachments=(other,))))) == ["WASL-ATT-004"]


@pytest.mark.usefixtures("no_content_kept")
def test_part_that_comes_twice_is_refused(hub: HubUnderTest, files: tuple[Path, Path]) -> None:
    letter = hub.signed(files=files)
    answer = hub.post(with_parts(letter, *letter.parts, part("att1@wasl", PLAN)))
    assert codes(answer) == ["WASL-ATT-005"]


@pytest.mark.usefixtures("no_content_kept")
def test_attachment_over_the_limit_is_refused_before_it_is_read(hub: HubUnderTest) -> None:
    large = attached(b"", size=200_001, content_id="att1@wasl")
    answer = hub.post(hub.signed(hub.envelope(attachments=(large,)), JWS))
    (reason,) = receipt_of(answer).reasons
    assert (answer.status_code, reason.code) == (413, "WASL-ATT-006")
    assert reason.where == "/attachments/0/size"


@pytest.mark.usefixtures("no_content_kept")
def test_content_inside_over_the_inline_limit_is_refused(hub: HubUnderTest) -> None:
    content = b"x" * 4097
    inside = attached(content, content=content)
    answer = hub.post(hub.signed(hub.envelope(attachments=(inside,)), JWS))
    (reason,) = receipt_of(answer).reasons
    assert (answer.status_code, reason.code) == (413, "WASL-ATT-006")
    assert reason.where == "/attachments/0/content"


def cut(letter: SignedLetter, left: int) -> tuple[str, bytes, int]:
    content_type, chunks, length = write_related(letter.root, letter.media_type, letter.parts)
    return content_type, b"".join(chunks)[:left], length


def send_cut_off(hub: HubUnderTest, letter: SignedLetter, left: int) -> Any:
    """What a client gets that announces all of the letter and goes away in the middle."""
    content_type, body, length = cut(letter, left)
    return hub.client.post(
        "/api/v1/envelopes",
        input_stream=io.BytesIO(body),
        content_type=content_type,
        environ_overrides={"CONTENT_LENGTH": str(length)},
    )


@pytest.mark.usefixtures("no_content_kept")
def test_letter_cut_off_in_its_envelope_gets_a_problem(hub: HubUnderTest, files: tuple[Path, Path]) -> None:
    answer = send_cut_off(hub, hub.signed(files=files), 700)
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-REQ-004")
    plain = hub.signed()
    answer = hub.client.post(
        "/api/v1/envelopes",
        input_stream=io.BytesIO(plain.root[:300]),
        content_type=XML,
        environ_overrides={"CONTENT_LENGTH": str(len(plain.root))},
    )
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-REQ-004")


@pytest.mark.parametrize("left", [-1, -60, -20_000, -160_000])
def test_letter_cut_off_in_an_attachment_is_accepted_when_it_comes_whole(
    hub: HubUnderTest, files: tuple[Path, Path], left: int
) -> None:
    letter = hub.signed(files=files)
    whole = cut(letter, 10**9)[2]
    # the last two octets are the line break after the closing delimiter, which nobody misses
    before = hub.kept()
    first = send_cut_off(hub, letter, whole + left - 2)
    # nothing was judged, so nothing is sealed and no quota is used
    assert (first.status_code, first.json["code"]) == (422, "WASL-REQ-004")
    assert hub.kept() == before
    again = hub.post(letter)
    assert again.status_code == 201
    assert kept_contents(hub, receipt_of(again).reference) == {"att1": PLAN, "att2": ANNEX}


def test_letter_whose_attachment_was_wrong_is_accepted_when_it_is_right(
    hub: HubUnderTest, files: tuple[Path, Path]
) -> None:
    letter = hub.signed(files=files[1:])
    wrong = with_parts(letter, part("att1@wasl", ANNEX[:-1] + b"!"))
    assert hub.post(wrong).status_code == 422
    assert hub.post(letter).status_code == 201


class Flood:
    """A multipart body of a hundred thousand parts, made while it is read."""

    def __init__(self, letter: SignedLetter, boundary: str = "flood") -> None:
        head = f"--{boundary}\r\nContent-Type: {letter.media_type}\r\n\r\n".encode()
        self._pieces = self._all(head + letter.root, boundary)
        self._rest = b""
        self.given = 0

    @staticmethod
    def _all(root: bytes, boundary: str) -> Iterator[bytes]:
        yield root
        for number in range(100_000):
            yield f"\r\n--{boundary}\r\nContent-ID: <p{number}>\r\n\r\nx".encode()
        yield f"\r\n--{boundary}--\r\n".encode()

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._rest += piece
        found, self._rest = self._rest[:size], self._rest[size:]
        self.given += len(found)
        return found


@pytest.mark.usefixtures("no_content_kept")
def test_a_hundred_thousand_parts_are_refused_before_any_is_read(hub: HubUnderTest) -> None:
    flood = Flood(hub.signed())
    answer = hub.client.post(
        "/api/v1/envelopes",
        content_type='multipart/related; boundary="flood"',
        environ_overrides={
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input": flood,
            "wsgi.input_terminated": True,
        },
    )
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-REQ-003")
    assert answer.json["faults"][0]["expected"] == "at most 65 attachments"


@pytest.mark.usefixtures("no_content_kept")
def test_parts_of_an_unauthorised_letter_are_never_stored(
    hub: HubUnderTest, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("something was stored for a letter that nobody may send")

    monkeypatch.setattr(type(hub.gateway.payloads), "create", never)
    stranger = hub.signed(files=files, by="office")
    nowhere = hub.envelope(recipients=(Recipient(office=directory_id("B", 77)),))
    assert hub.post(stranger).json["code"] == "WASL-CRT-001"
    assert codes(hub.post(hub.signed(nowhere, files=files))) == ["WASL-RTE-001"]


@pytest.mark.usefixtures("no_content_kept")
@pytest.mark.parametrize(
    "name", ["../plan.pdf", "CON.pdf", "plan\u202efdp.exe", "a" * 300 + ".pdf", "plan.pdf ", ".."]
)
def test_hostile_file_name_is_refused(hub: HubUnderTest, name: str) -> None:
    inside = attached(ANNEX, name=name, content=ANNEX)
    answer = hub.post(hub.signed(hub.envelope(attachments=(inside,)), JWS))
    assert answer.status_code == 422
    assert set(codes(answer)) <= {"WASL-ENV-001", "WASL-ENV-105"}


def test_sixty_four_attachments_are_taken(hub: HubUnderTest) -> None:
    many = tuple(attached(ANNEX, id=f"a{n}", content_id=f"a{n}@wasl") for n in range(64))
    letter = hub.signed(hub.envelope(attachments=many))
    answer = hub.post(with_parts(letter, *(part(f"a{n}@wasl", ANNEX) for n in range(64))))
    assert answer.status_code == 201
    assert len(kept_contents(hub, receipt_of(answer).reference)) == 64
