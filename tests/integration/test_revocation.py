"""Revocation lists come from configured addresses, only authentic and newer ones are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from adapters.contract import Response
from certs.testpki import Pki, build, make_crl, write_crls
from gateway.domain.errors import Temporary
from gateway.exchange.clock import Ambient
from gateway.exchange.registry.revocation import Revocations

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
URL = "https://lists.example/parties.crl"


@dataclass
class Lists:
    """An address that answers what the test put there."""

    status: int = 200
    body: bytes = b""
    down: bool = False
    asked: list[str] = field(default_factory=list)

    def request(self, method: str, url: str, **_: object) -> Response:
        self.asked.append(url)
        if self.down:
            raise Temporary("WASL-DLV-001")
        return Response(self.status, {}, self.body)


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return build(tmp_path, NOW - timedelta(days=3), crl_days=30)


@pytest.fixture
def lists() -> Lists:
    return Lists()


def revocations(pki: Pki, lists: Lists, now: datetime = NOW) -> Revocations:
    return Revocations(lists, (URL,), (pki.trust / "parties", pki.trust / "tsa"), Ambient(now=lambda: now))


def test_a_list_is_kept_beside_the_anchor_that_vouches_for_it(pki: Pki, lists: Lists) -> None:
    lists.body = make_crl(pki, "tsa-ca", NOW, 7).public_bytes(Encoding.DER)
    assert revocations(pki, lists).refresh() == 1
    fetched = [path.parent.name for path in pki.trust.rglob("fetched-*.crl")]
    assert fetched == ["tsa"]


def test_a_newer_authentic_list_is_kept_once(pki: Pki, lists: Lists) -> None:
    lists.body = make_crl(pki, "parties-issuing-ca", NOW, 7).public_bytes(Encoding.DER)
    assert revocations(pki, lists).refresh() == 1
    assert revocations(pki, lists).refresh() == 0
    assert lists.asked == [URL, URL]


def test_an_older_list_replaces_nothing(pki: Pki, lists: Lists) -> None:
    lists.body = make_crl(pki, "parties-issuing-ca", NOW, 7).public_bytes(Encoding.PEM)
    revocations(pki, lists).refresh()
    kept = {path: path.read_bytes() for path in (pki.trust / "parties").glob("fetched-*.crl")}
    lists.body = make_crl(pki, "parties-issuing-ca", NOW - timedelta(days=2), 7).public_bytes(Encoding.PEM)
    assert revocations(pki, lists).refresh() == 0
    assert {path: path.read_bytes() for path in kept} == kept


@pytest.mark.parametrize("trouble", ["down", "status", "noise", "foreign"])
def test_what_is_no_authentic_list_is_not_kept(
    pki: Pki, lists: Lists, trouble: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    good = make_crl(pki, "parties-issuing-ca", NOW, 7).public_bytes(Encoding.DER)
    stranger = build(tmp_path_factory.mktemp("other"), NOW)
    foreign = make_crl(stranger, "parties-issuing-ca", NOW, 7).public_bytes(Encoding.DER)
    lists.down = trouble == "down"
    lists.status = 404 if trouble == "status" else 200
    lists.body = {"noise": b"<html>", "foreign": foreign}.get(trouble, good)
    assert revocations(pki, lists).refresh() == 0
    assert not list((pki.trust / "parties").glob("fetched-*"))


def test_issuers_whose_list_ends_are_named(pki: Pki, lists: Lists) -> None:
    assert revocations(pki, lists).stale() == []
    write_crls(pki, NOW - timedelta(days=29, hours=12), 30)
    late = revocations(pki, lists, NOW + timedelta(days=1)).stale()
    assert any("issuing" in name.lower() for name in late)
