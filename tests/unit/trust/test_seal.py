"""Our own seals: verified here, by xmlsec1, alone and inside another document."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa
from lxml import etree

from gateway.domain.errors import Misconfigured, Unavailable
from gateway.domain.evidence.verdict import Level
from gateway.trust.seal import KeySealer, Sealer, sign_xml
from gateway.trust.xmlnames import RECEIPT
from tests.assets.rawsign import DS
from tests.unit.trust.xmlkit import MOMENT, NS, certificate, key, opened, verified

XMLSEC1 = shutil.which("xmlsec1")
KINDS = ["p256", "p384", "rsa2048"]
PASSPHRASE = b"fictitious"


def sealer(kind: str = "p256", *chain: x509.Certificate) -> KeySealer:
    return KeySealer(key(kind), certificate(kind), chain)


def letter(root: str = f"{{{NS}}}Envelope", **attributes: str) -> etree._Element:
    namespace = etree.QName(root).namespace
    element = etree.Element(root, attributes, nsmap={None: str(namespace), "unused": "urn:unused"})
    etree.SubElement(element, f"{{{namespace}}}Subject").text = "Demande fictive\r\nنص <تجريبي>"
    return element


def xmlsec1_says(path: Path, kind: str) -> tuple[int, str]:
    pem = path.with_suffix(".pem")
    pem.write_bytes(certificate(kind).public_bytes(serialization.Encoding.PEM))
    named = ("http://uri.etsi.org/01903/v1.3.2#:SignedProperties", f"{DS}:KeyInfo")
    ids = [argument for name in named for argument in ("--id-attr:Id", name)]
    command = [str(XMLSEC1), "--verify", *ids, "--pubkey-cert-pem", str(pem), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_our_seal_verifies(kind: str) -> None:
    raw = sign_xml(letter(), sealer(kind), MOMENT)
    gated, signed = opened(raw), verified(raw)
    assert (signed.level, signed.certificate, signed.claimed_time) == (Level.XADES, certificate(kind), MOMENT)
    assert gated.references == 3
    content = etree.fromstring(signed.signed_bytes)
    assert [one.text for one in content] == ["Demande fictive\r\nنص <تجريبي>"]


@pytest.mark.skipif(XMLSEC1 is None, reason="no xmlsec1 here: nobody else confirms our seals")
@pytest.mark.parametrize("kind", KINDS)
def test_xmlsec1_verifies_our_seal(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "sealed.xml"
    path.write_bytes(sign_xml(letter(), sealer(kind), MOMENT))
    code, said = xmlsec1_says(path, kind)
    assert code == 0
    assert "SignedInfo References (ok/all): 3/3" in said


@pytest.mark.skipif(XMLSEC1 is None, reason="no xmlsec1 here: nobody else refuses what was changed")
def test_xmlsec1_refuses_our_seal_over_other_content(tmp_path: Path) -> None:
    path = tmp_path / "sealed.xml"
    path.write_bytes(sign_xml(letter(), sealer(), MOMENT).replace(b"fictive", b"fictif"))
    assert xmlsec1_says(path, "p256")[0] != 0


def test_a_seal_survives_being_carried_inside_another_document() -> None:
    inner = etree.fromstring(sign_xml(letter(), sealer(), MOMENT))
    outer = etree.Element(
        "{urn:outer}Carrier", nsmap={None: "urn:outer", "o": "urn:other", "ds": "urn:not-ds"}
    )
    outer.append(inner)
    carried = etree.fromstring(etree.tostring(outer))[0]
    assert verified(etree.tostring(carried)).signed_bytes == verified(etree.tostring(inner)).signed_bytes


def test_the_seal_is_the_last_child_and_states_every_canonical_form() -> None:
    element = letter(Id="letter")
    before = etree.tostring(element)
    root = etree.fromstring(sign_xml(element, sealer(), MOMENT))
    assert root[-1].tag == f"{{{DS}}}Signature"
    references = root[-1].findall(f"{{{DS}}}SignedInfo/{{{DS}}}Reference")
    assert references[0].get("URI") == ""
    assert all(one.find(f"{{{DS}}}Transforms") is not None for one in references)
    assert etree.tostring(element) == before


def test_receipts_are_sealed_the_same_way() -> None:
    raw = sign_xml(letter(RECEIPT), sealer(), MOMENT)
    assert verified(raw, root=RECEIPT).level is Level.XADES


def test_the_chain_goes_along() -> None:
    authority = certificate("p384", ca=True, name="Autorité d'essai")
    assert verified(sign_xml(letter(), sealer("p256", authority), MOMENT)).chain == (authority,)


def test_the_time_is_stated_in_utc_to_the_second() -> None:
    local = datetime(2026, 1, 2, 4, 4, 5, 999, tzinfo=timezone(timedelta(hours=1)))
    assert verified(sign_xml(letter(), sealer(), local)).claimed_time == MOMENT


class BrokenKey:
    """A key in a module that does not answer."""

    key_size = 256
    curve = key().curve

    def sign(self, *arguments: Any, **named: Any) -> bytes:
        raise OSError("the module does not answer")


def test_a_seal_that_does_not_answer_is_our_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    ec.EllipticCurvePrivateKey.register(BrokenKey)
    broken: Any = KeySealer(BrokenKey(), certificate())  # type: ignore[arg-type]
    with pytest.raises(Unavailable) as fault:
        sign_xml(letter(), broken, MOMENT)
    assert (str(fault.value), fault.value.code) == ("seal", "WASL-HUB-002")


@pytest.mark.parametrize("kind", ["ed25519", "p521"])
def test_a_key_that_signs_no_xml_is_our_trouble(kind: str) -> None:
    with pytest.raises(Unavailable):
        sign_xml(letter(), sealer(kind), MOMENT)


def files(
    folder: Path, private: Any, *certificates: x509.Certificate, passphrase: bytes = b""
) -> tuple[Path, Path]:
    guard: Any = serialization.NoEncryption()
    if passphrase:
        guard = serialization.BestAvailableEncryption(passphrase)
    pem = serialization.Encoding.PEM
    key_path, cert_path = folder / "key.pem", folder / "certificate.pem"
    key_path.write_bytes(private.private_bytes(pem, serialization.PrivateFormat.PKCS8, guard))
    cert_path.write_bytes(b"".join(one.public_bytes(pem) for one in certificates))
    return key_path, cert_path


@pytest.mark.parametrize("kind", [*KINDS, "ed25519"])
def test_a_sealer_is_read_from_files(tmp_path: Path, kind: str) -> None:
    authority = certificate("p384", ca=True, name="Autorité d'essai")
    read: Sealer = KeySealer.from_files(*files(tmp_path, key(kind), certificate(kind), authority))
    assert (read.certificate, read.chain) == (certificate(kind), (authority,))
    assert read.key.public_key() == key(kind).public_key()


def test_a_key_file_under_a_passphrase_is_read_with_it(tmp_path: Path) -> None:
    paths = files(tmp_path, key(), certificate(), passphrase=PASSPHRASE)
    assert KeySealer.from_files(*paths, PASSPHRASE).certificate == certificate()
    with pytest.raises(Misconfigured, match="no readable private key"):
        KeySealer.from_files(*paths)


def test_files_that_make_no_sealer_are_named(tmp_path: Path) -> None:
    key_path, cert_path = files(tmp_path, key(), certificate("p384"))
    with pytest.raises(Misconfigured, match=r"not the certificate of .*key\.pem"):
        KeySealer.from_files(key_path, cert_path)
    with pytest.raises(Misconfigured, match=r"none\.pem: no readable private key"):
        KeySealer.from_files(tmp_path / "none.pem", cert_path)
    with pytest.raises(Misconfigured, match=r"key\.pem: no readable certificate"):
        KeySealer.from_files(key_path, key_path)


def test_weak_keys_make_no_sealer(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="RSA 1024"):
        KeySealer.from_files(*files(tmp_path, key("rsa1024"), certificate("rsa1024")))
    with pytest.raises(Misconfigured, match="do not sign"):
        KeySealer.from_files(*files(tmp_path, dsa.generate_private_key(2048), certificate()))
