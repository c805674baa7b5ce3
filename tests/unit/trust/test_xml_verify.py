"""What other stacks sign is taken, what was changed is not; only covered octets come back."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from lxml import etree

from gateway.domain.errors import Refused
from gateway.domain.evidence.verdict import Level
from gateway.trust.xmlsig import verify_xml
from tests.assets import rawsign
from tests.assets.rawsign import C14N, C14N_11, ENVELOPED, EXC_C14N, MORE, MORE_2007, Reference, Transform
from tests.unit.trust.xmlkit import (
    LETTER,
    MOMENT,
    NS,
    SLOT,
    certificate,
    key,
    opened,
    plain,
    refusal,
    sign,
    verified,
    xades,
)

JAVA = shutil.which("java")
CONTENT = LETTER.replace(SLOT, "").encode()


def test_what_was_signed_comes_back_and_nothing_else() -> None:
    signed = verified(sign(xades()))
    assert signed.signed_bytes == etree.tostring(etree.fromstring(CONTENT), method="c14n")
    assert signed.content_digest == hashlib.sha256(signed.signed_bytes).hexdigest()
    assert (signed.certificate, signed.level, signed.claimed_time) == (certificate(), Level.XADES, MOMENT)


def test_white_space_around_the_signature_is_content() -> None:
    signed = verified(sign(xades(), LETTER.replace(SLOT, f"\n {SLOT}\n")))
    assert signed.signed_bytes.endswith(b"</Body>\n \n</Envelope>")


@pytest.mark.parametrize("make", [xades, plain])
@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("p256", MORE + "ecdsa-sha256"),
        ("p256", MORE + "ecdsa-sha512"),
        ("p384", MORE + "ecdsa-sha384"),
        ("rsa2048", MORE + "rsa-sha256"),
        ("rsa2048", MORE + "rsa-sha384"),
        ("rsa2048", MORE_2007 + "sha256-rsa-MGF1"),
        ("rsa2048", MORE_2007 + "sha512-rsa-MGF1"),
    ],
)
def test_every_allowed_method_verifies(make: Any, kind: str, method: str) -> None:
    assert verified(sign(make(kind, method=method))).certificate == certificate(kind)


@pytest.mark.parametrize("c14n", [C14N, C14N_11, EXC_C14N])
@pytest.mark.parametrize("uri", ["", "#letter"])
def test_every_canonical_form_verifies(c14n: str, uri: str) -> None:
    explicit, implied = Reference(uri, (ENVELOPED, c14n)), Reference(uri, (ENVELOPED,))
    properties = replace(rawsign.PROPERTIES, transforms=(c14n,))
    assert refusal(sign(xades(c14n=c14n, references=(explicit, properties)))) == "XAdES"
    assert refusal(sign(plain(c14n=c14n, references=(implied,)))) == "XMLDSig"


def test_as_dotnet_signs() -> None:
    plan = plain("rsa2048", c14n=C14N, prefix="", references=(Reference("", (ENVELOPED,)),))
    assert refusal(sign(plan)) == "XMLDSig"
    assert refusal(sign(plan.but(references=(Reference("#letter", (ENVELOPED, C14N)),)))) == "XMLDSig"


def test_as_xmlseclibs_signs() -> None:
    plan = plain("rsa2048", references=(Reference("", (ENVELOPED, EXC_C14N)),), breaks=rawsign.wrap76)
    assert refusal(sign(plan, f'<?xml version="1.0"?>\n{LETTER}\n')) == "XMLDSig"


@pytest.mark.parametrize("listed", ["", "extra", "#default extra"])
def test_a_prefix_list_verifies(listed: str) -> None:
    inner = f'<ec:InclusiveNamespaces xmlns:ec="{EXC_C14N}" PrefixList="{listed}"/>'
    letter = LETTER.replace(" Id=", ' xmlns:extra="urn:extra" Id=')
    root = etree.fromstring(letter.replace(SLOT, "").encode())
    covered = etree.tostring(root, method="c14n", exclusive="extra" not in listed)
    whole = Reference("", (ENVELOPED, Transform(EXC_C14N, inner)), octets=covered)
    assert verified(sign(plain(references=(whole,)), letter)).signed_bytes == covered


@pytest.mark.skipif(JAVA is None, reason="no java here: letters signed by the JDK are not tried")
@pytest.mark.parametrize(("profile", "level"), [("xades", Level.XADES), ("basic", Level.XMLDSIG)])
def test_what_the_jdk_signs_verifies(tmp_path: Path, profile: str, level: Level) -> None:
    private = key("rsa2048").private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    inputs = {"letter.xml": CONTENT, "key": private, "certificate": rawsign.der(certificate("rsa2048"))}
    for name, octets in inputs.items():
        (tmp_path / name).write_bytes(octets)
    paths = [str(tmp_path / name) for name in (*inputs, "signed.xml")]
    source = Path(__file__).parent / "JdkSigner.java"
    subprocess.run([str(JAVA), str(source), *paths, profile], check=True, capture_output=True, timeout=60)
    raw = (tmp_path / "signed.xml").read_bytes()
    assert b"&#13;" in raw
    signed = verified(raw)
    assert (signed.level, signed.certificate) == (level, certificate("rsa2048"))
    claimed = MOMENT.replace(microsecond=123456) if profile == "xades" else None
    assert signed.claimed_time == claimed


@pytest.mark.parametrize("make", [xades, plain])
def test_changed_content_is_refused(make: Any) -> None:
    assert refusal(sign(make()).replace(b"fictive", b"falsifi\xc3\xa9e")) == "WASL-SIG-012"


def test_changed_properties_are_refused() -> None:
    assert refusal(sign(xades()).replace(b"T03:04:05Z", b"T03:04:06Z")) == "WASL-SIG-012"


def test_a_changed_reference_is_refused() -> None:
    raw = sign(xades())
    digest = opened(raw).root[-1][0][2].findtext(f"{{{rawsign.DS}}}DigestValue") or ""
    assert refusal(raw.replace(digest.encode(), b"A" * 43 + b"=")) == "WASL-SIG-013"


def test_a_signature_by_another_key_is_refused() -> None:
    assert refusal(sign(plain(key=ec.generate_private_key(ec.SECP256R1())))) == "WASL-SIG-013"
    assert refusal(sign(plain(method=MORE + "rsa-sha256", key=key("rsa2048")))) == "WASL-SIG-013"


def signature_value(make: Any) -> Any:
    return plain(value=lambda octets: make(key().sign(octets, ec.ECDSA(rawsign._HASHES["sha256"]))))


@pytest.mark.parametrize(
    "make",
    [
        bytes,
        lambda der: rawsign.raw_ecdsa(key(), der)[:-1],
        lambda der: rawsign.raw_ecdsa(key(), der)[:32],
        lambda der: b"\x00" * 32 + rawsign.raw_ecdsa(key(), der)[32:],
        lambda der: rawsign.raw_ecdsa(key(), der)[:32] + b"\x00" * 32,
        lambda der: b"\x00" * 64,
        lambda der: b"\xff" * 64,
        lambda der: b"\x00" * 2 + rawsign.raw_ecdsa(key(), der),
    ],
    ids=["der", "short", "half", "no-r", "no-s", "nothing", "huge", "padded"],
)
def test_values_that_are_no_signature_are_refused(make: Any) -> None:
    assert refusal(sign(signature_value(make))) == "WASL-SIG-013"


def test_the_der_form_is_named_in_the_refusal() -> None:
    with pytest.raises(Refused) as refused:
        verified(sign(signature_value(bytes)))
    assert refused.value.faults[0].expected == "r and s, 64 octets"


def test_the_other_form_of_s_verifies_too() -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

    def other(der: bytes) -> bytes:
        r, s = utils.decode_dss_signature(der)
        return r.to_bytes(32) + (order - s).to_bytes(32)

    assert refusal(sign(signature_value(other))) == "XMLDSig"  # ECDSA is malleable; digests are not over it


@pytest.mark.parametrize(("kind", "code"), [("rsa1024", "WASL-SIG-016"), ("p521", "WASL-SIG-016")])
@pytest.mark.parametrize("make", [xades, plain])
def test_weak_and_foreign_keys_are_refused(make: Any, kind: str, code: str) -> None:
    assert refusal(sign(make(kind))) == code


def test_an_edwards_key_signs_no_xml() -> None:
    plan = plain(certificates=(certificate("ed25519"),))
    assert refusal(sign(plan)) == "WASL-SIG-007"


def wrapped(signature: str, inner: str) -> bytes:
    forged = LETTER.replace(' Id="letter"', "").replace("fictive", "forgée")
    return forged.replace("</Body>", f"</Body>{inner}").replace(SLOT, signature).encode()


@pytest.mark.parametrize("uri", ["", "#letter"])
def test_a_signed_letter_wrapped_into_another_is_refused(uri: str) -> None:
    raw = sign(plain(references=(Reference(uri),))).decode()
    cut = raw.index("<ds:Signature ")
    signature = raw[cut : raw.index("</ds:Signature>") + 15]
    original = raw.replace(signature, "")
    assert refusal(wrapped(signature, original)) in {"WASL-SIG-005", "WASL-SIG-012"}
    assert refusal(wrapped("", raw)) == "WASL-SIG-003"


def test_a_relative_namespace_that_has_no_canonical_form_is_refused() -> None:
    raw = sign(plain()).replace(b"<Body>", b'<Body xmlns:r="relative">')
    assert refusal(raw) == "WASL-SIG-017"


def test_cryptography_that_covered_something_else_is_refused() -> None:
    gated = opened(sign(plain()))
    etree.SubElement(gated.root, f"{{{NS}}}Added")
    with pytest.raises(Refused) as refused:
        verify_xml(gated)
    assert refused.value.faults[0].code == "WASL-SIG-005"
