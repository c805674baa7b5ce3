"""A second opinion on pure cryptography: xmlsec1, which knows signatures and no policy."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

XMLSEC1 = shutil.which("xmlsec1")
_IDENTIFIED = (
    "urn:wasl:envelope:1.0:Envelope",
    "urn:wasl:envelope:1.0:Sender",
    "urn:wasl:envelope:1.0:Subject",
    "urn:wasl:envelope:1.0:Body",
    "http://uri.etsi.org/01903/v1.3.2#:SignedProperties",
    "http://www.w3.org/2000/09/xmldsig#:KeyInfo",
    "http://www.w3.org/2000/09/xmldsig#:Object",
    "http://www.w3.org/2000/09/xmldsig#:Manifest",
)
_CERTIFICATE = re.compile(rb"X509Certificate>([A-Za-z0-9+/=\s]|&#13;)+<")


def knows(raw: bytes) -> bool:
    """Whether every algorithm named is one that the usual builds of the tool have."""
    return b"MGF1" not in raw and b"md5" not in raw and b"eddsa" not in raw


def says_valid(path: Path, scratch: Path) -> bool:
    """Whether the signature in ``path`` is good under the first certificate that it carries.

    Args:
        scratch: file for that certificate.
    """
    found = _CERTIFICATE.search(path.read_bytes())
    if found is None:
        return False
    text = found[0].partition(b">")[2].replace(b"&#13;", b"").rstrip(b"<")
    certificate = x509.load_der_x509_certificate(base64.b64decode(text))
    scratch.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    ids = [argument for name in _IDENTIFIED for argument in ("--id-attr:Id", name)]
    command = [str(XMLSEC1), "--verify", *ids, "--pubkey-cert-pem", str(scratch), str(path)]
    return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
