"""Makes the one CMS signature of a PDF receipt, in exactly one form (RFC 5652, EN 319 122-1)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from asn1crypto import cms, tsp
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from gateway.domain.errors import Unavailable
from gateway.trust.algorithms import CURVES
from gateway.trust.certificates import der, digest
from gateway.trust.cms import CmsSigned
from gateway.trust.seal import SEAL_UNAVAILABLE, Sealer

_ECDSA, _RSA = "sha256_ecdsa", "sha256_rsa"
_AROUND = 1024
"""Octets, amply, for all of a signature that is neither a certificate nor the signature's value."""
_SET_OF = b"\x31"


def largest_cms(sealer: Sealer) -> int:
    """Octets that `sign_cms` never exceeds with that sealer."""
    held = sum(len(der(one)) for one in (sealer.certificate, *sealer.chain))
    return held + _AROUND + getattr(sealer.key, "key_size", 0) // 8


def sign_cms(content: bytes, sealer: Sealer) -> bytes:
    """A detached signature over ``content`` with SHA-256 and the signer's certificates.

    The signed attributes are content type, message digest and signing certificate; the signing time
    stands in the PDF file, not here (EN 319 142-1 6.3).

    Raises:
        Unavailable: ``WASL-HUB-002``, the key cannot be used now or is of no kind taken here.
    """
    try:
        attributes = _attributes(content, sealer.certificate)
        algorithm, value = _signature(sealer.key, _SET_OF + attributes.dump()[1:])
        return _assembled(sealer.certificate, sealer.chain, attributes, algorithm, value)
    except Exception as error:  # the key may live in a security module that does not answer
        raise Unavailable("seal", SEAL_UNAVAILABLE) from error


def is_written_here(octets: bytes, signed: CmsSigned) -> bool:
    """Whether a signature that was verified is, octet for octet, what `sign_cms` makes of its parts.

    Nothing that no signature covers can then be changed or added without it showing.
    """
    signer: Any = cms.ContentInfo.load(octets)["content"]["signer_infos"][0]
    algorithm = signer["signature_algorithm"]["algorithm"].native
    if algorithm not in (_ECDSA, _RSA):
        return False
    attributes = _attributes(signed.content, signed.certificate)
    value = signer["signature"].native
    return octets == _assembled(signed.certificate, signed.chain, attributes, algorithm, value)


def _attributes(content: bytes, certificate: x509.Certificate) -> Any:
    named = tsp.ESSCertIDv2({"cert_hash": digest("sha256", certificate)})
    return cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["data"]},
            {"type": "message_digest", "values": [hashlib.sha256(content).digest()]},
            {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [named]})]},
        ]
    )


def _signature(key: Any, covered: bytes) -> tuple[str, bytes]:
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in CURVES:
        return _ECDSA, key.sign(covered, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, rsa.RSAPrivateKey):
        return _RSA, key.sign(covered, padding.PKCS1v15(), hashes.SHA256())
    raise TypeError(f"{type(key).__name__} does not seal PDF files")


def _assembled(
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    attributes: Any,
    algorithm: str,
    value: bytes,
) -> bytes:
    own, *others = (Certificate.load(der(one)) for one in (certificate, *chain))
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": {"issuer_and_serial_number": {"issuer": own.issuer, "serial_number": own.serial_number}},
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": algorithm},
            "signature": value,
        }
    )
    signed = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": {"content_type": "data"},
            "certificates": [own, *others],
            "signer_infos": [signer],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump())
