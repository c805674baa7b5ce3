"""Content encrypted to certificates: CMS AuthEnvelopedData, AES-256-GCM (RFC 5083, RFC 5084), in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import GCM

from gateway.trust import cmsagreement
from gateway.trust.cms import UNREADABLE
from gateway.trust.dertags import INTEGER, OCTETS, OID, SEQUENCE, SET, content, enter, head, piece, tlv

MEDIA_TYPE = "application/pkcs7-mime"
WEAK = "weak"
NOT_FOR_US = "recipient"
MALFORMED = "malformed"
ALTERED = "altered"

_PIECE = 256 * 1024
_NONCE, _TAG = 12, 16
_CONTENT = 0x80  # [0] IMPLICIT OCTET STRING
_EXPLICIT = 0xA0
_LARGEST_LIST = 1024 * 1024
_AUTH_ENVELOPED = core.ObjectIdentifier("1.2.840.113549.1.9.16.1.23").dump()
_DATA = core.ObjectIdentifier("1.2.840.113549.1.7.1").dump()
_AES_256_GCM = core.ObjectIdentifier("2.16.840.1.101.3.4.1.46").dump()
_VERSION = core.Integer(0).dump()
_NEEDED = "neither an RSA key of at least 2048 bits nor one on P-256, P-384 or P-521"
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
_PADDINGS = {"rsaes_oaep": _OAEP, "rsaes_pkcs1v15": padding.PKCS1v15()}


Reader = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class BadEnvelope(Exception):
    """Nothing that can be opened, or closed, with this; ``code`` is one of the four above."""

    def __init__(self, code: str, why: str) -> None:
        self.code = code
        super().__init__(f"{code}: {why}")


def encrypt(
    source: BinaryIO,
    size: int,
    into: BinaryIO,
    certificates: Sequence[x509.Certificate],
    random_bytes: Callable[[int], bytes],
) -> None:
    """Write ``source``, of ``size`` octets, so that the holders of the certificates' keys can read it.

    Raises:
        BadEnvelope: a certificate has neither an RSA key of at least 2048 bits nor one on P-256, P-384 or
            P-521.
        ValueError: the source is shorter or longer.
    """
    key, nonce = random_bytes(32), random_bytes(_NONCE)
    recipients = tlv(SET, b"".join(_wrapped(key, one) for one in certificates))
    parameters = tlv(SEQUENCE, tlv(OCTETS, nonce) + core.Integer(_TAG).dump())
    before = _DATA + tlv(SEQUENCE, _AES_256_GCM + parameters) + head(_CONTENT, size)
    encrypted = head(SEQUENCE, len(before) + size) + before
    mac_length = 2 + _TAG
    inside = _VERSION + recipients + encrypted
    enveloped = head(SEQUENCE, len(inside) + size + mac_length) + inside
    explicit = head(_EXPLICIT, len(enveloped) + size + mac_length) + enveloped
    whole = _AUTH_ENVELOPED + explicit
    into.write(head(SEQUENCE, len(whole) + size + mac_length) + whole)
    encryptor = Cipher(AES256(key), GCM(nonce)).encryptor()
    for part in _parts(source, size):
        into.write(encryptor.update(part))
    if source.read(1):
        raise ValueError("the content is longer than stated")
    encryptor.finalize()
    into.write(tlv(OCTETS, encryptor.tag))


def decrypt(source: BinaryIO, into: BinaryIO, key: Reader, certificate: x509.Certificate) -> None:
    """Write what ``source`` holds for the certificate; to be believed only once this has returned.

    Raises:
        BadEnvelope: ``malformed``, ``recipient`` not for this certificate, ``altered``.
    """
    try:
        _enter(source)
        recipients = piece(source, SET, _LARGEST_LIST)
        enter(source, SEQUENCE)
        _expect(piece(source, OID, _LARGEST_LIST), _DATA)
        algorithm = core.Sequence.load(piece(source, SEQUENCE, _LARGEST_LIST))
        nonce, length = _parameters(algorithm), enter(source, _CONTENT)
        decryptor = Cipher(AES256(_unwrapped(recipients, key, certificate)), GCM(nonce)).decryptor()
        for part in _parts(source, length):
            into.write(decryptor.update(part))
        decryptor.finalize_with_tag(content(piece(source, OCTETS, _TAG + 2)))
    except InvalidTag as error:
        raise BadEnvelope(ALTERED, "the content was altered, or is not all there") from error
    except UNREADABLE as error:
        raise BadEnvelope(MALFORMED, "no AuthEnvelopedData with AES-256-GCM in DER") from error


def _wrapped(key: bytes, certificate: x509.Certificate) -> bytes:
    public = certificate.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey) and cmsagreement.can_agree(public):
        return cmsagreement.wrapped(key, public, _identity(certificate).dump())
    if not isinstance(public, rsa.RSAPublicKey) or public.key_size < 2048:
        raise BadEnvelope(WEAK, f"{certificate.subject.rfc4514_string()}: {_NEEDED}")
    sha256 = {"algorithm": "sha256"}
    oaep = {"hash_algorithm": sha256, "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": sha256}}
    info = cms.KeyTransRecipientInfo(
        {
            "version": "v0",
            "rid": cms.RecipientIdentifier("issuer_and_serial_number", _identity(certificate)),
            "key_encryption_algorithm": {
                "algorithm": "rsaes_oaep",
                "parameters": algos.RSAESOAEPParams(oaep),
            },
            "encrypted_key": public.encrypt(key, _OAEP),
        }
    )
    return bytes(info.dump())


def _unwrapped(recipients: bytes, key: Reader, certificate: x509.Certificate) -> bytes:
    ours = _identity(certificate).dump()
    for info in cms.RecipientInfos.load(recipients):
        if isinstance(key, ec.EllipticCurvePrivateKey):
            found = cmsagreement.unwrapped(info.chosen, key, ours) if info.name == "kari" else None
            if found is not None:
                return found
            continue
        if info.name != "ktri" or info.chosen["rid"].chosen.dump() != ours:
            continue
        method = info.chosen["key_encryption_algorithm"]["algorithm"].native
        return key.decrypt(info.chosen["encrypted_key"].native, _PADDINGS[method])
    raise BadEnvelope(NOT_FOR_US, "not encrypted to this certificate")


def _enter(source: BinaryIO) -> None:
    enter(source, SEQUENCE)
    _expect(piece(source, OID, _LARGEST_LIST), _AUTH_ENVELOPED)
    enter(source, _EXPLICIT)
    enter(source, SEQUENCE)
    _expect(piece(source, INTEGER, _LARGEST_LIST), _VERSION)


def _parameters(algorithm: Any) -> bytes:
    if algorithm[0].dump() != _AES_256_GCM or algorithm[1][1].native != _TAG:
        raise ValueError("another algorithm, or a short tag")
    nonce: bytes = algorithm[1][0].native
    return nonce


def _expect(found: bytes, expected: bytes) -> None:
    if found != expected:
        raise ValueError("another kind of content")


def _parts(source: BinaryIO, size: int) -> Iterator[bytes]:
    left = size
    while left and (part := source.read(min(_PIECE, left))):
        left -= len(part)
        yield part
    if left:
        raise ValueError("the content is shorter than stated")


def _identity(certificate: x509.Certificate) -> cms.IssuerAndSerialNumber:
    issuer = asn1_x509.Name.load(certificate.issuer.public_bytes())
    return cms.IssuerAndSerialNumber({"issuer": issuer, "serial_number": certificate.serial_number})
