"""The ledger's doors: what anybody may read, in which form, how long it is kept, and who may add a word."""

from __future__ import annotations

import base64
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient

from gateway.exchange.evidence.ledger import Inclusion, SignedCheckpoint
from gateway.trust.note import WITNESS, cosign, verifier_key
from gateway.web.ledger import LARGEST_LINE
from gateway.web.tile_paths import read_level, read_tile_path, write_number
from gateway.wire.tlog import read_hashes, read_note
from tests.support.handlog import NOW, HandLog, serve

STAMPED, WAITING, UNKNOWN = "a" * 64, "b" * 64, "c" * 64
WITNESS_KEY = Ed25519PrivateKey.generate()
NAME = "witness.example/w1"


@pytest.fixture(scope="module")
def log() -> HandLog:
    log = HandLog(witnesses=(verifier_key(NAME, WITNESS_KEY, WITNESS),))
    log.grow(*(f"entry {number}" for number in range(300)))
    checkpoint = SignedCheckpoint(1, log.origin, 300, b"\0" * 32, NOW, log.note())
    log.tokens[300] = b"a time-stamp"
    log.inclusions[STAMPED] = Inclusion(3, checkpoint, b"a proof\n", b"a time-stamp")
    log.inclusions[WAITING] = Inclusion(4, checkpoint, b"another proof\n", None)
    return log


@pytest.fixture(scope="module")
def client(log: HandLog) -> FlaskClient:
    return serve(log).test_client()


