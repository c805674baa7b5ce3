"""`/verify` judges anybody's file as the offline verifier does, keeps nothing, and never fails."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Request
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import EnvironBuilder, encode_multipart

from gateway.domain.errors import Refused
from gateway.verifier.beside import PROOF, TOKEN
from gateway.verifier.opening import open_receipt
from gateway.web.upload import UploadLimits, read_upload, shown_name
from gateway.web.verify import PARTS
from tests.support.evidence import beside_of, settle
from tests.support.hub import JWS, XML, HubUnderTest, make_hub
from tests.unit.web.test_pages import Outline

LANGUAGES = ("ar", "fr", "en")
BROWSER = {"Accept": "text/html,*/*;q=0.8"}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"), WASL_LIMITS_VERIFICATIONS_PER_MINUTE="100000")


@pytest.fixture(scope="module")
def letter(hub: HubUnderTest) -> bytes:
    return hub.signed().root


@pytest.fixture(scope="module")
def receipt(hub: HubUnderTest, letter: bytes) -> bytes:
    answer = hub.client.post("/api/v1/envelopes", data=letter, content_type=XML)
    settle(hub)
    return bytes(answer.data)


@pytest.fixture
def kept(hub: HubUnderTest) -> Iterator[None]:
    """Nothing of what a test uploads stays anywhere."""
    before, temporary = hub.kept(), {path.name for path in Path("/tmp").glob("wasl-verify-*")}
    yield
    assert hub.kept() == before
    assert {path.name for path in Path("/tmp").glob("wasl-verify-*")} <= temporary


def ask(hub: HubUnderTest, *files: tuple[str, bytes], original: bytes | None = None, lang: str = "en") -> Any:
    """What a browser's form sends, the body in memory."""
    form = [("files", FileStorage(BytesIO(octets), name)) for name, octets in files]
    form.append(("original", FileStorage(BytesIO(original or b""), "original" if original else "")))
    boundary, body = encode_multipart(MultiDict(form))
    # The encoder leaves out the line break that ends an empty part, and its own reader stumbles over that.
    empty, end = b"octet-stream\r\n\r\n", f"--{boundary}".encode()
    body = body.replace(empty + end, empty + b"\r\n" + end)
    content_type = f"multipart/form-data; boundary={boundary}"
    return hub.client.post(f"/verify?lang={lang}", data=body, headers=BROWSER, content_type=content_type)


def codes(answer: Any) -> list[str]:
    return re.findall(r'<p class="hint"><bdi dir="ltr">([a-z.\-]+)</bdi>', answer.text)


# --- good files


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_hub_adds_the_proof_of_its_own_ledger_and_says_so(
    hub: HubUnderTest, receipt: bytes, language: str, kept: None
) -> None:
    answer = ask(hub, ("receipt.xml", receipt), lang=language)
    assert answer.status_code == 200
    assert {"ledger.included", "token.good"} <= set(codes(answer))
    digest = open_receipt(receipt, XML).digest
    assert f'href="/ledger/proof/{digest}.tsr"' in answer.text
    assert "verdict-done" in answer.text
    page = Outline(answer.text)
    assert page.open == []
    assert not page.all("script")


def test_what_lies_beside_is_matched_by_its_name(hub: HubUnderTest, receipt: bytes) -> None:
    beside = beside_of(hub, open_receipt(receipt, XML).digest)
    assert beside.proof is not None
    assert beside.token is not None
    files = (("r.xml" + TOKEN, beside.token), ("r.xml", receipt), ("r.xml" + PROOF, beside.proof))
    answer = ask(hub, *files)
    assert "token.good" in codes(answer)
    assert "/ledger/proof/" not in answer.text
    spoiled = ask(hub, ("r.xml", receipt), ("r.xml" + PROOF, beside.proof[:-9]))
    assert "ledger.malformed" in codes(spoiled)


def test_the_original_is_compared_and_not_kept(
    hub: HubUnderTest, receipt: bytes, letter: bytes, kept: None
) -> None:
    assert "original.matches" in codes(ask(hub, ("r.xml", receipt), original=letter))
    large = os.urandom(1 << 20) * 20
    answer = ask(hub, ("r.xml", receipt), original=large)
    assert "original.differs" in codes(answer)
    assert sha256(large).hexdigest() in answer.text


def test_a_bundle_is_judged_with_every_part(hub: HubUnderTest, receipt: bytes) -> None:
    bundle = BytesIO()
    reference = open_receipt(receipt, XML).receipt.reference
    assert reference is not None
    hub.gateway.services.bundles.write(reference, None, bundle)
    answer = ask(hub, ("letter.asice", bundle.getvalue()))
    assert "verdict-done" in answer.text
    assert answer.text.count('<details class="part">') >= 1
    assert Outline(answer.text).open == []
    altered = bundle.getvalue()[:-1]
    assert "verdict-failed" in ask(hub, ("letter.asice", altered)).text


def test_a_receipt_of_another_hub_gets_no_proof(hub: HubUnderTest) -> None:
    answer = ask(hub, ("x.xml", b"<x/>"))
    assert codes(answer) == ["format.other"]
    assert "verdict-failed" in answer.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_digest_from_a_qr_code_is_looked_up(hub: HubUnderTest, receipt: bytes, language: str) -> None:
    digest = open_receipt(receipt, XML).digest
    found = hub.client.get(f"/verify?receipt={digest}&lang={language}")
    assert (found.status_code, "verdict-done" in found.text) == (200, True)
    unknown = hub.client.get(f"/verify?receipt={'0' * 64}&lang={language}")
    assert (unknown.status_code, "verdict-done" in unknown.text) == (200, False)


