"""Certificates that come again with every letter of their holder are read and written out once."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

_REMEMBERED = 1024


@lru_cache(maxsize=_REMEMBERED)
def read_der(octets: bytes) -> x509.Certificate:
    """The certificate of its DER form.

    Raises:
        ValueError: it is none.
    """
    return x509.load_der_x509_certificate(octets)


@lru_cache(maxsize=_REMEMBERED)
def der(certificate: x509.Certificate) -> bytes:
    """The DER form of a certificate."""
    return certificate.public_bytes(Encoding.DER)


@lru_cache(maxsize=_REMEMBERED)
def base64_lines(certificate: x509.Certificate) -> str:
    """The DER form in base64, in lines as people expect it in an XML document."""
    return base64.encodebytes(der(certificate)).decode("ascii")


@lru_cache(maxsize=_REMEMBERED)
def digest(name: str, certificate: x509.Certificate) -> bytes:
    """The digest of a certificate's DER form by the algorithm that `hashlib` calls ``name``."""
    return hashlib.new(name, der(certificate)).digest()


@lru_cache(maxsize=_REMEMBERED)
def certificate_digest(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate's DER form, in lower-case hexadecimal."""
    return digest("sha256", certificate).hex()


@lru_cache(maxsize=_REMEMBERED)
def is_authority(certificate: x509.Certificate) -> bool:
    """Whether the certificate says that it is an authority's; an unreadable one does not."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False
