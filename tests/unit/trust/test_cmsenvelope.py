"""Content closed to certificates: opened by openssl and from openssl, and never half believed."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.trust.cmsenvelope import ALTERED, MALFORMED, NOT_FOR_US, WEAK, BadEnvelope, decrypt, encrypt

NOW = datetime(2026, 3, 1, tzinfo=UTC)
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def certified(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"TEST {name}")])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    return builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=900)).sign(key, hashes.SHA256())


KEY, OTHER_KEY = (rsa.generate_private_key(65537, 2048) for _ in range(2))
OURS, OTHER = certified(KEY, "reader"), certified(OTHER_KEY, "another")


def closed(content: bytes, *to: x509.Certificate) -> bytes:
    into = io.BytesIO()
    encrypt(io.BytesIO(content), len(content), into, to or (OURS,), os.urandom)
    return into.getvalue()


def opened(octets: bytes) -> bytes:
    into = io.BytesIO()
    decrypt(io.BytesIO(octets), into, KEY, OURS)
    return into.getvalue()


@pytest.mark.parametrize("size", [0, 1, 15, 16, 127, 128, 255, 256, 65_536, 1_000_003])
def test_what_was_closed_is_opened(size: int) -> None:
    content = os.urandom(size)
    assert opened(closed(content)) == content


def test_each_of_several_readers_opens_it() -> None:
    assert opened(closed(b"for both", OTHER, OURS)) == b"for both"


def test_somebody_else_does_not() -> None:
    with pytest.raises(BadEnvelope) as caught:
        opened(closed(b"not for us", OTHER))
    assert caught.value.code == NOT_FOR_US


def test_two_envelopes_of_the_same_have_nothing_in_common() -> None:
    first, second = closed(b"x" * 64), closed(b"x" * 64)
    assert first[-82:] != second[-82:]


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP256K1()), rsa.generate_private_key(65537, 1024)]
)
def test_a_key_that_cannot_be_written_to_is_refused(key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(BadEnvelope) as caught:
        closed(b"x", certified(key, "weak"))
    assert caught.value.code == WEAK


@pytest.mark.parametrize("size", [9, 11])
def test_content_of_another_length_than_stated_is_noticed(size: int) -> None:
    with pytest.raises(ValueError, match="than stated"):
        encrypt(io.BytesIO(b"x" * size), 10, io.BytesIO(), (OURS,), os.urandom)


@settings(deadline=None)
@given(st.data())
def test_one_octet_changed_and_no_other_content_is_believed(data: st.DataObject) -> None:
    """What surrounds the encrypted key is not authenticated in CMS, and means nothing by itself."""
    whole = bytearray(closed(b"Demande de dix"))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    with suppress(BadEnvelope):
        assert opened(bytes(whole)) == b"Demande de dix"


@settings(deadline=None)
@given(st.integers(0, 600))
def test_cut_off_anywhere_it_is_not_believed(length: int) -> None:
    whole = closed(b"x" * 200)
    with pytest.raises(BadEnvelope) as caught:
        opened(whole[: min(length, len(whole) - 1)])
    assert caught.value.code in (MALFORMED, ALTERED)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_octets_of_any_kind_are_refused_plainly(octets: bytes) -> None:
    with pytest.raises(BadEnvelope):
        opened(octets)


def test_a_length_that_nobody_has_is_refused_before_anything_is_read() -> None:
    with pytest.raises(BadEnvelope):
        opened(bytes.fromhex("3084ffffffff") + b"\x06\x0b" + b"\x31" * 100)


def pair(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    key.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate.write_bytes(OURS.public_bytes(Encoding.PEM))
    return key, certificate


def test_no_octet_of_the_content_or_its_tag_may_change() -> None:
    whole = closed(b"Demande de dix")
    for place in range(len(whole) - 14 - 18, len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        with pytest.raises(BadEnvelope):
            opened(bytes(changed))


@needs_openssl
def test_openssl_opens_what_we_closed(tmp_path: Path) -> None:
    key, certificate = pair(tmp_path)
    content = os.urandom(100_000)
    (tmp_path / "closed").write_bytes(closed(content, OTHER, OURS))
    command = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", tmp_path / "closed"]
    done = subprocess.run(
        [*command, "-inkey", key, "-recip", certificate], capture_output=True, check=True, timeout=30
    )
    assert done.stdout == content


@needs_openssl
@pytest.mark.parametrize(
    "padding", [[], ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"]]
)
def test_what_openssl_closed_is_opened(tmp_path: Path, padding: list[str]) -> None:
    _, certificate = pair(tmp_path)
    content = os.urandom(100_000)
    (tmp_path / "clear").write_bytes(content)
    command = ["openssl", "cms", "-encrypt", "-binary", "-aes-256-gcm", "-outform", "DER"]
    files = ["-in", tmp_path / "clear", "-out", tmp_path / "closed", "-recip", certificate]
    subprocess.run([*command, *files, *padding], check=True, timeout=30)
    assert opened((tmp_path / "closed").read_bytes()) == content
