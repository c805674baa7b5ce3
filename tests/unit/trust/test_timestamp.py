"""Time-stamp tokens of an independent authority are read and judged; every bad one is told for its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms, core, tsp
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from certs.testpki import Holder, Pki, build, distinguished_name, issue, revoke, write_crls
from gateway.domain.evidence.verdict import Indication, SubIndication
from gateway.trust import local_authority
from gateway.trust.anchors import Anchors
from gateway.trust.local_authority import LocalAuthority
from gateway.trust.timestamp import (
    LARGEST,
    BadToken,
    Token,
    check_imprint,
    check_response,
    judge_authority,
    make_request,
    read_token,
)
from tests.support.tsa import OpensslAuthority, stamping_holder

NOW = datetime.now(UTC).replace(microsecond=0)
DATA = b"demonstration checkpoint"
DIGEST = hashlib.sha256(DATA).digest()
NONCE = 2**63 + 12345


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return build(tmp_path_factory.mktemp("pki"), NOW)


@pytest.fixture(scope="module")
def anchors(pki: Pki) -> Anchors:
    return Anchors.load(pki.trust / "tsa")


@pytest.fixture(scope="module")
def good(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An answer of `openssl ts` to our own request."""
    authority = OpensslAuthority(tmp_path_factory.mktemp("tsa") / "good", pki["tsa"])
    return authority.reply(make_request(DIGEST, NONCE))


def local(holder: Holder, at: datetime = NOW) -> LocalAuthority:
    return LocalAuthority(holder.key, holder.certificate, holder.chain, lambda: at, lambda n: b"\x01" * n)


def stamped(holder: Holder, at: datetime = NOW) -> Token:
    return local(holder, at).stamp(DIGEST).token


def code_of(octets: bytes, **more: Any) -> str:
    with pytest.raises(BadToken) as refused:
        read_token(octets, **more)
    return refused.value.code


# --- an independent authority's tokens


@pytest.mark.parametrize(
    ("key", "digest", "ess"),
    [
        ("p256", "sha256", "sha256"),
        ("p384", "sha384", "sha256"),
        ("p256", "sha512", "sha1"),
        ("rsa", "sha256", "sha512"),
        ("rsa3072", "sha512", "sha384"),
    ],
)
def test_token_of_openssl_is_read_and_its_authority_found_good(
    pki: Pki, anchors: Anchors, tmp_path: Path, key: str, digest: str, ess: str
) -> None:
    holder = stamping_holder(pki, f"tsa-{key}-{digest}", key)
    response = OpensslAuthority(tmp_path / "tsa", holder, digest, ess).reply(make_request(DIGEST, NONCE))
    token = check_response(response, DIGEST, NONCE)
    check_imprint(token, DATA)
    assert (token.certificate, token.policy, token.imprint) == (holder.certificate, "1.2.3.4.1", DIGEST)
    assert abs(token.time - datetime.now(UTC)) < timedelta(minutes=1)
    assert judge_authority(token, anchors).passed
    assert read_token(token.octets) == token
    assert response.endswith(token.octets)
    assert response != token.octets


@pytest.mark.parametrize("turned", [False, True])
def test_certificates_of_a_token_stand_in_any_order(pki: Pki, tmp_path: Path, turned: bool) -> None:
    issue(pki, "tsa-root", None, ca=True)
    issue(pki, "tsa-issuing", "tsa-root", ca=True)
    holder = stamping_holder(pki, "tsa-below", issuer="tsa-issuing")
    others = [pki["tsa-issuing"].certificate, pki["tsa-root"].certificate, pki["office"].certificate]
    authority = OpensslAuthority(tmp_path / "tsa", holder, carried=others[::-1] if turned else others)
    token = read_token(authority.reply(make_request(DIGEST, NONCE)))
    assert token.certificate == holder.certificate
    assert set(token.chain) == set(others)
    lists = Anchors(roots=(pki["tsa-root"].certificate,))
    assert judge_authority(token, lists, require_revocation=False).passed


