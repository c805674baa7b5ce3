"""Reads a certificate with its chain and its private key from one secret in PEM."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.domain.errors import Temporary

UNUSABLE = "WASL-DLV-071"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_KEY = re.compile(
    r"-----BEGIN (?P<kind>[A-Z ]*)PRIVATE KEY-----.+?-----END (?P=kind)PRIVATE KEY-----", re.DOTALL
)
_LEAST_RSA_BITS = 2048


@dataclass(frozen=True)
class Identity:
    """Who the hub is towards one target."""

    certificate: x509.Certificate
    key: PrivateKey


def read_identity(pem: str, now: datetime) -> Identity:
    """The identity in a secret: its certificate first, then those above it; the key anywhere.

    Raises:
        Temporary: there is none, the key is another certificate's or has a password, or the certificate does
            not count now. An operator renews it; no letter fails for it.
    """
    identity = _loaded(pem)
    certificate = identity.certificate
    if now > certificate.not_valid_after_utc:
        raise _unusable(f"the certificate ended on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
    if now < certificate.not_valid_before_utc:
        raise _unusable(f"the certificate begins on {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC")
    return identity


@lru_cache(maxsize=200)
def _loaded(pem: str) -> Identity:
    """Loaded once: to check an RSA key takes longer than to sign with it."""
    found = _KEY.search(pem)
    if found is None:
        raise _unusable("the secret holds no private key in PEM")
    if found["kind"] == "ENCRYPTED " or "Proc-Type: 4,ENCRYPTED" in found[0]:
        raise _unusable("the private key has a password")
    try:
        certificate = x509.load_pem_x509_certificates(pem.encode())[0]
        key = load_pem_private_key(found[0].encode(), None)
        same = certificate.public_key() == key.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _unusable("the secret holds no certificate or no private key that can be read") from error
    if not same:
        raise _unusable("the private key is not that of the first certificate")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < _LEAST_RSA_BITS:
        raise _unusable(f"the RSA key is shorter than {_LEAST_RSA_BITS} bits")
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise _unusable("the private key is neither RSA nor ECDSA")
    return Identity(certificate, key)


def _unusable(detail: str) -> Temporary:
    return Temporary(UNUSABLE, detail)
