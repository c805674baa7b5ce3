"""Content closed to elliptic-curve certificates: opened by openssl and from openssl, never half believed."""

from __future__ import annotations

import io
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.trust.cmsenvelope import NOT_FOR_US, BadEnvelope, Reader, decrypt, encrypt
from tests.unit.trust.test_cmsenvelope import certified, needs_openssl

CURVES = pytest.mark.parametrize(
    "curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda one: one.name
)
KEY = ec.generate_private_key(ec.SECP256R1())
OURS = certified(KEY, "reader")
RSA_KEY = rsa.generate_private_key(65537, 2048)
RSA = certified(RSA_KEY, "reader with RSA")


def closed(content: bytes, *to: Reader) -> bytes:
    into = io.BytesIO()
    encrypt(
        io.BytesIO(content), len(content), into, [certified(key, "x") for key in to] or [OURS], os.urandom
    )
    return into.getvalue()


def opened(octets: bytes) -> bytes:
    into = io.BytesIO()
    decrypt(io.BytesIO(octets), into, KEY, OURS)
    return into.getvalue()


def written(folder: Path, key: ec.EllipticCurvePrivateKey) -> tuple[Path, Path]:
    private, certificate = folder / "key.pem", folder / "certificate.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate.write_bytes(certified(key, "reader").public_bytes(Encoding.PEM))
    return private, certificate


@CURVES
@pytest.mark.parametrize("size", [0, 1, 65_537])
def test_what_was_closed_is_opened(curve: ec.EllipticCurve, size: int) -> None:
    key, content, into, out = ec.generate_private_key(curve), os.urandom(size), io.BytesIO(), io.BytesIO()
    certificate = certified(key, "reader")
    encrypt(io.BytesIO(content), size, into, [RSA, certificate, OURS], os.urandom)
    decrypt(io.BytesIO(into.getvalue()), out, key, certificate)
    assert (out.getvalue(), opened(into.getvalue())) == (content, content)
    again = io.BytesIO()
    decrypt(io.BytesIO(into.getvalue()), again, RSA_KEY, RSA)
    assert again.getvalue() == content


def test_somebody_else_does_not() -> None:
    for other in (ec.generate_private_key(ec.SECP256R1()), RSA_KEY):
        with pytest.raises(BadEnvelope) as caught:
            opened(closed(b"not for us", other))
        assert caught.value.code == NOT_FOR_US


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_one_octet_changed_and_no_other_content_is_believed(data: st.DataObject) -> None:
    whole = bytearray(closed(b"Demande de dix"))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    with suppress(BadEnvelope):
        assert opened(bytes(whole)) == b"Demande de dix"


@settings(deadline=None)
@given(st.integers(0, 900))
def test_cut_off_anywhere_it_is_not_believed(length: int) -> None:
    whole = closed(b"x" * 200)
    with pytest.raises(BadEnvelope):
        opened(whole[: min(length, len(whole) - 1)])


@needs_openssl
@CURVES
def test_openssl_opens_what_we_closed(tmp_path: Path, curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    private, certificate = written(tmp_path, key)
    content, into = os.urandom(100_000), io.BytesIO()
    own = x509.load_pem_x509_certificate(certificate.read_bytes())
    encrypt(io.BytesIO(content), len(content), into, [RSA, own], os.urandom)
    (tmp_path / "closed").write_bytes(into.getvalue())
    command = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", tmp_path / "closed"]
    done = subprocess.run(
        [*command, "-inkey", private, "-recip", certificate], capture_output=True, check=True, timeout=30
    )
    assert done.stdout == content


@needs_openssl
@CURVES
@pytest.mark.parametrize(
    "options", [[], ["-keyopt", "ecdh_kdf_md:sha256"], ["-keyopt", "ecdh_kdf_md:sha384"]]
)
def test_what_openssl_closed_is_opened(tmp_path: Path, curve: ec.EllipticCurve, options: list[str]) -> None:
    key = ec.generate_private_key(curve)
    _, certificate = written(tmp_path, key)
    (tmp_path / "clear").write_bytes(content := os.urandom(10_000))
    command = ["openssl", "cms", "-encrypt", "-binary", "-aes-256-gcm", "-outform", "DER"]
    files = ["-in", tmp_path / "clear", "-out", tmp_path / "closed", "-recip", certificate]
    subprocess.run([*command, *files, *options], check=True, timeout=30)
    out = io.BytesIO()
    own = x509.load_pem_x509_certificate(certificate.read_bytes())
    decrypt(io.BytesIO((tmp_path / "closed").read_bytes()), out, key, own)
    assert out.getvalue() == content