def test_token_without_its_certificate_is_read_by_who_has_it(pki: Pki, tmp_path: Path) -> None:
    request = tsp.TimeStampReq.load(make_request(DIGEST, NONCE))
    request["cert_req"] = False
    response = OpensslAuthority(tmp_path / "tsa", pki["tsa"]).reply(request.dump())
    assert code_of(response) == "certificate"
    assert read_token(response, known=[pki["office"].certificate, pki["tsa"].certificate]).chain == ()


def test_refusal_of_an_authority_is_told_with_its_reason(pki: Pki, tmp_path: Path) -> None:
    request = tsp.TimeStampReq.load(make_request(DIGEST, NONCE))
    request["req_policy"] = "1.2.3.4.99"
    response = OpensslAuthority(tmp_path / "tsa", pki["tsa"]).reply(request.dump())
    with pytest.raises(BadToken, match="rejection unaccepted_policy") as refused:
        check_response(response, DIGEST, NONCE)
    assert refused.value.code == "rejected"


def test_answer_to_another_request_is_refused(good: bytes) -> None:
    for digest, nonce, code in ((DIGEST, NONCE + 1, "nonce"), (bytes(32), NONCE, "imprint")):
        with pytest.raises(BadToken) as refused:
            check_response(good, digest, nonce)
        assert refused.value.code == code


def test_token_without_a_nonce_answers_no_request(pki: Pki) -> None:
    with pytest.raises(BadToken, match="nonce"):
        check_response(local(pki["tsa"]).stamp(DIGEST).response, DIGEST, NONCE)


def test_token_over_something_else_is_found_out(good: bytes) -> None:
    with pytest.raises(BadToken, match="imprint"):
        check_imprint(read_token(good), DATA + b"\n")


# --- altered and hostile octets


def parsed(response: bytes) -> Any:
    return tsp.TimeStampResp.load(response).copy()


def signed_data(response: Any) -> Any:
    return response["time_stamp_token"]["content"]


def with_info(response: Any, **changes: Any) -> bytes:
    """The response with another TSTInfo under the same signature."""
    signed = signed_data(response)
    info = tsp.TSTInfo.load(bytes(signed["encap_content_info"]["content"]))
    for name, value in changes.items():
        info[name] = value
    signed["encap_content_info"] = cms.EncapsulatedContentInfo(
        {"content_type": "tst_info", "content": core.ParsableOctetString(info.dump())}
    )
    return bytes(response.dump(force=True))


def two_signers(response: Any) -> bytes:
    signers = signed_data(response)["signer_infos"]
    signers.append(signers[0].copy())
    return bytes(response.dump(force=True))


def no_signer(response: Any) -> bytes:
    signed_data(response)["signer_infos"] = []
    return bytes(response.dump(force=True))


def without_attributes(response: Any) -> bytes:
    del signed_data(response)["signer_infos"][0]["signed_attrs"]
    return bytes(response.dump(force=True))


def other_digest(response: Any) -> bytes:
    signed_data(response)["signer_infos"][0]["digest_algorithm"] = {"algorithm": "sha1"}
    return bytes(response.dump(force=True))


def broken_signature(response: Any) -> bytes:
    signer = signed_data(response)["signer_infos"][0]
    signer["signature"] = signer["signature"].native[:-1] + b"\x00"
    return bytes(response.dump(force=True))


def other_content(response: Any) -> bytes:
    signed_data(response)["encap_content_info"]["content_type"] = "data"
    return bytes(response.dump(force=True))


def other_status(response: Any) -> bytes:
    response["status"]["status"] = "waiting"
    return bytes(response.dump(force=True))


