"""Whether a signature value of XML Signature was made with a key."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gateway.trust.algorithms import PublicKey

_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}


def verifies(method: str, key: PublicKey, signed: bytes, value: bytes) -> bool:
    """Whether ``value`` is a signature over ``signed``.

    Args:
        method: one of `gateway.trust.algorithms.SIGNATURE_METHODS` that fits ``key`` (`check_method`).
    """
    name = method.rpartition("#")[2]
    digest = next(one for size, one in _HASHES.items() if f"sha{size}" in name)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(_der(key, value), signed, ec.ECDSA(digest))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(value, signed, _padding(name, digest), digest)
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True


def _padding(name: str, digest: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    if name.endswith("MGF1"):  # RFC 9231 2.3.9: the salt is as long as the digest
        return padding.PSS(padding.MGF1(digest), digest.digest_size)
    return padding.PKCS1v15()


def _der(key: ec.EllipticCurvePublicKey, value: bytes) -> bytes:
    """RFC 4050 3.3: r and s side by side, each as long as the key."""
    half = key.key_size // 8
    if len(value) != 2 * half:
        raise ValueError("length")
    return encode_dss_signature(int.from_bytes(value[:half]), int.from_bytes(value[half:]))
