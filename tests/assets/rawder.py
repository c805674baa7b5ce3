"""DER, CMS and time-stamp tokens made octet by octet, with cryptography alone (X.690, RFC 5652)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from tests.assets import rawsign as rs

DATA, SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
SHA256, SHA1 = "2.16.840.1.101.3.4.2.1", "1.3.14.3.2.26"
_CONTENT_TYPE, _DIGEST, _TIME = (f"1.2.840.113549.1.9.{last}" for last in (3, 4, 5))
_WHO_SIGNED = "1.2.840.113549.1.9.16.2.47"
_ECDSA, _RSA = "1.2.840.10045.4.3.2", "1.2.840.113549.1.1.1"
_POLICY = "1.2.3.4.1"


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element: its tag octet, its length, its content."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def set_of(*parts: bytes) -> bytes:
    return tlv(0x31, *sorted(parts))


def integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def octet_string(octets: bytes) -> bytes:
    return tlv(0x04, octets)


def identifier(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER (X.690 8.19)."""
    first, second, *others = map(int, dotted.split("."))
    return tlv(0x06, b"".join(map(_base128, [40 * first + second, *others])))


def _base128(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.insert(0, value & 0x7F | 0x80)
    return bytes(octets)


def algorithm(dotted: str, null: bool = True) -> bytes:
    return sequence(identifier(dotted), b"\x05\x00" if null else b"")


@dataclass(frozen=True)
class Cms:
    """A SignedData with one signer, as good as it gets unless something is said.

    Attributes:
        time: the signing time among the signed attributes; None leaves it out.
        named: whose certificate the signed attributes name; by default the signer's.
        unsigned: attributes that nobody signed, DER.
        spoiled: whether the signature value is not that of the attributes.
    """

    holder: Any
    content: bytes
    kind: str = DATA
    detached: bool = True
    time: datetime | None = None
    named: x509.Certificate | None = None
    unsigned: bytes = b""
    spoiled: bool = False
    certificates: tuple[x509.Certificate, ...] | None = None

    @property
    def octets(self) -> bytes:
        """The ContentInfo."""
        held = b"" if self.detached else tlv(0xA0, octet_string(self.content))
        default = (self.holder.certificate, *self.holder.chain)
        carried = sorted(map(rs.der, default if self.certificates is None else self.certificates))
        signed = sequence(
            integer(1 if self.detached else 3),
            set_of(algorithm(SHA256)),
            sequence(identifier(self.kind), held),
            tlv(0xA0, *carried) if carried else b"",
            set_of(self._signer()),
        )
        return sequence(identifier(SIGNED_DATA), tlv(0xA0, signed))

    def _signer(self) -> bytes:
        own = self.holder.certificate
        attributes = b"".join(sorted(self._attributes()))
        value = _signature(self.holder.key, tlv(0x31, attributes + (b"\0" if self.spoiled else b"")))
        return sequence(
            integer(1),
            sequence(own.issuer.public_bytes(), integer(own.serial_number)),
            algorithm(SHA256),
            tlv(0xA0, attributes),
            _method(self.holder.key),
            octet_string(value),
            tlv(0xA1, self.unsigned) if self.unsigned else b"",
        )

    def _attributes(self) -> list[bytes]:
        named = self.named or self.holder.certificate
        issuer = sequence(sequence(tlv(0xA4, named.issuer.public_bytes())), integer(named.serial_number))
        certificate = sequence(octet_string(hashlib.sha256(rs.der(named)).digest()), issuer)
        attributes = [
            attribute(_CONTENT_TYPE, identifier(self.kind)),
            attribute(_DIGEST, octet_string(hashlib.sha256(self.content).digest())),
            attribute(_WHO_SIGNED, sequence(sequence(certificate))),
        ]
        if self.time is not None:
            attributes.append(attribute(_TIME, tlv(0x17, self.time.strftime("%y%m%d%H%M%SZ").encode())))
        return attributes


def attribute(kind: str, value: bytes) -> bytes:
    return sequence(identifier(kind), set_of(value))


def _signature(key: Any, octets: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return bytes(key.sign(octets, ec.ECDSA(hashes.SHA256())))
    return bytes(key.sign(octets, padding.PKCS1v15(), hashes.SHA256()))


def _method(key: Any) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return algorithm(_ECDSA, null=False)
    return algorithm(_RSA)


def tst_info(
    digest: bytes, at: datetime, *, method: str = SHA256, policy: str = _POLICY, more: bytes = b""
) -> bytes:
    """What a token says (RFC 3161 2.4.2)."""
    stated = at.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode()
    imprint = sequence(algorithm(method), octet_string(digest))
    return sequence(integer(1), identifier(policy), imprint, integer(4711), tlv(0x18, stated), more)


def token(holder: Any, covered: bytes, at: datetime, **changes: Any) -> bytes:
    """A token over ``covered``; ``changes`` are those of `Cms`, and ``info`` another TSTInfo."""
    info = changes.pop("info", None) or tst_info(hashlib.sha256(covered).digest(), at)
    return Cms(holder, info, TST_INFO, detached=False, **changes).octets


def response(token_octets: bytes, status: int = 0) -> bytes:
    """A TimeStampResp; 0 is granted, 2 a rejection."""
    return sequence(sequence(integer(status)), token_octets)