BAD: dict[str, tuple[Callable[[Any], bytes], str]] = {
    "later time": (lambda r: with_info(r, gen_time=NOW + timedelta(days=1)), "signature"),
    "other imprint": (
        lambda r: with_info(
            r, message_imprint={"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": bytes(32)}
        ),
        "signature",
    ),
    "signature": (broken_signature, "signature"),
    "digest": (other_digest, "signature"),
    "two signers": (two_signers, "malformed"),
    "no signer": (no_signer, "malformed"),
    "no attributes": (without_attributes, "malformed"),
    "other content": (other_content, "malformed"),
    "status": (other_status, "rejected"),
    "something after it": (lambda r: bytes(r.dump()) + b"\x00", "malformed"),
    "a page": (lambda _: b"<!DOCTYPE html><title>Sign in</title>", "malformed"),
    "nothing": (lambda _: b"", "malformed"),
    "zeros": (lambda _: bytes(100), "malformed"),
    "nested": (lambda _: b"\x30\x80" * 5000, "malformed"),
    "huge": (lambda r: bytes(r.dump()) + bytes(LARGEST), "malformed"),
    "only a status": (lambda _: tsp.PKIStatusInfo({"status": "granted"}).dump(), "malformed"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_token_is_refused_for_its_reason(good: bytes, case: str) -> None:
    make, code = BAD[case]
    assert code_of(make(parsed(good))) == code


# --- forms that no signature covers


@pytest.fixture(scope="module")
def rsa(pki: Pki) -> Holder:
    return stamping_holder(pki, "tsa-rsa", "rsa")


def signed_anew(holder: Holder, algorithm: dict[str, Any], scheme: padding.PSS | padding.PKCS1v15) -> bytes:
    """A token of an RSA key whose signature is stated and made otherwise."""
    response = parsed(local(holder).stamp(DIGEST).response)
    signer = signed_data(response)["signer_infos"][0]
    covered = b"\x31" + signer["signed_attrs"].dump()[1:]
    signer["signature_algorithm"] = algorithm
    signer["signature"] = holder.key.sign(covered, scheme, hashes.SHA256())  # type: ignore[call-arg, arg-type]
    return bytes(response.dump(force=True))


def pss(digest: str = "sha256", mask: str = "sha256", salt: int = 32) -> dict[str, Any]:
    mask_algorithm = {"algorithm": "mgf1", "parameters": {"algorithm": mask}}
    parameters = {
        "hash_algorithm": {"algorithm": digest},
        "mask_gen_algorithm": mask_algorithm,
        "salt_length": salt,
    }
    return {"algorithm": "rsassa_pss", "parameters": parameters}


PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
PKCS1 = padding.PKCS1v15()


@pytest.mark.parametrize(
    ("algorithm", "scheme"),
    [(pss(), PSS), ({"algorithm": "rsassa_pkcs1v15"}, PKCS1), ({"algorithm": "sha256_rsa"}, PKCS1)],
)
def test_each_rsa_form_is_read(rsa: Holder, algorithm: dict[str, Any], scheme: Any) -> None:
    assert read_token(signed_anew(rsa, algorithm, scheme)).imprint == DIGEST


@pytest.mark.parametrize(
    ("algorithm", "scheme"),
    [
        (pss(digest="sha384"), PSS),
        (pss(mask="sha1"), PSS),
        (pss(salt=20), PSS),
        (pss(), PKCS1),
        ({"algorithm": "sha1_rsa"}, PKCS1),
        ({"algorithm": "sha384_rsa"}, PKCS1),
        ({"algorithm": "sha256_ecdsa"}, PKCS1),
        ({"algorithm": "ed25519"}, PKCS1),
    ],
)
def test_algorithm_that_is_not_the_signatures_is_refused(
    rsa: Holder, algorithm: dict[str, Any], scheme: Any
) -> None:
    assert code_of(signed_anew(rsa, algorithm, scheme)) == "signature"


def test_signer_may_be_named_by_its_keys_identifier(pki: Pki, good: bytes) -> None:
    for name, readable in (("tsa", True), ("office", False)):
        response = parsed(good)
        extensions = pki[name].certificate.extensions
        key = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        sid = cms.SignerIdentifier("subject_key_identifier", key)
        signed_data(response)["signer_infos"][0]["sid"] = sid
        octets = bytes(response.dump(force=True))
        if readable:
            assert read_token(octets).certificate == pki["tsa"].certificate
        else:
            assert code_of(octets) == "certificate"


def test_certificate_beside_that_the_attributes_do_not_name_never_signs(pki: Pki, good: bytes) -> None:
    own = pki["tsa"]
    builder = (
        x509.CertificateBuilder()
        .subject_name(distinguished_name("the same number and key"))
        .issuer_name(own.certificate.issuer)
        .public_key(own.certificate.public_key())
        .serial_number(own.certificate.serial_number)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=9000))
    )
    double = builder.sign(pki["tsa-ca"].key, hashes.SHA256())  # type: ignore[arg-type]
    response = parsed(good)
    carried = Certificate.load(double.public_bytes(Encoding.DER))
    signed_data(response)["certificates"] = [
        carried,
        Certificate.load(own.certificate.public_bytes(Encoding.DER)),
    ]
    assert read_token(bytes(response.dump(force=True))).certificate == own.certificate
    signed_data(response)["certificates"] = [carried]
    assert code_of(bytes(response.dump(force=True))) == "certificate"