@pytest.mark.parametrize("digest", ["", "0" * 63, "0" * 65, "G" * 64, "<script>", "%00", "0" * 5000])
def test_what_is_no_digest_is_told(hub: HubUnderTest, digest: str) -> None:
    answer = hub.client.get(f"/verify?receipt={digest}&lang=en", headers=BROWSER)
    assert answer.status_code == 400
    assert "<script>" not in answer.text


# --- bad input


HOSTILE = {
    "nothing": (),
    "two receipts": (("a.xml", b"<a/>"), ("b.xml", b"<b/>")),
    "two proofs": (("a.xml", b"<a/>"), ("a.tlog-proof", b"x"), ("b.tlog-proof", b"y")),
    "a proof alone": (("a.tlog-proof", b"x"),),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_form_that_is_not_clear_is_explained(hub: HubUnderTest, case: str) -> None:
    answer = ask(hub, *HOSTILE[case])
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize(
    "octets",
    [
        b"\0",
        b"%PDF-1.7\n%%EOF",
        b"PK\x03\x04",
        b"PK\x03\x04" + b"\0" * 500,
        b"{",
        b"a.b.c",
        b"<",
        b"\xff" * 999,
    ],
)
def test_any_file_is_judged(hub: HubUnderTest, octets: bytes, kept: None) -> None:
    answer = ask(hub, ("x", octets))
    assert answer.status_code == 200
    assert "verdict-failed" in answer.text


def test_a_name_can_neither_act_nor_hide_anything(hub: HubUnderTest) -> None:
    answer = ask(hub, ("../../<script>alert(1)</script>\u202egnp.xml", b"<x/>"))
    assert "<script>" not in answer.text
    assert "\u202e" not in answer.text
    assert shown_name("..\\..\\a\u202eb.xml") == "ab.xml"
    assert shown_name("x" * 999) == "x" * 120
    assert shown_name(None) == "—"


def test_too_large_files_are_refused(hub: HubUnderTest) -> None:
    answer = ask(hub, ("x", b" " * (16 * 1024 * 1024 + 1)))
    assert answer.status_code == 413


def test_too_many_parts_are_refused(hub: HubUnderTest) -> None:
    assert ask(hub, *[("x.xml", b"<x/>")] * (PARTS + 1)).status_code == 413


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/x-www-form-urlencoded", b"files=x", 415),
        ("multipart/form-data", b"--", 422),
        ("multipart/form-data; boundary=", b"--", 422),
        ("multipart/form-data; boundary=" + "x" * 300, b"--", 422),
        ("multipart/form-data; boundary=\u00e9", b"--", 422),
        ("multipart/form-data; boundary=x", b"nothing", 422),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n\r\n--x--", 422),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--", 400),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: \xff\r\n\r\na\r\n--x--", 422),
        ("multipart/form-data; boundary=x", b"--x\r\nA: " + b"a" * 400_000, 413),
        ("multipart/form-data; boundary=x", b"a" * 400_000, 413),
        ("multipart/form-data; boundary=x", b"--x--" + b"a" * 400_000, 413),
    ],
)
def test_malformed_forms_are_refused(hub: HubUnderTest, content_type: str, body: bytes, status: int) -> None:
    answer = hub.client.post("/verify", data=body, content_type=content_type, headers=BROWSER)
    assert answer.status_code == status


def test_every_cut_of_a_form_is_answered(hub: HubUnderTest) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="r.xml"\r\n\r\n'
    whole = head + b"<x/>\r\n--x\r\nContent-Disposition: form-data; name=original\r\n\r\no\r\n--x--\r\n"
    client = hub.client
    for end in range(len(whole)):
        answer = client.post("/verify", data=whole[:end], content_type="multipart/form-data; boundary=x")
        assert answer.status_code in (200, 400, 422), end


def test_a_compressed_form_is_refused(hub: HubUnderTest) -> None:
    answer = hub.client.post(
        "/verify",
        data=b"",
        content_type="multipart/form-data; boundary=x",
        headers={"Content-Encoding": "gzip"},
    )
    assert answer.status_code == 415


def test_a_form_that_comes_too_slowly_is_cut_off() -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="r"\r\n\r\n' + b"r" * 50_000
    told = {"data": form, "content_type": "multipart/form-data; boundary=x", "method": "POST"}
    builder = EnvironBuilder(**told)
    clock = iter(range(0, 1000, 4))
    with pytest.raises(Refused, match="WASL-REQ-004"):
        read_upload(builder.get_request(Request), UploadLimits(60_000, 1000, 4, 10), lambda: next(clock))
    assert next(clock) == 16  # it was looked at once more after the deadline, and then no more
    builder.close()


def test_a_jws_receipt_is_judged_too(hub: HubUnderTest) -> None:
    answer = hub.post(hub.signed(media_type=JWS))
    settle(hub)
    assert "token.good" in codes(ask(hub, ("r.jws", answer.data)))


def test_the_page_is_reached_from_every_page(hub: HubUnderTest) -> None:
    assert 'href="/verify"' in hub.client.get("/").text
    assert hub.client.get("/verify").status_code == 200