def test_the_checkpoint_is_the_signed_note_and_is_always_asked_for_again(
    client: FlaskClient, log: HandLog
) -> None:
    answer = client.get("/ledger/checkpoint")
    assert (answer.status_code, answer.data) == (200, log.note())
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    again = client.get("/ledger/checkpoint", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    other = client.get("/ledger/checkpoint", headers={"If-None-Match": '"old"'})
    assert other.status_code == 200


def test_a_proof_and_its_time_stamp_lie_side_by_side(client: FlaskClient) -> None:
    proof, token = client.get(f"/ledger/proof/{STAMPED}"), client.get(f"/ledger/proof/{STAMPED}.tsr")
    assert (proof.data, token.data) == (b"a proof\n", b"a time-stamp")
    assert proof.headers["Content-Type"].startswith("text/plain")
    assert token.headers["Content-Type"] == "application/timestamp-reply"
    assert "max-age" in proof.headers["Cache-Control"]
    assert "max-age" in token.headers["Cache-Control"]


def test_a_proof_without_a_time_stamp_is_asked_for_again(client: FlaskClient) -> None:
    assert client.get(f"/ledger/proof/{WAITING}").headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", [f"proof/{WAITING}.tsr", f"proof/{UNKNOWN}", "token/299", "test/checkpoint"])
def test_what_is_not_made_yet_says_when_to_ask_again(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/ledger/{path}")
    assert (answer.status_code, answer.json["code"]) == (404, "WASL-REQ-011")  # type: ignore[index]
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_token_of_a_checkpoint_is_found_by_its_size(client: FlaskClient) -> None:
    answer = client.get("/ledger/token/300")
    assert (answer.data, answer.mimetype) == (b"a time-stamp", "application/timestamp-reply")


def test_a_consistency_proof_is_a_hash_on_each_line(client: FlaskClient, log: HandLog) -> None:
    answer = client.get("/ledger/consistency/7/300")
    hashes = log.consistency(7, 300)
    assert answer.data == b"".join(base64.b64encode(one) + b"\n" for one in hashes)
    assert read_hashes(answer.data) == tuple(hashes)
    assert client.get("/ledger/consistency/300/300").data == b""


def test_tiles_are_found_by_the_paths_of_tlog_tiles(client: FlaskClient, log: HandLog) -> None:
    assert client.get("/ledger/tile/0/000").data == log.tile(0, 0, 256)
    assert client.get("/ledger/tile/0/001.p/44").data == log.tile(0, 1, 44)
    assert client.get("/ledger/tile/entries/001.p/2").data == b"\0\x09entry 256\0\x09entry 257"
    assert client.get("/ledger/tile/0/000").headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "path",
    [
        "proof/" + "A" * 64,
        "proof/" + "a" * 63,
        "proof/" + "a" * 64 + ".tlog-proof",
        "proof/../checkpoint/x",
        "token/-1",
        "token/007",
        "token/" + "9" * 19,
        "token/" + "9" * 5000,
        "token/%D9%A3",
        "consistency/8/7",
        "consistency/1/301",
        "consistency/1/" + "9" * 18,
        "tile/0/1",
        "tile/0/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/x",
        "tile/0/x000/000",
        "tile/64/000",
        "tile/00/000",
        "tile/-1/000",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/entries/../checkpoint",
        "tile/entries/002",
        "elsewhere",
    ],
)
def test_what_is_no_address_of_the_ledger_is_not_found(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/ledger/{path}")
    assert answer.status_code == 404
    assert answer.json["code"] == "WASL-REQ-005"  # type: ignore[index]
    assert answer.mimetype == "application/problem+json"


def test_a_cosignature_of_a_known_witness_is_taken_and_shown(client: FlaskClient, log: HandLog) -> None:
    line = cosign(read_note(log.note()).text, NAME, WITNESS_KEY, NOW).line
    assert client.get("/ledger/cosignatures/300").data == b""
    answer = client.post("/ledger/cosignatures/300", data=line)
    assert (answer.status_code, answer.data) == (204, b"")
    shown = client.get("/ledger/cosignatures/300")
    assert shown.data == line
    assert shown.headers["Cache-Control"] == "no-cache"


def test_a_cosignature_of_somebody_else_is_refused(client: FlaskClient, log: HandLog) -> None:
    line = cosign(read_note(log.note()).text, NAME, Ed25519PrivateKey.generate(), NOW).line
    answer = client.post("/ledger/cosignatures/300", data=line)
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-REQ-010")  # type: ignore[index]


@pytest.mark.parametrize("form", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_more_than_a_line_is_not_even_read(client: FlaskClient, form: str) -> None:
    body = b"x" * (LARGEST_LINE + 1)
    answer = client.post("/ledger/cosignatures/300", data=body, content_type=form)
    assert (answer.status_code, answer.json["code"]) == (413, "WASL-REQ-002")  # type: ignore[index]
    assert str(LARGEST_LINE) in answer.json["title"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("000", (0, 256)),
        ("067.p/8", (67, 8)),
        ("x001/x234/067", (1_234_067, 256)),
        ("x001/000.p/255", (1000, 255)),
    ],
)
def test_tile_paths_are_read(path: str, found: tuple[int, int]) -> None:
    assert read_tile_path(path) == found
    assert write_number(found[0]) == path.partition(".")[0]


@pytest.mark.parametrize("path", ["", "1", "0001", "x000/001", "001/067", "x001/", "000.p/", "٠٠٠"])
def test_a_tile_has_only_one_path(path: str) -> None:
    assert read_tile_path(path) is None


def test_levels_are_read_in_their_one_form() -> None:
    assert [read_level(text) for text in ("0", "7", "63", "64", "07", "-1", "٣", "")] == [
        0, 7, 63, None, None, None, None, None,
    ]  # fmt: skip


def test_no_door_of_the_ledger_stores_anything_for_ever(client: FlaskClient) -> None:
    # a ledger that was lost continues under the same addresses with other content
    for path in ("tile/0/000", "consistency/1/2", f"proof/{STAMPED}"):
        kept = client.get(f"/ledger/{path}").headers["Cache-Control"]
        assert int(re.findall(r"max-age=(\d+)", kept)[0]) <= 7 * 86_400
        assert "immutable" not in kept
