"""Which algorithms and keys a signature may use."""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gateway.domain.errors import Refused

NOT_ALLOWED = "WASL-SIG-007"
WRONG_KEY = "WASL-SIG-013"
WEAK_KEY = "WASL-SIG-016"

SMALLEST_RSA = 2048
LARGEST_RSA = 8192  # a larger key only costs us time
CURVES = ("secp256r1", "secp384r1")

UNREADABLE_CERTIFICATE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What reading a malformed certificate, or a name or an extension of it, raises."""

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


class Family(Enum):
    """What kind of key a signature method belongs to."""

    ECDSA = "ECDSA"
    RSA = "RSA"


SIGNATURE_METHODS = MappingProxyType(
    {
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256": Family.ECDSA,
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384": Family.ECDSA,
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512": Family.ECDSA,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256": Family.RSA,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": Family.RSA,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": Family.RSA,
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1": Family.RSA,
        "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1": Family.RSA,
        "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1": Family.RSA,
    }
)
"""Signature methods of XML signatures by identifier (RFC 9231 2.3)."""

DIGEST_METHODS = MappingProxyType(
    {
        "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
        "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
        "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
    }
)
"""Digest methods of XML signatures by identifier, with their names in `hashlib`."""


def check_key(certificate: x509.Certificate, *, edwards: bool = False) -> PublicKey:
    """The certificate's public key, if letters may be signed with such a key.

    Args:
        edwards: whether Ed25519 is taken (the JSON profile only).

    Raises:
        Refused: ``WASL-SIG-016`` for a weak, oversized or unreadable key, ``WASL-SIG-007`` for a kind
            of key that the profile does not have.
    """
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Refused.because(WEAK_KEY) from error
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _checked_curve(key)
    if isinstance(key, rsa.RSAPublicKey):
        return _checked_size(key)
    if edwards and isinstance(key, ed25519.Ed25519PublicKey):
        return key
    raise Refused.because(NOT_ALLOWED, found=type(key).__name__.removesuffix("PublicKey"))


def check_method(method: str, key: PublicKey) -> None:
    """Nothing, if a signature by ``method`` can be one of ``key``.

    Raises:
        Refused: ``WASL-SIG-007`` for an unknown method, ``WASL-SIG-013`` for one of other keys.
    """
    family = SIGNATURE_METHODS.get(method)
    if family is None:
        raise Refused.because(NOT_ALLOWED, found=method)
    fitting = ec.EllipticCurvePublicKey if family is Family.ECDSA else rsa.RSAPublicKey
    if not isinstance(key, fitting):
        raise Refused.because(WRONG_KEY, expected=family.value, found=method)


def _checked_curve(key: ec.EllipticCurvePublicKey) -> ec.EllipticCurvePublicKey:
    if key.curve.name not in CURVES:
        raise Refused.because(WEAK_KEY, expected=", ".join(CURVES), found=key.curve.name)
    return key


def _checked_size(key: rsa.RSAPublicKey) -> rsa.RSAPublicKey:
    if not SMALLEST_RSA <= key.key_size <= LARGEST_RSA:
        raise Refused.because(
            WEAK_KEY, expected=f"RSA {SMALLEST_RSA}..{LARGEST_RSA}", found=f"RSA {key.key_size}"
        )
    return key
