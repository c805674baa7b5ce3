"""A content's key wrapped for the holder of an elliptic-curve key: ECDH, ephemeral-static (RFC 5753 3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asn1crypto import core
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.trust.dertags import OCTETS, SEQUENCE, tlv

AGREED = 0xA1
"""The tag of a KeyAgreeRecipientInfo among recipients (RFC 5652 6.2)."""

_BIT_STRING = 0x03
_VERSION = core.Integer(3).dump()
_EC_PUBLIC_KEY = core.ObjectIdentifier("1.2.840.10045.2.1").dump()
_SCHEMES: Mapping[str, hashes.HashAlgorithm] = {
    "1.3.133.16.840.63.0.2": hashes.SHA1(),  # noqa: S303 - of a derivation, where collisions do no harm; openssl's default
    "1.3.132.1.11.1": hashes.SHA256(),
    "1.3.132.1.11.2": hashes.SHA384(),
    "1.3.132.1.11.3": hashes.SHA512(),
}
"""dhSinglePass-stdDH with X9.63's derivation (RFC 5753 7.1.4), by what it hashes with."""
_WRAPS: Mapping[str, int] = {
    "2.16.840.1.101.3.4.1.5": 16,
    "2.16.840.1.101.3.4.1.25": 24,
    "2.16.840.1.101.3.4.1.45": 32,
}
"""AES key wraps by the length of their key in octets (RFC 3565 2.3.2)."""
_AES_256_WRAP = "2.16.840.1.101.3.4.1.45"
_OURS: Mapping[str, str] = {
    "secp256r1": "1.3.132.1.11.1",
    "secp384r1": "1.3.132.1.11.2",
    "secp521r1": "1.3.132.1.11.3",
}
"""Curves that one may be written to on, and the scheme of the strength of each."""


def can_agree(key: ec.EllipticCurvePublicKey) -> bool:
    """Whether a key is on a curve that this module writes to."""
    return key.curve.name in _OURS


def wrapped(content_key: bytes, public: ec.EllipticCurvePublicKey, identity: bytes) -> bytes:
    """The recipient's part of an envelope (KeyAgreeRecipientInfo).

    Args:
        identity: issuer and serial number of the certificate, in DER.
    """
    scheme, own = _OURS[public.curve.name], ec.generate_private_key(public.curve)
    wrap = tlv(SEQUENCE, core.ObjectIdentifier(_AES_256_WRAP).dump())
    kek = _derived(own.exchange(ec.ECDH(), public), scheme, wrap, _WRAPS[_AES_256_WRAP], None)
    point = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    originator = tlv(SEQUENCE, _EC_PUBLIC_KEY) + tlv(_BIT_STRING, b"\0" + point)
    key = tlv(SEQUENCE, identity + tlv(OCTETS, aes_key_wrap(kek, content_key)))
    return tlv(
        AGREED,
        _VERSION
        + tlv(0xA0, tlv(0xA1, originator))
        + tlv(SEQUENCE, core.ObjectIdentifier(scheme).dump() + wrap)
        + tlv(SEQUENCE, key),
    )


def unwrapped(info: Any, key: ec.EllipticCurvePrivateKey, identity: bytes) -> bytes | None:
    """The content's key out of a recipient's part; None where that is somebody else's.

    Args:
        info: asn1crypto's ``KeyAgreeRecipientInfo``.
        identity: issuer and serial number of the key's certificate, in DER.

    Raises:
        ValueError, KeyError, TypeError: another scheme or curve than the key's, or altered.
    """
    own = next(
        (
            one["encrypted_key"].native
            for one in info["recipient_encrypted_keys"]
            if one["rid"].chosen.dump() == identity
        ),
        None,
    )
    if own is None:
        return None
    point = info["originator"].chosen["public_key"].contents[1:]
    sender = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, point)
    method = core.Sequence.load(info["key_encryption_algorithm"].dump())
    scheme, wrap = method[0], method[1]
    length, ukm = _WRAPS[wrap[0].dotted], info["ukm"].native
    kek = _derived(key.exchange(ec.ECDH(), sender), scheme.dotted, wrap.dump(), length, ukm)
    try:
        return aes_key_unwrap(kek, own)
    except InvalidUnwrap as error:
        raise ValueError("the wrapped key was altered") from error


def _derived(secret: bytes, scheme: str, wrap: bytes, length: int, ukm: bytes | None) -> bytes:
    """The key that wraps, bound to its algorithm and length by ECC-CMS-SharedInfo (RFC 5753 7.2)."""
    entity = b"" if ukm is None else tlv(0xA0, tlv(OCTETS, ukm))
    shared = tlv(SEQUENCE, wrap + entity + tlv(0xA2, tlv(OCTETS, (8 * length).to_bytes(4, "big"))))
    return X963KDF(_SCHEMES[scheme], length, shared).derive(secret)
