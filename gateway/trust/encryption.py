"""Which certificates attachments may be encrypted for."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.trust.algorithms import UNREADABLE_CERTIFICATE

SMALLEST_RSA = 3072
"""Bits; content is to stay secret beyond 2030 (NIST SP 800-57 part 1, table 4)."""


def encryption_faults(certificate: x509.Certificate) -> Iterator[str]:
    """What makes a certificate unfit to encrypt for, whatever the time is; nothing where it is fit."""
    try:
        key, usage = certificate.public_key(), _usage(certificate)
    except (*UNREADABLE_CERTIFICATE, ValueError):
        yield "cannot be read"
        return
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < SMALLEST_RSA:
            yield f"an RSA key of at least {SMALLEST_RSA} bits"
        if usage is None or not usage.key_encipherment:  # RFC 5280 4.2.1.3
            yield "the key usage keyEncipherment"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1):
            yield "the curve P-256, P-384 or P-521"
        if usage is None or not usage.key_agreement:
            yield "the key usage keyAgreement"
    else:
        yield "an RSA or EC key"


def _usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
