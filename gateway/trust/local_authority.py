"""A time-stamp authority in this very process: a stand-in that is no witness of anything (RFC 3161)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
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
from gateway.trust.timestamp import Stamp, Token

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
        serial = int.from_bytes(self.random_bytes(_SERIAL_OCTETS))
        now = self.now().astimezone(UTC)
        octets = self._signed(_info(digest, serial, now)).dump()
        response = tsp.TimeStampResp(
            {"status": {"status": "granted"}, "time_stamp_token": cms.ContentInfo.load(octets)}
        )
        token = Token(now, digest, self.certificate, self.chain, POLICY, serial, bytes(octets))
        return Stamp(bytes(response.dump()), token, NAME)

    def _signed(self, info: bytes) -> Any:
        own = self._parts
        content = {"content_type": "tst_info", "content": core.ParsableOctetString(info)}
        signed = cms.SignedData(
            {
                "version": "v3",  # RFC 5652 5.1: other content than data
                "digest_algorithms": [_SHA256],
                "encap_content_info": cms.EncapsulatedContentInfo(content),
                "certificates": own.certificates,
                "signer_infos": [settled(self._signer(info))],
            }
        )
        return cms.ContentInfo({"content_type": "signed_data", "content": settled(signed)})

    def _signer(self, info: bytes) -> Any:
        own = self._parts
        imprint = {"type": "message_digest", "values": [hashlib.sha256(info).digest()]}
        attributes = settled(
            cms.CMSAttributes([own.content_type, settled(cms.CMSAttribute(imprint)), own.named])
        )
        return cms.SignerInfo(
            {
                "version": "v1",
                "sid": own.identity,
                "digest_algorithm": _SHA256,
                "signed_attrs": attributes,
                "signature_algorithm": {"algorithm": own.algorithm},
                "signature": self._sign(attributes.dump()),
            }
        )

    @cached_property
    def _parts(self) -> _Parts:
        """What is the same in every token."""
        certificates = [Certificate.load(der(one)) for one in (self.certificate, *self.chain)]
        issued = {"issuer": certificates[0].issuer, "serial_number": certificates[0].serial_number}
        hashed = tsp.ESSCertIDv2({"cert_hash": digest("sha256", self.certificate)})  # RFC 5816 2.2.1
        who = settled(tsp.SigningCertificateV2({"certs": [settled(hashed)]}))
        attributes = (
            {"type": "content_type", "values": ["tst_info"]},
            {"type": "signing_certificate_v2", "values": [who]},
        )
        kind, named = (settled(cms.CMSAttribute(one)) for one in attributes)
        return _Parts(
            certificates=[Certificate.load(one.dump()) for one in certificates],
            identity=settled(cms.SignerIdentifier({"issuer_and_serial_number": issued})),
            content_type=kind,
            named=named,
            algorithm="sha256_rsa" if isinstance(self.key, rsa.RSAPrivateKey) else "sha256_ecdsa",
        )

    def _sign(self, covered: bytes) -> bytes:
        try:
            return _signature(self.key, covered)
        except (UnsupportedAlgorithm, InternalError, ValueError, TypeError, OSError) as error:
            raise Unavailable("local time-stamp authority") from error


@dataclass(frozen=True)
class _Parts:
    """Parts of a token, each read from its octets."""

    certificates: list[Any]
    identity: Any
    content_type: Any
    named: Any
    algorithm: str


def _info(digest: bytes, serial: int, now: datetime) -> bytes:
    info = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": POLICY,
            "message_imprint": {"hash_algorithm": _SHA256, "hashed_message": digest},
            "serial_number": serial,
            "gen_time": now,
        }
    )
    return bytes(info.dump())


def _signature(key: PrivateKey, covered: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(covered, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(covered, padding.PKCS1v15(), hashes.SHA256())
    raise TypeError(f"{type(key).__name__} does not stamp")
