"""Detached signatures over files: OpenSSL agrees, and nothing but what we write is taken."""

from __future__ import annotations

import random
import subprocess
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from asn1crypto import cms, core

from certs.testpki import Pki, build, issue, new_key
from gateway.domain.errors import Unavailable
from gateway.trust.cades import LARGEST, seal_detached, verify_detached
from gateway.trust.cms import BadCms
from gateway.trust.cmssign import sign_detached
from gateway.trust.seal import KeySealer

NOW = datetime(2030, 3, 4, 8, 15, 2, tzinfo=UTC)
DATA = b"<ASiCManifest/>\n" * 300
SEALS = {"hub-seal": "p256", "rsa-seal": "rsa", "p384-seal": "p384"}


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    built = build(tmp_path_factory.mktemp("pki"), NOW)
    for name in ("rsa-seal", "p384-seal"):
        issue(built, name, "seal-ca", key=new_key(SEALS[name]))
    return built


def sealer(pki: Pki, name: str) -> KeySealer:
    return KeySealer.from_files(pki.key_path(name), pki.certificate_path(name))


def refused(der: bytes, data: bytes = DATA) -> str:
    with pytest.raises(BadCms) as caught:
        verify_detached(der, data)
    return caught.value.code


@pytest.mark.parametrize("name", SEALS)
def test_what_is_sealed_verifies_and_says_by_whom_and_when(pki: Pki, name: str) -> None:
    signed = verify_detached(seal_detached(DATA, sealer(pki, name), NOW), DATA)
    assert signed.certificate == pki[name].certificate
    assert (signed.claimed_time, signed.signed_bytes, signed.level) == (NOW, DATA, None)


def test_time_is_stated_to_the_second_beyond_2049_too(pki: Pki) -> None:
    late = NOW.replace(year=2055, microsecond=5)
    found = verify_detached(seal_detached(DATA, sealer(pki, "hub-seal"), late), DATA).claimed_time
    assert found == late.replace(microsecond=0)


def test_chain_comes_along(pki: Pki) -> None:
    signed = verify_detached(seal_detached(DATA, sealer(pki, "ministry"), NOW), DATA)
    assert signed.chain == pki["ministry"].chain != ()


@pytest.mark.parametrize("name", SEALS)
def test_openssl_agrees(pki: Pki, tmp_path: Path, name: str) -> None:
    (tmp_path / "s.p7s").write_bytes(seal_detached(DATA, sealer(pki, name), NOW))
    (tmp_path / "data").write_bytes(DATA)
    command = ["openssl", "cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", "s.p7s"]
    command += ["-content", "data", "-CAfile", str(pki.trust / "seal" / "seal-ca.pem"), "-purpose", "any"]
    command += ["-attime", str(int(NOW.timestamp())), "-out", "out"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "out").read_bytes() == DATA
    (tmp_path / "data").write_bytes(DATA + b"x")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode != 0


def test_signature_over_other_octets_is_refused(pki: Pki) -> None:
    assert refused(seal_detached(DATA, sealer(pki, "hub-seal"), NOW), DATA + b" ") == "signature"


def test_signature_of_openssl_that_names_no_certificate_is_refused(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(DATA)
    command = ["openssl", "cms", "-sign", "-binary", "-outform", "DER", "-in", "data", "-out", "s.p7s"]
    command += ["-signer", str(pki.certificate_path("hub-seal")), "-inkey", str(pki.key_path("hub-seal"))]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert refused((tmp_path / "s.p7s").read_bytes()) in ("certificate", "malformed")


def test_no_altered_octet_and_no_cut_is_taken(pki: Pki) -> None:
    good = seal_detached(DATA, sealer(pki, "hub-seal"), NOW)
    chance = random.Random(20300304)  # the same cases every time
    for position in range(len(good)):
        altered = bytearray(good)
        altered[position] ^= 1 << chance.randrange(8)
        refused(bytes(altered))
        if position % 7 == 0:
            refused(good[:position])
    refused(good + b"\0")


@pytest.mark.parametrize(
    "octets", [b"", b"\x30", b"\x30\x80\0\0", b"hello", b"\xff" * 100, b"\x30\x84" * 9000]
)
def test_what_is_no_signature_is_malformed(octets: bytes) -> None:
    assert refused(octets) == "malformed"


def test_too_long_a_signature_is_not_even_parsed(pki: Pki) -> None:
    good = seal_detached(DATA, sealer(pki, "hub-seal"), NOW)
    assert refused(good + bytes(LARGEST)) == "malformed"


def changed(good: bytes, change: object) -> bytes:
    """The signature with its SignedData changed and everything else as it was."""
    info = cms.ContentInfo.load(good).copy()
    change(info["content"])  # type: ignore[operator]
    return bytes(info.dump(force=True))


def two_signers(signed: cms.SignedData) -> None:
    signed["signer_infos"] = [signed["signer_infos"][0], signed["signer_infos"][0]]


def no_signer(signed: cms.SignedData) -> None:
    signed["signer_infos"] = []


def no_certificate(signed: cms.SignedData) -> None:
    signed["certificates"] = []


def content_inside_too(signed: cms.SignedData) -> None:
    signed["encap_content_info"] = cms.ContentInfo(
        {"content_type": "data", "content": core.OctetString(DATA)}
    )


def unsigned_attribute(signed: cms.SignedData) -> None:
    more = cms.CMSAttribute({"type": "message_digest", "values": [b"x"]})
    signed["signer_infos"][0]["unsigned_attrs"] = cms.CMSAttributes([more])


def other_announced_digest(signed: cms.SignedData) -> None:
    signed["digest_algorithms"] = [{"algorithm": "sha1"}]


@pytest.mark.parametrize(
    "change",
    [
        two_signers,
        no_signer,
        no_certificate,
        content_inside_too,
        unsigned_attribute,
        other_announced_digest,
    ],
)
def test_other_shapes_are_refused(pki: Pki, change: object) -> None:
    good = seal_detached(DATA, sealer(pki, "hub-seal"), NOW)
    verify_detached(changed(good, lambda signed: None), DATA)
    assert refused(changed(good, change)) in ("malformed", "certificate")


def test_signature_without_its_time_is_refused(pki: Pki) -> None:
    assert refused(sign_detached(sha256(DATA).digest(), sealer(pki, "hub-seal"))) == "malformed"


def test_weak_key_is_refused(pki: Pki) -> None:
    weak = KeySealer(pki["weak-rsa"].key, pki["weak-rsa"].certificate)  # type: ignore[arg-type]
    assert refused(seal_detached(DATA, weak, NOW)) == "certificate"


def test_key_that_cannot_sign_so_is_our_trouble(pki: Pki) -> None:
    ledger = KeySealer(pki["ledger"].key, pki["ledger"].certificate)  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        seal_detached(DATA, ledger, NOW)
