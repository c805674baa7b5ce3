"""Certificates of a registry file, from files beside it or from its own text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.trust.encryption import encryption_faults

_KEYS = {"file", "pem"}


def load_certificate(entry: Mapping[str, Any], folder: Path) -> x509.Certificate:
    """The certificate that ``file``, against ``folder``, or ``pem`` gives.

    Raises:
        ValueError: neither is there, or it is no certificate.
        OSError: the file cannot be read.
    """
    if not isinstance(entry.get("pem", entry.get("file")), str):
        raise ValueError("file or pem: a path, or the certificate itself")
    pem = entry["pem"].encode() if "pem" in entry else (folder / entry["file"]).read_bytes()
    return x509.load_pem_x509_certificate(pem)


def encryption_certificates(
    offices: Sequence[Mapping[str, Any]], folder: Path, faults: list[str]
) -> list[bytes | None]:
    """What each office's mail may be encrypted for, in DER; what is wrong is added to ``faults``."""
    found: list[bytes | None] = []
    for index, office in enumerate(offices):
        entry = office.get("encryption_certificate")
        der, wrong = _encryption(entry, folder) if isinstance(entry, Mapping) else (None, [])
        faults.extend(f"office[{index}].encryption_certificate: {fault}" for fault in wrong)
        found.append(der)
    return found


def _encryption(entry: Mapping[str, Any], folder: Path) -> tuple[bytes | None, list[str]]:
    wrong = [f"{key}: unknown key" for key in sorted(set(entry) - _KEYS)]
    try:
        certificate = load_certificate(entry, folder)
    except (ValueError, OSError) as error:
        return None, [*wrong, str(error)]
    return certificate.public_bytes(Encoding.DER), [*wrong, *encryption_faults(certificate)]
