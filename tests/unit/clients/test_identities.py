"""Certificates that a route shows in TLS, to servers that ask for them."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from gateway.clients.http import GuardedHttp, HttpSettings
from gateway.clients.identities import Identities, authorities_of_the_system
from gateway.domain.errors import Permanent, Temporary
from tests.unit.clients.test_http import Authority, answers, ok, tls_client, tls_server


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


def pem(files: tuple[Path, Path]) -> str:
    return "".join(path.read_text("ascii") for path in files)


def names_the_client(connection: ssl.SSLSocket, server: Any) -> None:
    server.read_all(connection)
    subject = dict(pair[0] for pair in connection.getpeercert()["subject"])  # type: ignore[index, misc]
    connection.sendall(ok(subject["commonName"].encode()))


def asking(serve: Any, authority: Authority) -> Any:
    files = authority.issue("server", "dms.example")
    return serve(names_the_client, tls=tls_server(files, authority.file))


def get(http: GuardedHttp, server: Any, identity: str | None, scheme: str = "https") -> bytes:
    return http.request("GET", f"{scheme}://dms.example:{server.port}/", identity=identity).body


def test_each_route_is_known_by_its_own_certificate(serve: Any, authority: Authority) -> None:
    server = asking(serve, authority)
    files = authority.issue("hub")
    http = tls_client(authority, client_certificate=files[0], client_key=files[1])
    first, second = pem(authority.issue("route-1")), pem(authority.issue("route-2"))
    shown = [get(http, server, identity) for identity in (first, second, first, None)]
    assert shown == [b"route-1", b"route-2", b"route-1", b"hub"]


def test_one_certificate_is_loaded_once_and_nothing_of_it_stays_on_disk(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    identities = Identities(authority.file)
    first, second = pem(authority.issue("one")), pem(authority.issue("two"))
    assert identities.context(first) is identities.context(first)
    assert identities.context(first) is not identities.context(second)
    assert list(place.iterdir()) == []


def test_the_systems_authorities_are_read_once_and_shared_by_those_who_show_nothing(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = authorities_of_the_system()
    with monkeypatch.context() as patched:
        patched.setattr("ssl.create_default_context", None)  # nobody reads them again
        assert GuardedHttp(HttpSettings())._tls is shared
    files = authority.issue("hub")
    assert GuardedHttp(HttpSettings(client_certificate=files[0], client_key=files[1]))._tls is not shared
    assert GuardedHttp(HttpSettings(ca_file=authority.file))._tls is not shared
    assert Identities(None).context(pem(files)) is not shared


def test_server_is_verified_all_the_same(serve: Any, authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    wrong_name = serve(names_the_client, tls=tls_server(authority.issue("other.example", "other.example")))
    wrong_issuer = serve(names_the_client, tls=tls_server(stranger.issue("server", "dms.example")))
    for server in (wrong_name, wrong_issuer):
        with pytest.raises(Temporary) as caught:
            get(tls_client(authority), server, pem(authority.issue("hub")))
        assert caught.value.code == "WASL-DLV-001"
        assert server.seen == []


@pytest.mark.parametrize("days", [1, -1], ids=["stranger", "expired"])
def test_certificate_that_the_server_refuses_took_nothing(
    serve: Any, authority: Authority, tmp_path: Path, days: int
) -> None:
    server = asking(serve, authority)
    issuer = authority if days < 0 else Authority(tmp_path, "stranger")
    with pytest.raises(Temporary) as caught:
        get(tls_client(authority), server, pem(issuer.issue("hub", days=days)))
    assert caught.value.code == "WASL-DLV-013"
    assert server.seen == []


def locked(files: tuple[Path, Path]) -> str:
    key = serialization.load_pem_private_key(files[1].read_bytes(), None)
    shape = serialization.PrivateFormat.PKCS8
    lock = serialization.BestAvailableEncryption(b"word")
    return files[0].read_text() + key.private_bytes(serialization.Encoding.PEM, shape, lock).decode()


@pytest.mark.parametrize(
    "make",
    [
        lambda authority: authority.issue("a")[0].read_text() + authority.issue("b")[1].read_text(),
        lambda authority: locked(authority.issue("a")),
        lambda authority: authority.issue("a")[0].read_text(),
        lambda authority: authority.issue("a")[1].read_text(),
        lambda _: "",
        lambda _: "clé",
    ],
    ids=["other-key", "password", "no-key", "no-certificate", "empty", "no-pem"],
)
def test_identity_that_is_none_waits_for_an_operator(serve: Any, authority: Authority, make: Any) -> None:
    server = asking(serve, authority)
    with pytest.raises(Temporary) as caught:
        get(tls_client(authority), server, make(authority))
    assert caught.value.code == "WASL-DLV-013"
    assert "BEGIN" not in str(caught.value)
    assert server.calls == 0


def test_identity_is_never_sent_over_plain_http(serve: Any, authority: Authority) -> None:
    server = serve(answers(ok(b"")))
    with pytest.raises(Permanent):
        get(tls_client(authority), server, pem(authority.issue("hub")), "http")
    assert server.calls == 0
