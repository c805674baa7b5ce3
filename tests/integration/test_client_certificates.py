"""Callers known by a client certificate: over TLS of the hub's own, or handed on by a proxy it trusts."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from gateway import assets
from gateway.cli.tls import make_context
from gateway.domain.errors import Misconfigured
from gateway.settings import load
from tests.support.hub import AGENCY, AGENCY_OFFICE, MINISTRY, HubUnderTest, make_hub, party_table
from tests.support.served import Served, served
from tests.support.soap import call, fault, message, said

PROXY, STRANGER = "10.20.30.40", "10.20.30.50"
HEADER = "X-Client-Certificate"
BAD = "WASL-AUT-006"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(
        tmp_path_factory.mktemp("hub"),
        WASL_WEB_CLIENT_CERTIFICATE_HEADER=HEADER,
        WASL_WEB_TRUSTED_PROXIES="10.20.30.40/32, fd00::/8",
    )


def escaped(hub: HubUnderTest, holder: str) -> str:
    """As nginx writes $ssl_client_escaped_cert."""
    return quote(hub.pki[holder].certificate.public_bytes(Encoding.PEM).decode())


def colons(hub: HubUnderTest, holder: str) -> str:
    """As RFC 9440 says."""
    return f":{base64.b64encode(hub.pki[holder].certificate.public_bytes(Encoding.DER)).decode()}:"


def get(hub: HubUnderTest, certificate: str, peer: str = PROXY, **headers: str) -> Any:
    return hub.client.get(
        f"/api/v1/inbox?office={AGENCY_OFFICE}",
        headers={HEADER: certificate, **headers},
        environ_overrides={"REMOTE_ADDR": peer},
    )


@pytest.mark.parametrize("form", [escaped, colons])
@pytest.mark.parametrize("peer", [PROXY, "fd12::7", f"::ffff:{PROXY}"])
def test_certificate_that_the_proxy_hands_on_stands_for_a_token(
    hub: HubUnderTest, form: Any, peer: str
) -> None:
    assert get(hub, form(hub, "agency"), peer).status_code == 200


@pytest.mark.parametrize("peer", [STRANGER, "127.0.0.1", "::1", "", "somewhere"])
def test_from_everybody_else_the_header_is_ignored(hub: HubUnderTest, peer: str) -> None:
    answer = get(hub, escaped(hub, "agency"), peer)
    assert (answer.status_code, answer.json["code"]) == (401, "WASL-AUT-001")


def test_a_hub_without_the_setting_ignores_every_header(tmp_path: Path) -> None:
    plain = make_hub(tmp_path)
    for name in (HEADER, "Client-Cert", "X-SSL-Client-Cert", "X-Forwarded-Client-Cert"):
        answer = plain.client.get(
            f"/api/v1/inbox?office={AGENCY_OFFICE}", headers={name: colons(plain, "agency")}
        )
        assert answer.json["code"] == "WASL-AUT-001"


def test_a_party_sees_its_own_only(hub: HubUnderTest) -> None:
    assert get(hub, escaped(hub, "commune")).status_code == 404


def test_a_token_that_is_named_alone_decides(hub: HubUnderTest) -> None:
    certificate = escaped(hub, "agency")
    assert get(hub, certificate, Authorization="Bearer nonsense").json["code"] == "WASL-AUT-002"
    assert get(hub, certificate, Authorization=f"Bearer {hub.token(AGENCY)}").json["code"] == "WASL-AUT-005"


def test_a_letter_needs_no_certificate_and_minds_none(hub: HubUnderTest) -> None:
    answer = hub.client.post(
        "/api/v1/envelopes",
        data=hub.signed().root,
        content_type="application/xml",
        headers={HEADER: "nonsense"},
        environ_overrides={"REMOTE_ADDR": PROXY},
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "holder", ["expired", "revoked", "office", "code-only", "servers-only", "no-signature"]
)
def test_certificate_that_is_not_good_for_clients_is_refused(hub: HubUnderTest, holder: str) -> None:
    made: Mapping[str, dict[str, Any]] = {
        "code-only": {"purposes": [Purpose.CODE_SIGNING]},
        "servers-only": {"purposes": [Purpose.SERVER_AUTH]},
        "no-signature": {"usage": ["content_commitment"]},
    }
    if holder in made:
        hub.issue(holder, **made[holder])
    if holder != "office":
        hub.register(holder, AGENCY)
    answer = get(hub, escaped(hub, holder))
    assert (answer.status_code, answer.json["code"]) == (401, BAD)


def test_certificate_for_clients_alone_opens_reads_and_signs_no_letter(hub: HubUnderTest) -> None:
    hub.issue("client-only", purposes=[Purpose.CLIENT_AUTH], usage=["digital_signature"])
    hub.register("client-only", MINISTRY)
    assert get(hub, escaped(hub, "client-only")).status_code == 404  # let in; the office is another party's
    refused = hub.post(hub.signed(by="client-only"))
    assert (refused.status_code, refused.json["code"]) == (422, "WASL-CRT-006")


def test_closed_party_is_refused(tmp_path: Path) -> None:
    hub = make_hub(tmp_path, WASL_WEB_CLIENT_CERTIFICATE_HEADER=HEADER, WASL_WEB_TRUSTED_PROXIES=PROXY)
    hub.apply({"party": [{**party_table(hub.pki, AGENCY), "active": False}]})
    assert get(hub, escaped(hub, "agency")).json["code"] == BAD


def test_stale_revocation_lists_are_the_hubs_own_trouble(tmp_path: Path) -> None:
    hub = make_hub(tmp_path, WASL_WEB_CLIENT_CERTIFICATE_HEADER=HEADER, WASL_WEB_TRUSTED_PROXIES=PROXY)
    assets.testpki().write_crls(hub.pki, hub.clock() - timedelta(days=40), days=30)
    answer = get(hub, escaped(hub, "agency"))
    assert (answer.status_code, answer.json["code"]) == (503, "WASL-CRT-008")


def harmed(hub: HubUnderTest) -> Iterator[str]:
    pem, der = escaped(hub, "agency"), colons(hub, "agency")
    yield from (
        "nonsense",
        ":",
        "::",
        ":!!:",
        ":YQ==:",
        der[:-1],
        der[1:],
        pem[:-20],
        pem + pem,
        f"{pem},{pem}",
    )
    yield from (quote("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"), "x" * 20_000, "%00", "\xe9")


def test_header_that_cannot_be_read_authenticates_nobody(hub: HubUnderTest) -> None:
    for text in harmed(hub):
        answer = get(hub, text)
        assert (answer.status_code, answer.json["code"]) == (401, BAD), text


def test_soap_takes_the_certificate_too(hub: HubUnderTest) -> None:
    for holder, code in (("agency", None), ("commune", "WASL-REQ-005"), ("office", BAD)):
        answer = hub.client.post(
            "/soap/v1",
            data=message(call("ListInbox", office=AGENCY_OFFICE)),
            content_type="text/xml",
            headers={HEADER: escaped(hub, holder)},
            environ_overrides={"REMOTE_ADDR": PROXY},
        )
        assert said(answer) if code is None else fault(answer) == ("Client", code)


@pytest.mark.parametrize(
    ("environment", "key"),
    [
        ({"WASL_WEB_TLS_CERTIFICATE": "/a.pem"}, "web.tls_key"),
        ({"WASL_WEB_TLS_CLIENTS": "true"}, "web.tls_clients"),
        ({"WASL_WEB_CLIENT_CERTIFICATE_HEADER": HEADER}, "web.trusted_proxies"),
        ({"WASL_WEB_TRUSTED_PROXIES": "10.0.0.1/8"}, "web.trusted_proxies"),
        ({"WASL_WEB_TRUSTED_PROXIES": "10.0.0.0/64"}, "web.trusted_proxies"),
        ({"WASL_WEB_TRUSTED_PROXIES": "proxy.example"}, "web.trusted_proxies"),
        ({"WASL_WEB_CLIENT_CERTIFICATE_HEADER": "Client_Cert"}, "web.client_certificate_header"),
    ],
    ids=str,
)
def test_settings_that_contradict_each_other_are_named(environment: dict[str, str], key: str) -> None:
    with pytest.raises(Misconfigured, match=key):
        load(environment)


# The hub's own TLS -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as made:
        yield made


def ask(running: Served, holder: str | None) -> tuple[int, dict[str, Any]]:
    """Status and JSON of an answer to a reader, with a client certificate or without."""
    request = f"GET /api/v1/inbox?office={AGENCY_OFFICE} HTTP/1.0\r\nHost: hub\r\n\r\n"
    head, _, body = exchange(running, holder, request.encode()).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def exchange(running: Served, holder: str | None, request: bytes) -> bytes:
    """All that is answered over one connection."""
    context = ssl.create_default_context(cafile=str(running.authority))
    if holder is not None:
        context.load_cert_chain(running.client_pem(holder))
    port = int(running.address.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), 30) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_connection_with_a_registered_certificate_is_the_partys(running: Served) -> None:
    assert ask(running, "agency")[0] == 200
    assert ask(running, "commune")[0] == 404


def test_connection_without_one_is_nobodys(running: Served) -> None:
    status, problem = ask(running, None)
    assert (status, problem["code"]) == (401, "WASL-AUT-001")


def test_certificate_of_the_right_authority_that_nobody_registered_is_refused(running: Served) -> None:
    status, problem = ask(running, "office")
    assert (status, problem["code"]) == (401, BAD)


def test_revoked_certificate_is_refused(running: Served) -> None:
    running.hub.register("revoked", AGENCY)
    status, problem = ask(running, "revoked")
    assert (status, problem["code"]) == (401, BAD)


def test_certificate_of_a_strange_authority_gets_no_connection(running: Served) -> None:
    running.hub.pki.holders.pop("stranger", None)
    module = assets.testpki()
    module.issue(running.hub.pki, "stranger", None)
    with pytest.raises((ssl.SSLError, ConnectionError, IndexError)):
        ask(running, "stranger")


def test_message_that_comes_in_chunks_is_read_like_any_other(running: Served) -> None:
    letter = running.hub.signed(running.hub.envelope(created_at=datetime.now(UTC)))
    octets = message(call("SubmitEnvelope", octets=letter.root, mediaType=letter.media_type))
    pieces = [octets[start : start + 100] for start in range(0, len(octets), 100)]
    sent = [f"{len(one):x}\r\n".encode() + one + b"\r\n" for one in pieces]
    broken = exchange(running, None, chunked(b"".join(sent[: len(sent) // 2]) + b"zz\r\n"))
    assert b"soap:Client" in broken  # the sender's mistake, not ours
    assert b"WASL-XML-001" in broken
    answer = exchange(running, None, chunked(b"".join(sent) + b"0\r\n\r\n"))
    assert b"<status>ACCEPTED</status>" in answer


def chunked(body: bytes) -> bytes:
    head = "POST /soap/v1 HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Type: text/xml\r\n"
    return f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + body


def test_who_does_not_finish_the_greeting_is_not_waited_for(
    running: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cli.tls._HANDSHAKE_S", 0.2)
    context = make_context(running.hub.gateway.settings)
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended: list[BaseException] = []

        def greet() -> None:
            accepted, _ = server.accept()
            try:
                context.wrap_socket(accepted, server_side=True).close()
            except OSError as error:
                ended.append(error)
                accepted.close()

        serving = threading.Thread(target=greet)
        serving.start()
        with socket.create_connection(server.getsockname()) as silent:
            silent.sendall(b"\x16\x03")
            serving.join(10)
    assert [isinstance(one, TimeoutError) for one in ended] == [True]