def resigned(pki: Pki, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> bytes:
    """A token of our own authority whose TSTInfo says something else and is signed as it is."""
    honest = local_authority._info

    def other(digest: bytes, serial: int, now: datetime) -> bytes:
        info = tsp.TSTInfo.load(honest(digest, serial, now))
        for name, value in changes.items():
            info[name] = value
        return bytes(info.dump())

    monkeypatch.setattr(local_authority, "_info", other)
    return local(pki["tsa"]).stamp(DIGEST).response


SHA1 = {"hash_algorithm": {"algorithm": "sha1"}, "hashed_message": bytes(20)}
SHORT = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": bytes(31)}
CRITICAL = [{"extn_id": "1.2.3.4", "critical": True, "extn_value": b"\x05\x00"}]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"message_imprint": SHA1}, "imprint"),
        ({"message_imprint": SHORT}, "imprint"),
        ({"extensions": CRITICAL}, "malformed"),
        ({"version": "v2"}, "malformed"),
        ({"gen_time": core.GeneralizedTime("20300101000000")}, "malformed"),
        ({"gen_time": core.GeneralizedTime("20300101000000+0100")}, "malformed"),
        ({"gen_time": core.GeneralizedTime("00000101000000Z")}, "malformed"),
    ],
)
def test_validly_signed_nonsense_is_refused(
    pki: Pki, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], code: str
) -> None:
    assert code_of(resigned(pki, monkeypatch, **changes)) == code


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_changed_or_cut_octets_never_give_another_token(good: bytes) -> None:
    """Only what no signature covers may change, and then nothing of what the token says."""
    honest = read_token(good)
    said = (honest.time, honest.imprint, honest.certificate, honest.serial, honest.policy)
    for position in range(len(good)):
        for octets in (
            good[:position],
            good[:position] + bytes([good[position] ^ 0xFF]) + good[position + 1 :],
            good[:position] + bytes([good[position] ^ 0x01]) + good[position + 1 :],
        ):
            try:
                token = read_token(octets)
            except BadToken:
                continue
            assert (token.time, token.imprint, token.certificate, token.serial, token.policy) == said


# --- who made it


def test_signature_of_who_is_no_time_stamp_authority_does_not_count(pki: Pki) -> None:
    seal = stamped(pki["hub-seal"])
    verdict = judge_authority(seal, Anchors.load(pki.trust / "seal"))
    assert (verdict.sub, verdict.detail) == (
        SubIndication.CHAIN_CONSTRAINTS_FAILURE,
        "not made for time-stamps",
    )


def certified(pki: Pki, critical: bool, purposes: list[x509.ObjectIdentifier]) -> Holder:
    """The authority's key with a certificate of the right issuer for other purposes."""
    issuer, own = pki["tsa-ca"], pki["tsa"]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(distinguished_name("other purposes"))
        .issuer_name(issuer.certificate.subject)
        .public_key(own.certificate.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(own.certificate.extensions.get_extension_for_class(x509.KeyUsage).value, True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical)
        .sign(issuer.key, hashes.SHA256())  # type: ignore[arg-type]
    )
    return replace(own, certificate=certificate)


