"""JWS envelopes and receipts: what is opened, what verifies, what is made."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwcrypto import jwk
from jwcrypto import jws as jwcrypto_jws

from certs.testpki import Holder, Pki, build, issue_party
from gateway.domain.errors import Refused, TooLarge, Unavailable, UnsupportedMedia
from gateway.domain.evidence.verdict import Level
from gateway.trust.certificates import certificate_digest
from gateway.trust.jws import (
    COMPACT,
    ENVELOPE_TYP,
    FLATTENED,
    RECEIPT_TYP,
    GatedJws,
    JwsLimits,
    open_jws,
    sign_jws,
    verify_jws,
)
from gateway.trust.jwsprimitive import check_key

NOW = datetime(2030, 3, 4, 8, 15, 2, 417000, tzinfo=UTC)
PAYLOAD = '{"subject":"Demande de permis ـ طلب رخصة"}'.encode()
KEYS = {"p256": "ES256", "p384": "ES384", "rsa": "PS256", "ed25519": "EdDSA"}


@dataclass(frozen=True)
class Sealer:
    key: Any
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()


def sealer_of(holder: Holder) -> Sealer:
    return Sealer(holder.key, holder.certificate, holder.chain)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    made = build(tmp_path_factory.mktemp("pki"), NOW)
    for kind in KEYS:
        issue_party(made, kind, key=kind)
    return made


def b64(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def header_of(pki: Pki, **changes: Any) -> dict[str, Any]:
    der = pki["ministry"].certificate.public_bytes(serialization.Encoding.DER)
    header: dict[str, Any] = {
        "alg": "ES256",
        "typ": ENVELOPE_TYP,
        "iat": int(NOW.timestamp()),
        "x5c": [base64.b64encode(der).decode()],
    }
    return {name: value for name, value in (header | changes).items() if value is not None}


def signed(pki: Pki, header: Mapping[str, Any] | bytes, payload: bytes = PAYLOAD) -> bytes:
    """A compact JWS whose signature is good whatever its header says: the signer is an insider."""
    octets = header if isinstance(header, bytes) else json.dumps(header).encode()
    signing_input = b64(octets) + b"." + b64(payload)
    der = pki["ministry"].key.sign(signing_input, ec.ECDSA(hashes.SHA256()))
    return signing_input + b"." + b64(raw_ecdsa(der))


def raw_ecdsa(der: bytes) -> bytes:
    r, s = decode_dss_signature(der)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refusal:
        act()
    return refusal.value.faults[0].code


def opening(raw: bytes, media_type: str = COMPACT) -> str:
    return code_of(lambda: open_jws(raw, media_type))


# --- what is good


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("media_type", [COMPACT, FLATTENED])
def test_what_we_sign_verifies_and_gives_back_the_exact_payload(pki: Pki, kind: str, media_type: str) -> None:
    raw = sign_jws(PAYLOAD, sealer_of(pki[kind]), ENVELOPE_TYP, NOW, flattened=media_type == FLATTENED)
    gated = open_jws(raw, media_type)
    verified = verify_jws(gated)
    assert gated.raw == raw
    assert gated.alg == KEYS[kind]
    assert gated.level is verified.level is Level.JWS
    assert verified.signed_bytes == PAYLOAD
    assert verified.content_digest == hashlib.sha256(PAYLOAD).hexdigest()
    assert verified.certificate == pki[kind].certificate
    assert verified.chain == pki[kind].chain
    assert verified.claimed_time == NOW.replace(microsecond=0)
    assert gated.certificate_digest == certificate_digest(pki[kind].certificate)


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa"])
@pytest.mark.parametrize("flattened", [False, True])
def test_an_independent_library_accepts_our_receipts(pki: Pki, kind: str, flattened: bool) -> None:
    raw = sign_jws(PAYLOAD, sealer_of(pki[kind]), RECEIPT_TYP, NOW, flattened)
    token = jwcrypto_jws.JWS()
    token.allowed_algs = [KEYS[kind]]
    token.deserialize(raw.decode(), _jwk(pki[kind].certificate))
    assert token.payload == PAYLOAD
    assert token.jose_header["typ"] == RECEIPT_TYP


def _jwk(certificate: x509.Certificate) -> jwk.JWK:
    public = certificate.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return jwk.JWK.from_pem(public)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_an_independent_librarys_rsa_signatures_are_accepted(pki: Pki, algorithm: str) -> None:
    der = pki["rsa"].certificate.public_bytes(serialization.Encoding.DER)
    header = header_of(pki, alg=algorithm, x5c=[base64.b64encode(der).decode()])
    pem = pki.key_path("rsa").read_bytes()
    token = jwcrypto_jws.JWS(PAYLOAD)
    token.add_signature(jwk.JWK.from_pem(pem), None, json.dumps(header))
    assert verify_jws(open_jws(token.serialize(compact=True).encode(), COMPACT)).signed_bytes == PAYLOAD
    assert verify_jws(open_jws(token.serialize().encode(), FLATTENED)).signed_bytes == PAYLOAD


def test_a_certificate_named_by_digest_alone_is_given_by_the_caller(pki: Pki) -> None:
    holder = pki["ministry"]
    digest = certificate_digest(holder.certificate)
    header = header_of(pki, x5c=None, **{"x5t#S256": b64(bytes.fromhex(digest)).decode()})
    gated = open_jws(signed(pki, header), COMPACT)
    assert gated.certificate is None
    assert gated.certificate_digest == digest
    assert verify_jws(gated, holder.certificate).certificate == holder.certificate
    assert code_of(lambda: verify_jws(gated)) == "WASL-JWS-008"
    assert code_of(lambda: verify_jws(gated, pki["commune"].certificate)) == "WASL-JWS-008"


def test_another_certificate_than_the_one_carried_is_refused(pki: Pki) -> None:
    gated = open_jws(signed(pki, header_of(pki)), COMPACT)
    assert code_of(lambda: verify_jws(gated, pki["commune"].certificate)) == "WASL-JWS-008"


@pytest.mark.parametrize(
    "changes",
    [
        {"iat": None, "sigT": "2030-03-04T08:15:02Z"},
        {"iat": None, "sigT": "2030-03-04T08:15:02Z", "crit": ["sigT"]},
        {"crit": ["iat"]},
        {"kid": "any text; it is never looked up: ../../etc/passwd' OR 1=1"},
        {"cty": "json"},
    ],
)
def test_permitted_headers_are_accepted(pki: Pki, changes: dict[str, Any]) -> None:
    gated = open_jws(signed(pki, header_of(pki, **changes)), COMPACT)
    assert verify_jws(gated).claimed_time == NOW.replace(microsecond=0)


def test_an_unprotected_header_is_taken_only_when_the_caller_names_its_members(pki: Pki) -> None:
    members = json.loads(sign_jws(PAYLOAD, sealer_of(pki["p256"]), RECEIPT_TYP, NOW, flattened=True))
    raw = json.dumps(members | {"header": {"etsiU": []}}).encode()
    assert code_of(lambda: open_jws(raw, FLATTENED, typ=RECEIPT_TYP)) == "WASL-JWS-003"
    gated = open_jws(raw, FLATTENED, typ=RECEIPT_TYP, unprotected=frozenset({"etsiU"}))
    assert gated.unprotected == {"etsiU": []}
    assert verify_jws(gated).signed_bytes == PAYLOAD


# --- headers that a trusted insider might sign


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        *[({"alg": name}, "WASL-JWS-004") for name in ("none", "None", "NONE", "nOnE", "", 5, None)],
        *[
            ({"alg": name}, "WASL-JWS-004")
            for name in ("HS256", "HS512", "ES512", "RS384", "es256", "ES256K")
        ],
        *[({"alg": name}, "WASL-JWS-004") for name in ("ES384", "RS256", "PS256", "EdDSA", ["ES256"])],
        *[({"typ": name}, "WASL-JWS-005") for name in (None, "JWT", RECEIPT_TYP, "WASL-ENVELOPE+JSON", 1)],
        *[
            ({name: value}, "WASL-JWS-006")
            for name, value in {
                "jwk": {"kty": "EC"},
                "jku": "http://keys.example.test/",
                "x5u": "http://keys.example.test/",
                "x5t": "AAAA",
                "x5t#o": {},
                "sigX5ts": [],
                "b64": False,
                "zip": "DEF",
                "enc": "A256GCM",
                "sigD": {},
                "kid": 7,
                "cty": [],
                "ALG": "none",
                "": 1,
            }.items()
        ],
        ({"b64": False, "crit": ["b64"]}, "WASL-JWS-006"),
        *[
            ({"crit": names}, "WASL-JWS-007")
            for names in (
                [],
                ["alg"],
                ["x5t#S256"],
                ["iat", "iat"],
                ["b64"],
                ["sigT"],
                "iat",
                {"iat": 1},
                [1],
                [["iat"]],
            )
        ],
        ({"x5c": None}, "WASL-JWS-008"),
        ({"x5t#S256": "A" * 43}, "WASL-JWS-008"),
        ({"x5t#S256": "AAAA"}, "WASL-JWS-008"),
        ({"x5t#S256": ["A"]}, "WASL-JWS-008"),
        ({"x5t#S256": "é" * 43}, "WASL-JWS-002"),
        ({"iat": None}, "WASL-JWS-009"),
        ({"sigT": "2030-03-04T08:15:02Z"}, "WASL-JWS-009"),
        *[({"iat": value}, "WASL-SIG-015") for value in (True, -1, 1.5, "1", [], 2**53 - 1)],
        *[
            ({"iat": None, "sigT": value}, "WASL-SIG-015")
            for value in (
                "2030-03-04T08:15:02",
                "2030-03-04T08:15:02+00:00",
                "2030-13-04T08:15:02Z",
                "٢٠٣٠-03-04T08:15:02Z",
                7,
            )
        ],
        *[({"x5c": value}, "WASL-CRT-009") for value in ([], {}, "MII", [7], ["!!"], ["AAAA"], ["A"] * 11)],
    ],
)
def test_headers_that_break_a_rule_are_refused(pki: Pki, changes: dict[str, Any], code: str) -> None:
    header = {name: value for name, value in (header_of(pki) | changes).items() if value is not None}
    assert opening(signed(pki, header)) == code


def test_a_certificate_that_is_not_canonically_encoded_is_refused(pki: Pki) -> None:
    entry = header_of(pki)["x5c"][0]
    for spoiled in (entry + "\n", entry[:40] + " " + entry[40:], entry.rstrip("=") + "====", entry + "AAAA"):
        assert opening(signed(pki, header_of(pki, x5c=[spoiled]))) == "WASL-CRT-009"


def test_a_digest_of_another_certificate_than_x5c_is_refused(pki: Pki) -> None:
    other = b64(bytes.fromhex(certificate_digest(pki["commune"].certificate))).decode()
    assert opening(signed(pki, header_of(pki, **{"x5t#S256": other}))) == "WASL-JWS-008"


def test_a_short_rsa_key_is_refused(pki: Pki) -> None:
    raw = sign_jws(PAYLOAD, sealer_of(pki["weak-rsa"]), ENVELOPE_TYP, NOW)
    assert opening(raw) == "WASL-SIG-016"


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"none","alg":"ES256"}',
        b'{"alg":"ES256","\\u0061lg":"none"}',
        b"[]",
        b"null",
        b"\xef\xbb\xbf{}",
        b"{",
        b"\xff",
        b'{"a":[[[[1]]]]}',
    ],
)
def test_a_header_that_is_no_strict_json_is_refused(pki: Pki, header: bytes) -> None:
    assert opening(signed(pki, header)) == "WASL-JWS-003"


def test_an_oversized_header_is_refused_before_it_is_read(pki: Pki) -> None:
    assert opening(signed(pki, header_of(pki, kid="k" * 70_000))) == "WASL-JWS-003"


# --- shapes


def test_other_shapes_are_refused(pki: Pki) -> None:
    raw = signed(pki, header_of(pki))
    protected, payload, signature = raw.split(b".")
    for shape in (b"", b"..", b".", raw + b".", raw + b"." + payload, protected + b"." + payload):
        assert opening(shape) in {"WASL-JWS-001", "WASL-JWS-003"}
    for tail in (b"=", b"\n", b" ", b"%", "é".encode()):
        assert opening(raw + tail) == "WASL-JWS-002"
    assert opening(b"." + payload + b"." + signature) == "WASL-JWS-003"


@pytest.mark.parametrize("part", [0, 1, 2])
def test_left_over_bits_are_refused(pki: Pki, part: int) -> None:
    # Lengths that are no multiple of three leave bits over; a P-256 signature always does.
    kid = next("k" * n for n in range(1, 4) if len(json.dumps(header_of(pki, kid="k" * n))) % 3)
    payload = next(PAYLOAD + b" " * n for n in range(3) if len(PAYLOAD + b" " * n) % 3)
    parts = signed(pki, header_of(pki, kid=kid), payload).split(b".")
    assert len(parts[part]) % 4
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(parts[part][-1:]) + 1 :][:1]
    parts[part] = parts[part][:-1] + last
    assert opening(b".".join(parts)) == "WASL-JWS-002"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"header": {"alg": "none"}}, "WASL-JWS-003"),
        ({"header": 1}, "WASL-JWS-003"),
        ({"signatures": []}, "WASL-JWS-001"),
        ({"extra": 1}, "WASL-JWS-001"),
        ({"signature": None}, "WASL-JWS-001"),
        ({"payload": ["a"]}, "WASL-JWS-001"),
        ({"protected": "é"}, "WASL-JWS-002"),
    ],
)
def test_flattened_forms_that_break_a_rule_are_refused(pki: Pki, changes: dict[str, Any], code: str) -> None:
    members = json.loads(sign_jws(PAYLOAD, sealer_of(pki["p256"]), ENVELOPE_TYP, NOW, flattened=True))
    assert opening(json.dumps(members | changes).encode(), FLATTENED) == code


@pytest.mark.parametrize("raw", [b"[]", b"{", b'{"payload":"","payload":""}', b"\xff"])
def test_what_is_no_flattened_form_is_refused(raw: bytes) -> None:
    assert opening(raw, FLATTENED) == "WASL-JWS-001"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b'{"a":1,"a":2}', "WASL-JWS-010"),
        (b'{"a":NaN}', "WASL-JWS-010"),
        (b"\xef\xbb\xbf{}", "WASL-JWS-010"),
        (b"", "WASL-JWS-010"),
        (b"[" * 33 + b"]" * 33, "WASL-JWS-011"),
    ],
)
def test_payloads_that_are_no_strict_json_are_refused(pki: Pki, payload: bytes, code: str) -> None:
    assert opening(signed(pki, header_of(pki), payload)) == code


def test_limits_and_media_types_are_kept(pki: Pki) -> None:
    raw = signed(pki, header_of(pki))
    with pytest.raises(TooLarge):
        open_jws(raw, COMPACT, JwsLimits(octets=len(raw) - 1))
    assert open_jws(raw, COMPACT, JwsLimits(octets=len(raw)))
    with pytest.raises(UnsupportedMedia):
        open_jws(raw, "application/json")


# --- signatures


def _verifying(gated: GatedJws) -> str:
    return code_of(lambda: verify_jws(gated))


def test_signatures_that_are_not_the_signers_are_refused(pki: Pki) -> None:
    gated = open_jws(signed(pki, header_of(pki)), COMPACT)
    good = gated.signature
    der = pki["ministry"].key.sign(gated.signing_input, ec.ECDSA(hashes.SHA256()))
    other = raw_ecdsa(pki["commune"].key.sign(gated.signing_input, ec.ECDSA(hashes.SHA256())))
    zero, order = bytes(32), bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    spoiled = [b"", good[:-1], good[:32], good + b"\0", der, other, zero + zero, zero + good[32:]]
    spoiled += [good[:32] + zero, order + order, good[32:] + good[:32], bytes([good[0] ^ 1]) + good[1:]]
    for signature in spoiled:
        assert _verifying(replace(gated, signature=signature)) == "WASL-SIG-013"
    assert verify_jws(gated).signed_bytes == PAYLOAD


def test_a_changed_payload_is_refused(pki: Pki) -> None:
    protected, _payload, signature = signed(pki, header_of(pki)).split(b".")
    raw = b".".join([protected, b64(b'{"subject":"other"}'), signature])
    assert _verifying(open_jws(raw, COMPACT)) == "WASL-SIG-013"


def test_hmac_with_the_public_key_is_refused_in_every_encoding(pki: Pki) -> None:
    public = pki["ministry"].certificate.public_key()
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    secrets = [
        public.public_bytes(form, info) for form in (serialization.Encoding.PEM, serialization.Encoding.DER)
    ]
    secrets.append(pki["ministry"].certificate.public_bytes(serialization.Encoding.PEM))
    for secret in secrets:
        signing_input = b64(json.dumps(header_of(pki, alg="HS256")).encode()) + b"." + b64(PAYLOAD)
        mac = hmac.HMAC(secret, hashes.SHA256())
        mac.update(signing_input)
        assert opening(signing_input + b"." + b64(mac.finalize())) == "WASL-JWS-004"


def test_a_key_that_jws_does_not_know_cannot_sign(pki: Pki) -> None:
    holder = pki["ministry"]
    for key in (ec.generate_private_key(ec.SECP521R1()), object()):
        with pytest.raises(Unavailable):
            sign_jws(PAYLOAD, Sealer(key, holder.certificate), ENVELOPE_TYP, NOW)


def test_a_key_that_fails_is_our_own_trouble(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise OSError("the device is gone")

    monkeypatch.setattr("gateway.trust.jwsprimitive.sign", broken)
    with pytest.raises(Unavailable) as fault:
        sign_jws(PAYLOAD, sealer_of(pki["p256"]), ENVELOPE_TYP, NOW)
    assert fault.value.code == "WASL-HUB-002"


def test_a_key_so_large_that_it_only_costs_time_is_refused() -> None:
    huge = rsa.RSAPublicNumbers(65537, (1 << 16383) + 1).public_key()
    assert code_of(lambda: check_key("RS256", huge)) == "WASL-JWS-004"


def test_a_certificate_whose_key_cannot_be_read_is_refused(pki: Pki) -> None:
    # The point on the curve is spoiled; the certificate itself still reads.
    der = pki["ministry"].certificate.public_bytes(serialization.Encoding.DER)
    point = (
        pki["ministry"]
        .key.public_key()
        .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    )
    spoiled = der.replace(point, point[:1] + bytes(64))
    assert spoiled != der
    entry = base64.b64encode(spoiled).decode()
    assert opening(signed(pki, header_of(pki, x5c=[entry]))) == "WASL-CRT-009"
    digest = b64(hashlib.sha256(spoiled).digest()).decode()
    gated = open_jws(signed(pki, header_of(pki, x5c=None, **{"x5t#S256": digest})), COMPACT)
    assert code_of(lambda: verify_jws(gated, x509.load_der_x509_certificate(spoiled))) == "WASL-CRT-009"


def test_the_rest_of_a_chain_is_carried_and_must_be_readable_too(pki: Pki) -> None:
    entries = [
        base64.b64encode(one.public_bytes(serialization.Encoding.DER)).decode()
        for one in (pki["ministry"].certificate, *pki["ministry"].chain)
    ]
    assert open_jws(signed(pki, header_of(pki, x5c=entries)), COMPACT).chain == pki["ministry"].chain
    assert opening(signed(pki, header_of(pki, x5c=[entries[0], "AAAA"]))) == "WASL-CRT-009"
    assert opening(signed(pki, header_of(pki, x5c=[entries[0][:-4] + "AB=="]))) == "WASL-CRT-009"
