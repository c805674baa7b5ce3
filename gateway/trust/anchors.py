"""What one trust folder holds: anchors, known intermediates and revocation lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from gateway.domain.errors import Misconfigured

T = TypeVar("T")

_BEGIN = b"-----BEGIN"

UNVERIFIABLE = (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm)
"""What a signature or a name that does not fit raises."""


@dataclass(frozen=True)
class Anchors:
    """The content of a trust folder, read once.

    Attributes:
        roots: where a chain may end.
        intermediates: authorities that the folder knows and that must themselves lead to a root.
        pinned: certificates that are no authorities and stand for themselves alone.
        crls: revocation lists; what they say counts only after their signature was checked.
    """

    roots: tuple[x509.Certificate, ...] = ()
    intermediates: tuple[x509.Certificate, ...] = ()
    crls: tuple[x509.CertificateRevocationList, ...] = ()
    pinned: tuple[x509.Certificate, ...] = ()

    @classmethod
    def load(cls, folder: Path) -> Anchors:
        """The anchors of ``folder`` (``*.pem``, ``*.crl`` in PEM or DER), not of its subfolders.

        An authority whose issuer also lies in the folder is an intermediate, every other authority
        an anchor; what is no authority is believed itself and nothing below it. A folder that is
        missing or empty trusts nobody.

        Raises:
            Misconfigured: files that cannot be read, all of them named.
        """
        faults: list[str] = []
        certificates = _read_all(folder, "*.pem", _read_certificates, faults)
        crls = _read_all(folder, "*.crl", _read_crls, faults)
        if faults:
            raise Misconfigured(faults)
        pinned = tuple(one for one in certificates if not is_authority(one))
        authorities = [one for one in certificates if one not in pinned]
        roots = tuple(one for one in authorities if not _issued_by_another(one, authorities))
        others = tuple(one for one in authorities if one not in roots)
        return cls(roots, others, tuple(crls), pinned)


def _read_all(folder: Path, pattern: str, read: Callable[[bytes], Iterable[T]], faults: list[str]) -> list[T]:
    found: list[T] = []
    for path in sorted(folder.glob(pattern)):
        try:
            found.extend(read(path.read_bytes()))
        except (OSError, ValueError, x509.DuplicateExtension) as error:
            faults.append(f"{path}: {error}")
    return found


def _read_certificates(octets: bytes) -> list[x509.Certificate]:
    certificates = x509.load_pem_x509_certificates(octets)
    for one in certificates:
        is_authority(one)  # so that an extension that cannot be read shows now
    return certificates


def _read_crls(octets: bytes) -> list[x509.CertificateRevocationList]:
    if not octets.lstrip().startswith(_BEGIN):
        return [x509.load_der_x509_crl(octets)]
    blocks = octets[octets.index(_BEGIN) :].split(_BEGIN)[1:]
    return [x509.load_pem_x509_crl(_BEGIN + block) for block in blocks]


def _issued_by_another(certificate: x509.Certificate, others: Iterable[x509.Certificate]) -> bool:
    return any(other != certificate and issued_by(certificate, other) for other in others)


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether the certificate says that it is an authority's.

    Raises:
        ValueError: an extension cannot be read.
    """
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether ``issuer``'s name and key are those that signed ``certificate``."""
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except UNVERIFIABLE:
        return False
    return True