@pytest.mark.parametrize(
    ("critical", "purposes"),
    [
        (False, [Purpose.TIME_STAMPING]),
        (True, [Purpose.TIME_STAMPING, Purpose.CODE_SIGNING]),
        (True, [Purpose.CODE_SIGNING]),
    ],
)
def test_purpose_must_be_critical_and_alone(
    pki: Pki, anchors: Anchors, critical: bool, purposes: list[x509.ObjectIdentifier]
) -> None:
    verdict = judge_authority(stamped(certified(pki, critical, purposes)), anchors)
    assert verdict.sub is SubIndication.CHAIN_CONSTRAINTS_FAILURE


def test_untrusted_authority_is_not_believed(pki: Pki, anchors: Anchors) -> None:
    foreign = stamped(stamping_holder(pki, "foreign-tsa", issuer="foreign-ca"))
    assert judge_authority(foreign, anchors).sub is SubIndication.NO_CERTIFICATE_CHAIN_FOUND


def test_expired_authority_is_not_believed(pki: Pki, anchors: Anchors) -> None:
    old = stamping_holder(pki, "expired-tsa", start=timedelta(days=-60), days=30)
    assert judge_authority(stamped(old), anchors).sub is SubIndication.EXPIRED
    earlier = stamped(old, NOW - timedelta(days=40))
    assert judge_authority(earlier, anchors, require_revocation=False).passed


def test_authority_without_revocation_list_is_undecided(pki: Pki, anchors: Anchors) -> None:
    bare = replace(anchors, crls=())
    verdict = judge_authority(stamped(pki["tsa"]), bare)
    assert (verdict.indication, verdict.sub) == (Indication.INDETERMINATE, SubIndication.TRY_LATER)
    assert judge_authority(stamped(pki["tsa"]), bare, require_revocation=False).passed


@pytest.mark.parametrize(
    ("reason", "before", "after"),
    [
        (None, False, False),
        (x509.ReasonFlags.key_compromise, False, False),
        (x509.ReasonFlags.superseded, True, False),
        (x509.ReasonFlags.cessation_of_operation, True, False),
    ],
)
def test_revoked_authority_keeps_earlier_tokens_only_if_its_key_was_safe(
    tmp_path: Path, reason: x509.ReasonFlags | None, before: bool, after: bool
) -> None:
    pki = build(tmp_path, NOW)
    when = NOW - timedelta(days=2)
    revoke(pki, "tsa", when)
    write_crls(pki, NOW)
    if reason is not None:
        _revoke_with(pki, when, reason)
    anchors = Anchors.load(pki.trust / "tsa")
    verdicts = [
        judge_authority(stamped(pki["tsa"], when + timedelta(days=days)), anchors) for days in (-1, 1)
    ]
    assert [verdict.passed for verdict in verdicts] == [before, after]
    assert all(verdict.passed or verdict.sub is SubIndication.REVOKED for verdict in verdicts)


def _revoke_with(pki: Pki, when: datetime, reason: x509.ReasonFlags) -> None:
    issuer = pki["tsa-ca"]
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(pki["tsa"].certificate.serial_number)
        .revocation_date(when)
        .add_extension(x509.CRLReason(reason), False)
        .build()
    )
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(NOW)
        .next_update(NOW + timedelta(days=30))
        .add_revoked_certificate(entry)
        .sign(issuer.key, hashes.SHA256())  # type: ignore[arg-type]
    )
    (pki.trust / "tsa" / "tsa-ca.crl").write_bytes(crl.public_bytes(Encoding.PEM))


def test_message_of_another_kind_is_no_token(good: bytes) -> None:
    envelope = cms.ContentInfo({"content_type": "data", "content": b"x"}).dump()
    assert code_of(envelope) == "malformed"
