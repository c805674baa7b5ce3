"""The judgement of certificates: every bad one is refused for its own reason, at every moment that counts."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs.testpki import (
    BAD,
    Holder,
    Pki,
    build,
    distinguished_name,
    issue,
    issue_party,
    load,
    make_crl,
    new_key,
    revoke,
)
from gateway.domain.errors import Misconfigured, Refused, Unavailable
from gateway.domain.evidence.verdict import PASSED, Indication, SubIndication, Verdict, failed, indeterminate
from gateway.trust.anchors import Anchors
from gateway.trust.chain import judge, refusal_for
from gateway.trust.chain_path import find_paths
from gateway.trust.note import read_vkeys
from gateway.trust.seal import KeySealer

NOW = datetime(2030, 3, 4, 8, 15, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return build(tmp_path_factory.mktemp("pki"), NOW)


@pytest.fixture(scope="module")
def parties(pki: Pki) -> Anchors:
    return Anchors.load(pki.trust / "parties")


def verdict_on(
    holder: Holder, anchors: Anchors, at: datetime = NOW, claimed: datetime | None = None
) -> Verdict:
    return judge(holder.certificate, holder.chain, anchors, at, claimed)


def code_of(verdict: Verdict) -> str:
    assert not verdict.passed
    error = refusal_for(verdict)
    if isinstance(error, Unavailable):
        return error.code
    assert isinstance(error, Refused)
    return error.faults[0].code


# --- roles


@pytest.mark.parametrize(
    "name", ["ministry", "commune", "platform", "portal-agent", "office", "inside-constraints"]
)
def test_parties_are_believed(pki: Pki, parties: Anchors, name: str) -> None:
    assert verdict_on(pki[name], parties, claimed=NOW - DAY) == PASSED


@pytest.mark.parametrize("kind", ["p384", "rsa", "ed25519"])
def test_parties_may_have_other_kinds_of_keys(pki: Pki, parties: Anchors, kind: str) -> None:
    assert verdict_on(issue_party(pki, f"party-{kind}", key=kind), parties) == PASSED


GOOD = ("ministry", "hub-seal", "test-seal", "portal-agent", "office")
WHY = {
    "expired": "WASL-CRT-002",
    "not-yet-valid": "WASL-CRT-003",
    "revoked": "WASL-CRT-004",
    "wrong-usage": "WASL-CRT-006",
    "issued-by-leaf": "WASL-CRT-005",
    "path-length": "WASL-CRT-005",
    "name-constraints": "WASL-CRT-005",
    "same-name-other-key": "WASL-CRT-005",
    "foreign": "WASL-CRT-005",
    "weak-rsa": "WASL-SIG-016",
    "ca-as-signer": "WASL-CRT-007",
}


@pytest.mark.parametrize("name", BAD)
def test_every_bad_certificate_is_refused_for_its_own_reason(pki: Pki, parties: Anchors, name: str) -> None:
    verdict = verdict_on(pki[name], parties)
    assert not verdict.passed
    assert code_of(verdict) == WHY[name]


@pytest.mark.parametrize("name", ["hub-seal", "test-seal", "tsa", "ledger", "client-auth", "tls"])
def test_the_hubs_own_roles_sign_no_letters(pki: Pki, parties: Anchors, name: str) -> None:
    assert not verdict_on(pki[name], parties).passed


@pytest.mark.parametrize("folder", ["seal", "seal/test", "tsa"])
def test_a_party_is_not_believed_under_any_other_folder(pki: Pki, folder: str) -> None:
    anchors = Anchors.load(pki.trust / folder)
    assert code_of(verdict_on(pki["ministry"], anchors)) == "WASL-CRT-005"


def test_a_seal_is_believed_under_its_own_folder_only(pki: Pki) -> None:
    seal, test = Anchors.load(pki.trust / "seal"), Anchors.load(pki.trust / "seal" / "test")
    assert verdict_on(pki["hub-seal"], seal) == PASSED
    assert verdict_on(pki["test-seal"], test) == PASSED
    assert not verdict_on(pki["hub-seal"], test).passed
    assert not verdict_on(pki["test-seal"], seal).passed


def test_intermediates_that_the_folder_knows_need_not_come_along(pki: Pki, parties: Anchors) -> None:
    assert judge(pki["ministry"].certificate, (), parties, NOW) == PASSED
    assert code_of(judge(pki["inside-constraints"].certificate, (), parties, NOW)) == "WASL-CRT-005"


def test_a_known_intermediate_is_no_anchor(pki: Pki, parties: Anchors) -> None:
    assert [one.subject for one in parties.roots] == [pki["parties-ca"].certificate.subject]
    assert parties.intermediates == (pki["parties-issuing-ca"].certificate,)
    assert code_of(verdict_on(pki["ministry"], replace(parties, roots=()))) == "WASL-CRT-005"


def test_a_flood_of_certificates_takes_bounded_effort(pki: Pki, parties: Anchors) -> None:
    flood = tuple(
        issue(pki, f"flood-{number}", None, common_name="parties-issuing-ca", ca=True).certificate
        for number in range(60)
    )
    assert len(list(find_paths(pki["ministry"].certificate, flood, parties))) == 1
    bare = replace(parties, intermediates=())
    looked_at = list(find_paths(pki["ministry"].certificate, flood, bare))
    assert looked_at == []


def test_authorities_that_certify_one_another_do_not_go_round_for_ever(pki: Pki, parties: Anchors) -> None:
    one = issue(pki, "ring-one", None, common_name="ring-one", ca=True)
    two = issue(pki, "ring-two", "ring-one", common_name="ring-two", ca=True)
    back = issue(pki, "ring-back", "ring-two", key=one.key, common_name="ring-one", ca=True)
    leaf = issue(pki, "ring-leaf", "ring-two")
    chain = (one.certificate, two.certificate, back.certificate)
    assert code_of(judge(leaf.certificate, chain, parties, NOW)) == "WASL-CRT-005"


# --- what certificates say


def special(pki: Pki, *extensions: tuple[x509.ExtensionType, bool], usage: bool = True) -> Holder:
    """A party certificate with unusual extensions."""
    issuer, key = pki["parties-issuing-ca"], new_key("p256")
    builder = (
        x509.CertificateBuilder()
        .subject_name(distinguished_name("special"))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())  # type: ignore[arg-type]
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
    )
    if usage:
        builder = builder.add_extension(
            x509.KeyUsage(True, False, False, False, False, False, False, False, False), True
        )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return Holder("special", key, builder.sign(issuer.key, hashes.SHA256()), issuer.chain)  # type: ignore[arg-type]


def test_an_unknown_critical_extension_is_refused_and_an_unknown_one_ignored(
    pki: Pki, parties: Anchors
) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    assert verdict_on(special(pki, (unknown, False)), parties) == PASSED
    assert code_of(verdict_on(special(pki, (unknown, True)), parties)) == "WASL-CRT-005"


def test_an_extension_that_cannot_be_read_is_refused(pki: Pki, parties: Anchors) -> None:
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.37"), b"\x30\x80")
    verdict = verdict_on(special(pki, (broken, False)), parties)
    assert verdict.indication is Indication.FAILED
    assert code_of(verdict) == "WASL-CRT-009"


def test_a_certificate_without_key_usage_signs_nothing(pki: Pki, parties: Anchors) -> None:
    assert code_of(verdict_on(special(pki, usage=False), parties)) == "WASL-CRT-006"


@pytest.mark.parametrize(
    ("purposes", "good"),
    [
        ([ExtendedKeyUsageOID.EMAIL_PROTECTION], True),
        ([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")], True),
        ([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION], True),
        ([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH], False),
        ([ExtendedKeyUsageOID.TIME_STAMPING], False),
        ([ExtendedKeyUsageOID.OCSP_SIGNING], False),
    ],
)
def test_certificates_made_for_other_purposes_alone_are_refused(
    pki: Pki, parties: Anchors, purposes: list[x509.ObjectIdentifier], good: bool
) -> None:
    verdict = verdict_on(special(pki, (x509.ExtendedKeyUsage(purposes), False)), parties)
    assert verdict.passed if good else code_of(verdict) == "WASL-CRT-006"


def test_a_non_repudiation_certificate_signs(pki: Pki, parties: Anchors) -> None:
    holder = issue(pki, "non-repudiation", "parties-issuing-ca", usage=["content_commitment"])
    assert verdict_on(holder, parties) == PASSED


def test_an_anchor_that_is_no_authority_anchors_nothing(pki: Pki) -> None:
    lone = issue(pki, "lone", None)
    assert code_of(judge(lone.certificate, (), Anchors(roots=(lone.certificate,)), NOW)) == "WASL-CRT-005"


def test_an_authority_that_may_not_sign_certificates_issues_nothing(pki: Pki) -> None:
    root = issue(pki, "root-x", None, ca=True)
    key = new_key("p256")
    crl_only = (
        x509.CertificateBuilder()
        .subject_name(distinguished_name("crl only"))
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())  # type: ignore[arg-type]
        .serial_number(7)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(x509.KeyUsage(False, False, False, False, False, False, True, False, False), True)
        .sign(root.key, hashes.SHA256())  # type: ignore[arg-type]
    )
    pki.holders["crl-only"] = Holder("crl-only", key, crl_only, ())
    leaf = issue(pki, "under-crl-only", "crl-only")
    verdict = judge(leaf.certificate, (crl_only,), Anchors(roots=(root.certificate,)), NOW)
    assert code_of(verdict) == "WASL-CRT-005"


@pytest.mark.parametrize("with_issuer", [True, False])
def test_a_pinned_certificate_stands_for_itself_alone(pki: Pki, tmp_path: Path, with_issuer: bool) -> None:
    issuing = pki["parties-issuing-ca"]
    leaf = pki["ministry"].certificate.public_bytes(serialization.Encoding.PEM)
    (tmp_path / "pinned.pem").write_bytes(leaf)
    crl = make_crl(pki, issuing.name, NOW, 30).public_bytes(serialization.Encoding.PEM)
    (tmp_path / "issuing.crl").write_bytes(crl)
    anchors = Anchors.load(tmp_path)
    assert (anchors.pinned, anchors.roots) == ((pki["ministry"].certificate,), ())
    chain = pki["ministry"].chain if with_issuer else ()
    verdict = judge(pki["ministry"].certificate, chain, anchors, NOW)
    assert verdict.passed if with_issuer else code_of(verdict) == "WASL-CRT-008"
    assert judge(pki["ministry"].certificate, chain, anchors, NOW, require_revocation=False).passed
    for other in ("commune", "issued-by-leaf"):
        assert code_of(judge(pki[other].certificate, pki[other].chain, anchors, NOW)) == "WASL-CRT-005"


def test_a_pinned_certificate_that_was_revoked_is_refused(pki: Pki, parties: Anchors) -> None:
    anchors = Anchors(pinned=(pki["revoked"].certificate,), crls=parties.crls)
    assert code_of(verdict_on(pki["revoked"], anchors)) == "WASL-CRT-004"


# --- moments


def test_validity_is_asked_for_reception_and_for_the_claimed_time(pki: Pki, parties: Anchors) -> None:
    holder = pki["expired"]
    end = holder.certificate.not_valid_after_utc
    crls = tuple(make_crl(pki, name, end - DAY, 100) for name in ("parties-ca", "parties-issuing-ca"))
    anchors = replace(parties, crls=crls)
    assert verdict_on(holder, anchors, end - DAY, end - DAY) == PASSED
    assert verdict_on(holder, anchors, end + DAY, end - DAY) == indeterminate(
        SubIndication.OUT_OF_BOUNDS_NO_POE
    )
    assert verdict_on(holder, anchors, end + DAY, end + DAY) == failed(SubIndication.EXPIRED)
    start = pki["ministry"].certificate.not_valid_before_utc
    early = verdict_on(pki["ministry"], parties, NOW, start - timedelta(seconds=1))
    assert early == failed(SubIndication.NOT_YET_VALID)


@pytest.mark.parametrize(
    ("at", "claimed", "expected"),
    [
        (timedelta(0), timedelta(0), failed(SubIndication.REVOKED)),
        (timedelta(0), timedelta(days=-10), failed(SubIndication.REVOKED)),
        (timedelta(0), timedelta(days=-11), indeterminate(SubIndication.REVOKED)),
        (timedelta(days=-11), timedelta(days=-11), PASSED),
    ],
)
def test_revocation_counts_from_its_moment_on(
    pki: Pki, parties: Anchors, at: timedelta, claimed: timedelta, expected: Verdict
) -> None:
    assert verdict_on(pki["revoked"], parties, NOW + at, NOW + claimed) == expected


def test_a_revoked_authority_takes_its_certificates_along(pki: Pki, parties: Anchors) -> None:
    other = load(pki.directory, NOW)
    revoke(other, "parties-issuing-ca", NOW - DAY)
    anchors = replace(parties, crls=(*parties.crls, make_crl(other, "parties-ca", NOW, 1)))
    assert code_of(verdict_on(pki["ministry"], anchors)) == "WASL-CRT-004"


# --- revocation lists


def test_a_stale_list_means_try_later_and_is_our_trouble(pki: Pki, parties: Anchors) -> None:
    verdict = verdict_on(pki["ministry"], parties, NOW + 31 * DAY)
    assert verdict.sub is SubIndication.TRY_LATER
    assert isinstance(refusal_for(verdict), Unavailable)
    assert code_of(verdict) == "WASL-CRT-008"


def test_a_missing_list_means_try_later_unless_lists_are_not_required(pki: Pki, parties: Anchors) -> None:
    holder, bare = pki["ministry"], replace(parties, crls=())
    assert code_of(verdict_on(holder, bare)) == "WASL-CRT-008"
    assert judge(holder.certificate, holder.chain, bare, NOW, require_revocation=False) == PASSED
    late = judge(holder.certificate, holder.chain, parties, NOW + 31 * DAY, require_revocation=False)
    assert late.sub is SubIndication.TRY_LATER


def test_a_list_of_another_key_with_the_same_name_says_nothing(pki: Pki, parties: Anchors) -> None:
    forged = make_crl(pki, "impostor-ca", NOW, 30)
    root = next(crl for crl in parties.crls if crl.issuer == pki["parties-ca"].certificate.subject)
    assert forged.issuer == pki["parties-issuing-ca"].certificate.subject
    assert code_of(verdict_on(pki["ministry"], replace(parties, crls=(root, forged)))) == "WASL-CRT-008"


def test_the_newest_list_decides(pki: Pki, parties: Anchors) -> None:
    other = load(pki.directory, NOW)
    held = issue_party(other, "held")
    revoke(other, "held", NOW - DAY)
    listing = make_crl(other, "parties-issuing-ca", NOW + timedelta(minutes=1), 30)
    for crls in ((*parties.crls, listing), (listing, *parties.crls)):
        assert code_of(verdict_on(held, replace(parties, crls=crls))) == "WASL-CRT-004"
    released = make_crl(pki, "parties-issuing-ca", NOW + timedelta(minutes=2), 30)
    assert verdict_on(held, replace(parties, crls=(listing, released, *parties.crls))) == PASSED


def crafted(
    pki: Pki, *extensions: tuple[x509.ExtensionType, bool], **entry: datetime
) -> x509.CertificateRevocationList:
    issuer = pki["parties-issuing-ca"]
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(NOW + timedelta(minutes=5))
        .next_update(NOW + DAY)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    if entry:
        revoked = (
            x509.RevokedCertificateBuilder()
            .serial_number(pki["ministry"].certificate.serial_number)
            .revocation_date(entry["revoked"])
            .add_extension(x509.InvalidityDate(entry["invalid"].replace(tzinfo=None)), False)
        )
        builder = builder.add_revoked_certificate(revoked.build())
    return builder.sign(issuer.key, hashes.SHA256())  # type: ignore[arg-type]


def scope(**changes: object) -> x509.IssuingDistributionPoint:
    plain = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**plain | changes)  # type: ignore[arg-type]


def point(host: str) -> list[x509.UniformResourceIdentifier]:
    return [x509.UniformResourceIdentifier(f"http://{host}/parties-issuing-ca.crl")]


@pytest.mark.parametrize(
    ("extension", "covers"),
    [
        (scope(only_contains_user_certs=True), True),
        (scope(full_name=point("pki.demo-hub.test")), True),
        (scope(full_name=point("elsewhere.test")), False),
        (scope(only_contains_ca_certs=True), False),
        (scope(only_contains_attribute_certs=True), False),
        (scope(indirect_crl=True), False),
        (scope(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise})), False),
        (x509.DeltaCRLIndicator(1), False),
    ],
)
def test_a_list_counts_for_what_it_covers_only(
    pki: Pki, parties: Anchors, extension: x509.ExtensionType, covers: bool
) -> None:
    root = tuple(crl for crl in parties.crls if crl.issuer == pki["parties-ca"].certificate.subject)
    verdict = verdict_on(pki["ministry"], replace(parties, crls=(*root, crafted(pki, (extension, True)))))
    assert verdict.passed if covers else code_of(verdict) == "WASL-CRT-008"


def test_a_list_for_one_partition_says_nothing_of_certificates_that_name_none(
    pki: Pki, parties: Anchors
) -> None:
    root = tuple(crl for crl in parties.crls if crl.issuer == pki["parties-ca"].certificate.subject)
    partition = crafted(pki, (scope(full_name=point("pki.demo-hub.test")), True))
    assert code_of(verdict_on(special(pki), replace(parties, crls=(*root, partition)))) == "WASL-CRT-008"


def test_a_key_counts_as_lost_from_its_date_of_invalidity(pki: Pki, parties: Anchors) -> None:
    listing = crafted(pki, revoked=NOW - DAY, invalid=NOW - 5 * DAY)
    anchors = replace(parties, crls=(*parties.crls, listing))
    assert verdict_on(pki["ministry"], anchors, NOW, NOW - 5 * DAY) == failed(SubIndication.REVOKED)
    assert verdict_on(pki["ministry"], anchors, NOW, NOW - 6 * DAY) == indeterminate(SubIndication.REVOKED)


def test_a_list_made_after_a_certificates_end_is_silent_about_it(pki: Pki, parties: Anchors) -> None:
    holder = pki["expired"]
    moment = holder.certificate.not_valid_after_utc - DAY
    assert code_of(verdict_on(holder, parties, moment, moment)) == "WASL-CRT-008"
    since = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.60"), b"\x18\x0f20200101000000Z")
    keeping = crafted(pki, (since, False))
    assert verdict_on(holder, replace(parties, crls=(*parties.crls, keeping)), moment, moment) == PASSED


def test_an_authority_that_may_not_sign_lists_is_silent(pki: Pki, parties: Anchors) -> None:
    root = issue(pki, "root-y", None, ca=True)
    leaf = issue(pki, "under-root-y", "root-y")
    no_lists = (
        x509.CertificateBuilder()
        .subject_name(root.certificate.subject)
        .issuer_name(root.certificate.subject)
        .public_key(root.key.public_key())  # type: ignore[arg-type]
        .serial_number(8)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(True, None), True)
    )
    usage = x509.KeyUsage(False, False, False, False, False, True, False, False, False)
    listing = make_crl(pki, "root-y", NOW, 1)
    for builder, code in ((no_lists, None), (no_lists.add_extension(usage, True), "WASL-CRT-008")):
        anchor = builder.sign(root.key, hashes.SHA256())  # type: ignore[arg-type]
        verdict = judge(leaf.certificate, (), Anchors(roots=(anchor,), crls=(listing,)), NOW)
        assert verdict.passed if code is None else code_of(verdict) == code


def test_a_list_that_cannot_be_read_says_nothing(pki: Pki, parties: Anchors) -> None:
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.28"), b"\x30\x80")
    root = tuple(crl for crl in parties.crls if crl.issuer == pki["parties-ca"].certificate.subject)
    crls = (*root, crafted(pki, (broken, True)))
    assert code_of(verdict_on(pki["ministry"], replace(parties, crls=crls))) == "WASL-CRT-008"


def test_a_way_longer_than_six_is_not_walked(pki: Pki) -> None:
    above = issue(pki, "long-0", None, ca=True)
    chain: list[x509.Certificate] = []
    for number in range(1, 6):
        chain.append(issue(pki, f"long-{number}", f"long-{number - 1}", ca=True).certificate)
    anchors = Anchors(roots=(above.certificate,))
    near, far = issue(pki, "near", "long-4"), issue(pki, "far", "long-5")
    assert judge(near.certificate, chain, anchors, NOW, require_revocation=False).passed
    assert code_of(judge(far.certificate, chain, anchors, NOW, require_revocation=False)) == "WASL-CRT-005"


# --- trust folders


def test_a_missing_folder_trusts_nobody(tmp_path: Path, pki: Pki) -> None:
    assert Anchors.load(tmp_path / "nowhere") == Anchors()
    assert code_of(verdict_on(pki["ministry"], Anchors())) == "WASL-CRT-005"


def test_lists_are_read_in_pem_der_and_bundles(tmp_path: Path, pki: Pki) -> None:
    crls = [make_crl(pki, name, NOW, 1) for name in ("parties-ca", "parties-issuing-ca")]
    pem = b"".join(crl.public_bytes(serialization.Encoding.PEM) for crl in crls)
    (tmp_path / "both.crl").write_bytes(b"\n" + pem)
    (tmp_path / "one.crl").write_bytes(crls[0].public_bytes(serialization.Encoding.DER))
    assert list(Anchors.load(tmp_path).crls) == [*crls, crls[0]]


def test_all_unreadable_files_are_named_together(tmp_path: Path) -> None:
    for name in ("a.pem", "b.crl", "c.crl"):
        (tmp_path / name).write_bytes(b"-----BEGIN nothing\n" if name == "c.crl" else b"\x30\x00")
    with pytest.raises(Misconfigured) as fault:
        Anchors.load(tmp_path)
    assert [Path(text.split(":")[0]).name for text in fault.value.faults] == ["a.pem", "b.crl", "c.crl"]


def test_the_ledgers_key_is_read_from_its_vkey(pki: Pki) -> None:
    key = pki["ledger"].key.public_key().public_bytes_raw()  # type: ignore[union-attr]
    assert [one.key for one in read_vkeys(pki.trust / "ledger")] == [key]


@pytest.mark.parametrize(
    "spoil", [str.swapcase, lambda line: line[:-8], lambda line: "x" + line, lambda _: "a+b"]
)
def test_a_spoiled_vkey_is_a_fault(tmp_path: Path, pki: Pki, spoil: Callable[[str], str]) -> None:
    line = (pki.trust / "ledger" / "ledger.vkey").read_text().strip()
    (tmp_path / "x.vkey").write_text(spoil(line) + "\n")
    with pytest.raises(Misconfigured):
        read_vkeys(tmp_path)


# --- independent tools agree


@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not installed: paths are not cross-checked"
)
@pytest.mark.parametrize(
    "name", ["ministry", "inside-constraints", *sorted(set(BAD) - {"wrong-usage", "ca-as-signer"})]
)
def test_openssl_comes_to_the_same_verdict_on_paths(
    pki: Pki, parties: Anchors, tmp_path: Path, name: str
) -> None:
    # What openssl does not ask by itself, usage and authority of the signer, is left out.
    holder = pki[name]
    files = {
        "root": (parties.roots, x509.Certificate.public_bytes),
        "chain": ((*parties.intermediates, *holder.chain), x509.Certificate.public_bytes),
        "crls": (parties.crls, x509.CertificateRevocationList.public_bytes),
    }
    for file, (entries, encode) in files.items():
        (tmp_path / file).write_bytes(b"".join(encode(one, serialization.Encoding.PEM) for one in entries))
    options = ["-CAfile", "root", "-untrusted", "chain", "-CRLfile", "crls", "-crl_check_all"]
    options += ["-auth_level", "2", "-attime", str(int(NOW.timestamp()))]
    told = subprocess.run(
        ["openssl", "verify", *options, str(pki.certificate_path(name))],
        cwd=tmp_path,
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert (told.returncode == 0) is verdict_on(holder, parties).passed, told.stderr


def test_a_built_pki_can_be_loaded_again(tmp_path: Path) -> None:
    made = build(tmp_path, NOW)
    for name, holder in made.holders.items():
        assert holder.key.public_key() == holder.certificate.public_key(), name
        assert made.key_path(name).stat().st_mode & 0o777 == 0o600
        sealer = (
            KeySealer.from_files(made.key_path(name), made.certificate_path(name)) if name in GOOD else None
        )
        assert sealer is None or (sealer.certificate, sealer.chain) == (holder.certificate, holder.chain)
    again = load(tmp_path, NOW)
    assert again.revoked["parties-issuing-ca"] == made.revoked["parties-issuing-ca"]
    assert {name: one.certificate for name, one in again.holders.items()} == {
        name: one.certificate for name, one in made.holders.items()
    }
