"""Makes detached CMS SignedData whose one signer names its certificate (RFC 5652, RFC 5035)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from gateway.domain.errors import Unavailable
from gateway.trust.certificates import der, digest
from gateway.trust.seal import SEAL_UNAVAILABLE, Sealer

_LAST_UTC_TIME = 2049  # RFC 5652 11.3


def sign_detached(content_digest: bytes, sealer: Sealer, signing_time: datetime | None = None) -> bytes:
    """A ContentInfo (DER) in which ``sealer`` signs octets that lie elsewhere.

    Args:
        content_digest: SHA-256 of them, 32 octets.
        signing_time: aware; stated to the second. None where another place states it.

    Raises:
        Unavailable: ``WASL-HUB-002``, the key cannot be used now.
    """
    attributes = _attributes(content_digest, sealer, signing_time)
    try:
        signature, method = _sign(sealer.key, attributes.dump())
    except (UnsupportedAlgorithm, InternalError, ValueError, TypeError, OSError) as error:
        raise Unavailable("seal", SEAL_UNAVAILABLE) from error
    return _content_info(attributes, method, signature, (sealer.certificate, *sealer.chain))


def is_plain(octets: bytes, certificates: tuple[x509.Certificate, ...]) -> bool:
    """Whether a verified signature is written exactly as `sign_detached` writes.

    Then no octet of it lies outside what was verified: no other algorithm is announced, nothing unsigned
    is added.

    Args:
        certificates: the signer's, then those that came along.
    """
    signer = cms.ContentInfo.load(octets)["content"]["signer_infos"][0]
    attributes = cms.CMSAttributes.load(b"\x31" + signer["signed_attrs"].dump()[1:])
    method = "sha256_ecdsa" if _is_curve(certificates[0]) else "rsassa_pkcs1v15"
    again = _content_info(attributes, method, signer["signature"].native, certificates)
    return again == octets


def settled(value: Any) -> Any:
    """The same value, read from its octets: built ones are encoded anew at every level around them."""
    return type(value).load(value.dump())


def _is_curve(certificate: x509.Certificate) -> bool:
    return isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)


def _content_info(
    attributes: cms.CMSAttributes, method: str, signature: bytes, certificates: tuple[x509.Certificate, ...]
) -> bytes:
    signer = {
        "version": "v1",
        "sid": cms.SignerIdentifier("issuer_and_serial_number", _identity(certificates[0])),
        "digest_algorithm": {"algorithm": "sha256"},
        "signed_attrs": attributes,
        "signature_algorithm": {"algorithm": method},
        "signature": signature,
    }
    signed = cms.SignedData(
        {
            "version": "v1",  # RFC 5652 5.1
            "digest_algorithms": [{"algorithm": "sha256"}],
            "encap_content_info": cms.ContentInfo({"content_type": "data"}),
            "certificates": [asn1_x509.Certificate.load(der(one)) for one in certificates],
            "signer_infos": [cms.SignerInfo(signer)],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump())


def _attributes(content_digest: bytes, sealer: Sealer, signing_time: datetime | None) -> cms.CMSAttributes:
    issuer = asn1_x509.GeneralName("directory_name", _issuer(sealer.certificate))
    named = tsp.ESSCertIDv2(
        {
            "cert_hash": digest("sha256", sealer.certificate),
            "issuer_serial": {"issuer": [issuer], "serial_number": sealer.certificate.serial_number},
        }
    )
    values: dict[str, Any] = {
        "content_type": "data",
        "message_digest": content_digest,
        "signing_certificate_v2": settled(tsp.SigningCertificateV2({"certs": [settled(named)]})),
    }
    if signing_time is not None:
        values["signing_time"] = _time(signing_time.astimezone(UTC).replace(microsecond=0))
    made = [settled(cms.CMSAttribute({"type": n, "values": [v]})) for n, v in values.items()]
    return settled(cms.CMSAttributes(made))


def _time(moment: datetime) -> cms.Time:
    if moment.year <= _LAST_UTC_TIME:
        return cms.Time("utc_time", core.UTCTime(moment))
    return cms.Time("generalized_time", core.GeneralizedTime(moment))


def _issuer(certificate: x509.Certificate) -> asn1_x509.Name:
    return asn1_x509.Name.load(certificate.issuer.public_bytes())


def _identity(certificate: x509.Certificate) -> cms.IssuerAndSerialNumber:
    return cms.IssuerAndSerialNumber(
        {"issuer": _issuer(certificate), "serial_number": certificate.serial_number}
    )


def _sign(key: Any, covered: bytes) -> tuple[bytes, str]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(covered, ec.ECDSA(hashes.SHA256())), "sha256_ecdsa"
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(covered, padding.PKCS1v15(), hashes.SHA256()), "rsassa_pkcs1v15"
    raise TypeError(f"{type(key).__name__} does not sign CMS")
