"""Requests at the door of letters: media types, sizes, encodings and the answers they get."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.support.hub import JWS, XML, HubUnderTest, make_hub, receipt_of

ENVELOPES = "/api/v1/envelopes"
FLATTENED = "application/jose+json"
DOORS = pytest.mark.parametrize("path", [ENVELOPES, f"{ENVELOPES}/check"])


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"), WASL_LIMITS_ENVELOPE_BYTES="65536")


def send(hub: HubUnderTest, body: bytes, content_type: str | None, path: str = ENVELOPES, **more: Any) -> Any:
    return hub.client.post(path, data=body, content_type=content_type, **more)


@DOORS
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/xml",
        "application/json",
        "application/soap+xml",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "no media type",
    ],
)
def test_other_media_types_are_unsupported(hub: HubUnderTest, path: str, content_type: str | None) -> None:
    answer = send(hub, hub.signed().root, content_type, path)
    assert (answer.status_code, answer.json["code"]) == (415, "WASL-REQ-001")
    taken = "application/xml | application/jose | application/jose+json | multipart/related"
    assert answer.json["faults"][0]["expected"] == taken
    assert taken in answer.json["remedy"]


def test_root_part_of_another_media_type_is_unsupported(hub: HubUnderTest) -> None:
    body = b"--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n"
    answer = send(hub, body, 'multipart/related; boundary="x"')
    assert (answer.status_code, answer.json["code"]) == (415, "WASL-REQ-001")


@pytest.mark.parametrize(
    "content_type",
    ["Application/XML", "application/xml; charset=utf-8", "application/xml;charset=utf-16"],
)
def test_media_type_is_known_in_any_case_and_with_parameters(hub: HubUnderTest, content_type: str) -> None:
    # the encoding that a header claims decides nothing: the document must be UTF-8
    answer = send(hub, hub.signed().root, content_type)
    assert answer.status_code == 201


def test_flattened_json_is_taken(hub: HubUnderTest) -> None:
    protected, payload, signature = hub.signed(media_type=JWS).root.decode().split(".")
    body = json.dumps({"protected": protected, "payload": payload, "signature": signature}).encode()
    answer = send(hub, body, FLATTENED)
    assert (answer.status_code, answer.mimetype) == (201, JWS)
    assert receipt_of(answer).received.media_type == FLATTENED


@DOORS
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_compressed_body_is_refused_unread(hub: HubUnderTest, path: str, encoding: str) -> None:
    answer = send(hub, hub.signed().root, XML, path, headers={"Content-Encoding": encoding})
    assert (answer.status_code, answer.json["code"]) == (415, "WASL-REQ-008")


@pytest.mark.parametrize("encoding", ["identity", "Identity"])
def test_identity_is_no_compression(hub: HubUnderTest, encoding: str) -> None:
    answer = send(hub, hub.signed().root, XML, headers={"Content-Encoding": encoding})
    assert answer.status_code == 201


@DOORS
def test_envelope_over_the_limit_is_too_large(hub: HubUnderTest, path: str) -> None:
    answer = send(hub, b"<" * 65_537, XML, path)
    assert (answer.status_code, answer.json["code"]) == (413, "WASL-REQ-002")
    assert "65536" in answer.json["faults"][0]["expected"]


def test_envelope_of_exactly_the_limit_is_read(hub: HubUnderTest) -> None:
    assert send(hub, b"<" * 65_536, XML).json["code"] == "WASL-XML-001"


def test_root_part_over_the_limit_is_too_large(hub: HubUnderTest) -> None:
    body = b"--x\r\nContent-Type: application/xml\r\n\r\n" + b"<" * 65_537 + b"\r\n--x--\r\n"
    answer = send(hub, body, 'multipart/related; boundary="x"')
    assert (answer.status_code, answer.json["code"]) == (413, "WASL-REQ-002")


def test_chunked_envelope_over_the_limit_is_too_large(hub: HubUnderTest) -> None:
    answer = hub.client.post(
        ENVELOPES,
        input_stream=io.BytesIO(b"<" * 70_000),
        content_type=XML,
        environ_overrides={"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True},
    )
    assert (answer.status_code, answer.json["code"]) == (413, "WASL-REQ-002")


@pytest.mark.parametrize("media_type", [XML, JWS, FLATTENED])
def test_empty_body_gets_a_coded_problem(hub: HubUnderTest, media_type: str) -> None:
    answer = send(hub, b"", media_type)
    assert answer.status_code == 422
    assert answer.json["code"].startswith(("WASL-XML-", "WASL-JWS-"))


@DOORS
@pytest.mark.parametrize(
    "content_type",
    ["multipart/related", 'multipart/related; boundary=""', "multipart/related; boundary=" + "x" * 71],
)
def test_multipart_without_a_usable_boundary_is_malformed(
    hub: HubUnderTest, path: str, content_type: str
) -> None:
    answer = send(hub, b"--x--", content_type, path)
    assert (answer.status_code, answer.json["code"]) == (422, "WASL-REQ-003")


@pytest.mark.parametrize(
    "accept", ["text/html", "application/json", "application/xml;q=0, application/jose;q=0"]
)
def test_receipt_that_does_not_exist_is_not_acceptable_and_nothing_is_taken(
    hub: HubUnderTest, accept: str
) -> None:
    before = hub.kept()
    answer = send(hub, hub.signed().root, XML, headers={"Accept": accept})
    assert (answer.status_code, answer.json["code"]) == (406, "WASL-REQ-009")
    assert hub.kept() == before


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("*/*", XML),
        ("", XML),
        ("application/*", XML),
        ("application/jose", JWS),
        ("application/jose, application/xml", XML),
        ("application/xml;q=0.5, application/jose", JWS),
        ("text/html, */*;q=0.1", XML),
        ("*/*, application/xml;q=0", JWS),
    ],
)
def test_receipt_comes_as_the_accept_header_prefers(hub: HubUnderTest, accept: str, given: str) -> None:
    answer = send(hub, hub.signed().root, XML, headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (201, given)


def test_answers_are_not_to_be_stored_by_caches(hub: HubUnderTest) -> None:
    accepted, refused = hub.post(hub.signed()), send(hub, b"", XML)
    assert accepted.headers["Cache-Control"] == refused.headers["Cache-Control"] == "no-store"
