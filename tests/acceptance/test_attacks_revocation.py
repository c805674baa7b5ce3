"""Without a fresh, authentic, complete revocation list nobody is accepted or refused for good."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from certs import testpki
from gateway.trust.anchors import Anchors
from tests.acceptance.test_attacks import ACCEPTED, NOW, Hub
from tests.assets import build
from tests.assets.bench import Bench

LATER = "WASL-CRT-008"
REVOKED = "WASL-CRT-004"
DAY = timedelta(days=1)
Extensions = tuple[tuple[x509.ExtensionType, bool], ...]


@dataclass(frozen=True)
class Suite:
    bench: Bench
    anchors: Anchors


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    bench = build.bench_in(tmp_path_factory.mktemp("revocation"), NOW, "http://127.0.0.1:9/")
    return Suite(bench, Anchors.load(bench.pki.trust / "parties"))


def _list(
    suite: Suite,
    *,
    signer: str = testpki.ISSUING,
    issuer: str = testpki.ISSUING,
    made: timedelta = -DAY,
    ends: timedelta = DAY,
    revoked: tuple[str, ...] = (),
    extensions: Extensions = (),
) -> x509.CertificateRevocationList:
    pki = suite.bench.pki
    key: Any = pki[signer].key
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(pki[issuer].certificate.subject)
        .last_update(NOW + made)
        .next_update(NOW + ends)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    for name in revoked:
        serial = pki[name].certificate.serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - 9 * DAY).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(key, hashes.SHA256())


def _scope(**changes: Any) -> Extensions:
    values: dict[str, Any] = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return ((x509.IssuingDistributionPoint(**(values | changes)), True),)


def _judge(suite: Suite, *lists: x509.CertificateRevocationList) -> str:
    kept = tuple(one for one in suite.anchors.crls if one.issuer != lists[0].issuer) if lists else ()
    anchors = replace(suite.anchors, crls=kept + lists)
    case = suite.bench.xades("revocation")
    return Hub(suite.bench, anchors).judge_submission(case.raw, case.media_type)


def test_a_fresh_list_that_does_not_name_the_signer_lets_the_letter_in(suite: Suite) -> None:
    assert _judge(suite, _list(suite)) == ACCEPTED


def test_no_list_at_all_means_later(suite: Suite) -> None:
    assert _judge(suite) == LATER


def test_a_stale_list_means_later(suite: Suite) -> None:
    assert _judge(suite, _list(suite, made=-9 * DAY, ends=-DAY)) == LATER


def test_a_stale_list_that_names_the_signer_refuses(suite: Suite) -> None:
    assert _judge(suite, _list(suite, made=-8 * DAY, ends=-DAY, revoked=("ministry",))) == REVOKED


def test_a_list_signed_by_somebody_else_says_nothing(suite: Suite) -> None:
    assert _judge(suite, _list(suite, signer="impostor-ca")) == LATER
    assert _judge(suite, _list(suite, signer="parties-ca")) == LATER


def test_a_forged_list_cannot_revoke(suite: Suite) -> None:
    forged = _list(suite, signer="impostor-ca", made=timedelta(), revoked=("ministry",))
    assert _judge(suite, _list(suite), forged) == ACCEPTED


def test_an_older_list_does_not_undo_a_newer_one(suite: Suite) -> None:
    older, newer = _list(suite, made=-2 * DAY), _list(suite, revoked=("ministry",))
    assert _judge(suite, older, newer) == REVOKED
    assert _judge(suite, newer, older) == REVOKED


@pytest.mark.parametrize(
    "scope",
    [
        {"only_contains_ca_certs": True},
        {"only_contains_attribute_certs": True},
        {"indirect_crl": True},
        {"only_some_reasons": frozenset({x509.ReasonFlags.key_compromise})},
        {"full_name": [x509.UniformResourceIdentifier("http://pki.example.test/other.crl")]},
    ],
    ids=["authorities", "attributes", "indirect", "reasons", "partition"],
)
def test_a_list_about_others_says_nothing(suite: Suite, scope: dict[str, Any]) -> None:
    assert _judge(suite, _list(suite, extensions=_scope(**scope))) == LATER


def test_a_delta_list_is_no_complete_list(suite: Suite) -> None:
    assert _judge(suite, _list(suite, extensions=((x509.DeltaCRLIndicator(1), True),))) == LATER


def test_a_list_with_an_unknown_critical_extension_says_nothing(suite: Suite) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.2"), b"\x05\x00")
    assert _judge(suite, _list(suite, extensions=((unknown, True),))) == LATER
