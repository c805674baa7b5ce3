"""The authority that stands in gives tokens of anybody's form: an independent tool finds them good."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from certs.testpki import Pki, build, issue, new_key
from gateway.domain.errors import Unavailable
from gateway.trust.anchors import Anchors
from gateway.trust.local_authority import POLICY, LocalAuthority
from gateway.trust.timestamp import check_imprint, judge_authority, read_token
from tests.support.tsa import openssl_verifies, stamping_holder

NOW = datetime.now(UTC)
DATA = b"demonstration checkpoint"
DIGEST = hashlib.sha256(DATA).digest()


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return build(tmp_path_factory.mktemp("pki"), NOW)


def authority(holder: Any, at: datetime = NOW) -> LocalAuthority:
    return LocalAuthority(holder.key, holder.certificate, holder.chain, lambda: at, os.urandom)


@pytest.mark.parametrize("key", ["p256", "p384", "rsa"])
def test_openssl_finds_the_token_good(pki: Pki, tmp_path: Path, key: str) -> None:
    stamp = authority(stamping_holder(pki, f"local-{key}", key)).stamp(DIGEST)
    anchor = pki.trust / "tsa" / "tsa-ca.pem"
    assert openssl_verifies(stamp.response, DATA, anchor, tmp_path)
    assert not openssl_verifies(stamp.response, DATA + b"\n", anchor, tmp_path)
    assert not openssl_verifies(stamp.response, DATA, pki.trust / "seal" / "seal-ca.pem", tmp_path)


def test_openssl_finds_the_token_of_an_authority_below_another_good(pki: Pki, tmp_path: Path) -> None:
    issue(pki, "local-root", None, ca=True)
    issue(pki, "local-issuing", "local-root", ca=True)
    stamp = authority(stamping_holder(pki, "local-below", issuer="local-issuing")).stamp(DIGEST)
    assert [pki["local-issuing"].certificate] == list(stamp.token.chain)
    assert openssl_verifies(stamp.response, DATA, pki.certificate_path("local-root"), tmp_path)


def test_token_says_the_clocks_time_and_that_nobody_vouches_for_it(pki: Pki) -> None:
    at = datetime(2027, 3, 4, 9, 15, 2, 120_000, tzinfo=timezone(timedelta(hours=1)))
    stamp = authority(pki["tsa"], at).stamp(DIGEST)
    assert (stamp.authority, stamp.token.policy) == ("local", POLICY)
    assert stamp.token.time == at
    assert stamp.token.time.tzinfo is UTC
    assert read_token(stamp.response) == stamp.token
    check_imprint(stamp.token, DATA)


def test_tokens_have_numbers_of_their_own(pki: Pki) -> None:
    source = authority(pki["tsa"])
    numbers = {source.stamp(DIGEST).token.serial for _ in range(20)}
    assert len(numbers) == 20
    assert all(0 < number < 2**160 for number in numbers)  # RFC 3161 2.4.2


def test_authority_of_the_test_pki_is_a_time_stamp_authority(pki: Pki) -> None:
    token = authority(pki["tsa"]).stamp(DIGEST).token
    assert judge_authority(token, Anchors.load(pki.trust / "tsa")).passed


class DeadKey:
    """A key whose security module does not answer."""


def test_key_that_cannot_sign_is_an_outage(pki: Pki) -> None:
    edwards = issue(pki, "local-edwards", "tsa-ca", key=new_key("ed25519"))
    for key in (edwards.key, DeadKey()):
        own = pki["tsa"]
        broken: Any = LocalAuthority(key, own.certificate, (), lambda: NOW, os.urandom)  # type: ignore[arg-type]
        with pytest.raises(Unavailable, match="time-stamp"):
            broken.stamp(DIGEST)
