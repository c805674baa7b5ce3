"""Independent judges of receipts: tools that share no code with the hub, where they are installed."""

from __future__ import annotations

import base64
import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

ROOT_ID = "urn:wasl:receipt:1.0:Receipt"


def xmlsec1_command(receipt: Path, trust: Path) -> list[str]:
    """How xmlsec1 verifies an XML receipt under the seal's anchors alone."""
    anchors = sorted((trust / "seal").glob("*.pem"))
    trusted = [argument for anchor in anchors for argument in ("--trusted-pem", str(anchor))]
    return [
        "xmlsec1",
        "--verify",
        "--enabled-reference-uris",
        "empty,same-doc",
        *trusted,
        "--id-attr:Id",
        ROOT_ID,
        "--id-attr:Id",
        "http://uri.etsi.org/01903/v1.3.2#:SignedProperties",
        "--id-attr:Id",
        "http://www.w3.org/2000/09/xmldsig#:KeyInfo",
        str(receipt),
    ]


def judge(receipt: Path, trust: Path) -> tuple[str, bool | None]:
    """The independent tool for this receipt, and its answer; None where it is not installed."""
    if receipt.suffix == ".xml":
        return "xmlsec1", _xmlsec1(receipt, trust)
    return "jwcrypto", _jwcrypto(receipt, trust)


def _xmlsec1(receipt: Path, trust: Path) -> bool | None:
    if shutil.which("xmlsec1") is None:
        return None
    done = subprocess.run(  # noqa: S603 - a fixed command on files of ours
        xmlsec1_command(receipt, trust), capture_output=True, timeout=30, check=False
    )
    return done.returncode == 0


def _jwcrypto(receipt: Path, trust: Path) -> bool | None:
    if importlib.util.find_spec("jwcrypto") is None:
        return None
    from jwcrypto import jwk, jws

    token = jws.JWS()
    token.allowed_algs = ["ES256", "ES384", "PS256"]
    token.deserialize(receipt.read_text("ascii"))
    certificate = _leaf(token.jose_header)
    if not _leads_to(certificate, trust / "seal"):
        return False
    key = jwk.JWK.from_pyca(certificate.public_key())
    try:
        token.verify(key)
    except jws.InvalidJWSSignature:
        return False
    return bool(json.loads(token.payload)["receiptId"])


def _leaf(header: dict[str, list[str]]) -> x509.Certificate:
    return x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0]))


def _leads_to(certificate: x509.Certificate, folder: Path) -> bool:
    for path in folder.glob("*.pem"):
        try:
            certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(path.read_bytes()))
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False
