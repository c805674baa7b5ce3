"""A time-stamp authority in this very process: a stand-in that is no witness of anything (RFC 3161)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import cms, core, tsp
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from gateway.domain.errors import Unavailable
from gateway.trust.certificates import der, digest
from gateway.trust.cmssign import settled
from gateway.trust.seal import PrivateKey
from gateway.trust.timestamp import Stamp, read_token

POLICY = "2.25.318260463264927371437466436471526103117"
"""Says that nobody vouches for this time: an identifier of our own (X.667)."""

NAME = "local"
_SERIAL_OCTETS = 16  # unique by chance: nothing is counted
_SHA256 = {"algorithm": "sha256"}


@dataclass(frozen=True)
class LocalAuthority:
    """Implements `gateway.trust.timestamp.TimeSource` with a key of the hub's own.

    Its tokens have the form of anybody's, so that everything can be tried with them.

    Attributes:
        certificate: made for time-stamping alone; the key is one of P-256, P-384 or RSA.
        chain: certificates of authorities to send along.
        now: the present moment, aware.
    """

    key: PrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes]

    def stamp(self, digest: bytes) -> Stamp:
        """A token over a SHA-256 digest (32 octets), at the clock's time.

        Raises:
            Unavailable: the key cannot sign now.
        """
        try:
            signed = self._signed(self._info(digest))
        except (UnsupportedAlgorithm, InternalError, ValueError, TypeError, OSError) as error:
            raise Unavailable("local time-stamp authority") from error
        token = settled(cms.ContentInfo({"content_type": "signed_data", "content": signed}))
        response = bytes(
            tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token}).dump()
        )
        return Stamp(response, read_token(response), NAME)

    def _info(self, digest: bytes) -> bytes:
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": POLICY,
                "message_imprint": {"hash_algorithm": _SHA256, "hashed_message": digest},
                "serial_number": int.from_bytes(self.random_bytes(_SERIAL_OCTETS)),
                "gen_time": self.now().astimezone(UTC),
            }
        )
        return bytes(info.dump())

    def _signed(self, info: bytes) -> Any:
        carried = [Certificate.load(der(one)) for one in (self.certificate, *self.chain)]
        content = core.ParsableOctetString(info)
        signed = cms.SignedData(
            {
                "version": "v3",  # RFC 5652 5.1: other content than data
                "digest_algorithms": [_SHA256],
                "encap_content_info": cms.EncapsulatedContentInfo(
                    {"content_type": "tst_info", "content": content}
                ),
                "certificates": carried,
                "signer_infos": [settled(self._signer(info, carried[0]))],
            }
        )
        return settled(signed)

    def _signer(self, info: bytes, own: Any) -> Any:
        attributes = _attributes(info, self.certificate)
        algorithm, signature = _sign(self.key, attributes.dump())
        identity = {"issuer": own.issuer, "serial_number": own.serial_number}
        return cms.SignerInfo(
            {
                "version": "v1",
                "sid": {"issuer_and_serial_number": identity},
                "digest_algorithm": _SHA256,
                "signed_attrs": attributes,
                "signature_algorithm": {"algorithm": algorithm},
                "signature": signature,
            }
        )


def _attributes(info: bytes, certificate: x509.Certificate) -> Any:
    named = tsp.ESSCertIDv2({"cert_hash": digest("sha256", certificate)})  # RFC 5816 2.2.1
    who = settled(tsp.SigningCertificateV2({"certs": [settled(named)]}))
    attributes = (
        {"type": "content_type", "values": ["tst_info"]},
        {"type": "message_digest", "values": [hashlib.sha256(info).digest()]},
        {"type": "signing_certificate_v2", "values": [who]},
    )
    return settled(cms.CMSAttributes([settled(cms.CMSAttribute(one)) for one in attributes]))


def _sign(key: PrivateKey, covered: bytes) -> tuple[str, bytes]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return "sha256_ecdsa", key.sign(covered, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, rsa.RSAPrivateKey):
        return "sha256_rsa", key.sign(covered, padding.PKCS1v15(), hashes.SHA256())
    raise TypeError(f"{type(key).__name__} does not stamp")
