"""Independent judges of evidence: tools that share no code with the hub, where they are installed."""

from __future__ import annotations

import base64
import importlib.util
import json
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

ROOT_ID = "urn:wasl:receipt:1.0:Receipt"
PROOF, TOKEN = ".tlog-proof", ".tsr"
_MANIFEST, _SIGNATURE = "META-INF/ASiCManifest001.xml", "META-INF/signature001.p7s"

Opinion = tuple[str, bool | None]
"""A tool and its answer; None where it is not installed."""


def judge(path: Path, trust: Path) -> list[Opinion]:
    """What the independent tools for this file say, of its seal and of the time-stamp beside it."""
    kinds = {".xml": _xmlsec1, ".jws": _jwcrypto, ".json": _jwcrypto, ".pdf": _pdfsig, ".asice": _openssl_cms}
    opinions = [kinds[path.suffix](path, trust)]
    if path.with_suffix(TOKEN).exists():
        opinions.append(_openssl_ts(path, trust))
    return opinions


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


def _xmlsec1(receipt: Path, trust: Path) -> Opinion:
    return "xmlsec1", _succeeds(xmlsec1_command(receipt, trust))


def _pdfsig(receipt: Path, _trust: Path) -> Opinion:
    said = _output(["pdfsig", "-nocert", str(receipt)])
    if said is None:
        return "pdfsig", None
    return "pdfsig", "Signature is Valid" in said and "Total document signed" in said


def _openssl_ts(path: Path, trust: Path) -> Opinion:
    """The time-stamp covers the signed checkpoint, which ends the proof."""
    note = path.with_suffix(PROOF).read_bytes().partition(b"\n\n")[2]
    token = path.with_suffix(TOKEN)
    with tempfile.TemporaryDirectory() as folder:
        stamped, anchors = Path(folder) / "note", _anchors(trust / "tsa", Path(folder))
        stamped.write_bytes(note)
        command = ["openssl", "ts", "-verify", "-data", str(stamped), "-in", str(token), "-CAfile", anchors]
        return "openssl ts", _succeeds(command)


def _openssl_cms(bundle: Path, trust: Path) -> Opinion:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(bundle) as archive:
        manifest, signature = Path(folder) / "manifest", Path(folder) / "signature"
        manifest.write_bytes(archive.read(_MANIFEST))
        signature.write_bytes(archive.read(_SIGNATURE))
        anchors = _anchors(trust / "seal", Path(folder))
        files = ["-in", str(signature), "-content", str(manifest), "-out", str(Path(folder) / "said")]
        options = ["-verify", "-binary", "-inform", "DER", "-purpose", "any", "-CAfile", anchors]
        return "openssl cms", _succeeds(["openssl", "cms", *options, *files])


def _anchors(folder: Path, target: Path) -> str:
    """All anchors of a trust folder in one file, as openssl wants them."""
    together = target / "anchors"
    together.write_bytes(b"".join(path.read_bytes() for path in sorted(folder.glob("*.pem"))))
    return str(together)


def _jwcrypto(receipt: Path, trust: Path) -> Opinion:
    if importlib.util.find_spec("jwcrypto") is None:
        return "jwcrypto", None
    from jwcrypto import jwk, jws

    token = jws.JWS()
    token.allowed_algs = ["ES256", "ES384", "PS256"]
    token.deserialize(receipt.read_text("ascii"))
    certificate = _leaf(token.jose_header)
    if not _leads_to(certificate, trust / "seal"):
        return "jwcrypto", False
    key = jwk.JWK.from_pyca(certificate.public_key())
    try:
        token.verify(key)
    except jws.InvalidJWSSignature:
        return "jwcrypto", False
    return "jwcrypto", bool(json.loads(token.payload)["receiptId"])


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


def _succeeds(command: list[str]) -> bool | None:
    done = _run(command)
    return None if done is None else done.returncode == 0


def _output(command: list[str]) -> str | None:
    done = _run(command)
    return None if done is None else done.stdout.decode("utf-8", "replace")


def _run(command: list[str]) -> subprocess.CompletedProcess[bytes] | None:
    if shutil.which(command[0]) is None:
        return None
    return subprocess.run(  # noqa: S603 - a fixed command on files of ours
        command, capture_output=True, timeout=30, check=False
    )
