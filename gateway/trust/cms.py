"""Reads one CMS SignedData with one signer and verifies its signature (RFC 5652)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import cms, core, tsp
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from gateway.domain.errors import Refused
from gateway.trust.algorithms import UNREADABLE_CERTIFICATE, PublicKey, check_key
from gateway.trust.certificates import der, read_der

MALFORMED = "malformed"
SIGNATURE = "signature"
CERTIFICATE = "certificate"

UNREADABLE = (
    *UNREADABLE_CERTIFICATE,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    NotImplementedError,
)
"""What reading hostile ASN.1 raises: the parser is lazy and believes in types."""

HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
"""Digests that a signature may be made of."""

_MOST_CERTIFICATES = 16
_SET_OF = b"\x31"
_WHO_SIGNED = ("signing_certificate_v2", "signing_certificate")
_CERTIFICATE_DIGESTS = {*HASHES, "sha1"}


class BadCms(Exception):
    """Not a signature to rely on; ``code`` is ``malformed``, ``signature`` or ``certificate``."""

    def __init__(self, code: str, why: str) -> None:
        self.code = code
        super().__init__(f"{code}: {why}")


@dataclass(frozen=True)
class CmsSigned:
    """What good cryptography says; nothing yet about the certificate's standing.

    Attributes:
        content: the octets that are signed.
        chain: certificates that came along, not to be trusted by themselves.
        signing_time: as the signer claims, in UTC; None where nothing signed states it.
    """

    content: bytes
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    signing_time: datetime | None = None


def open_cms(
    octets: bytes, content_type: str, detached: bytes | None = None, known: Sequence[x509.Certificate] = ()
) -> CmsSigned:
    """The one signed content of ``octets``, its signature verified with our own algorithms.

    The signed attributes must be there and name the signer's certificate (RFC 5035), so that nobody
    can read the message as another's.

    Args:
        octets: a ContentInfo and nothing after it; the caller has bounded their number.
        content_type: as asn1crypto calls it, such as ``tst_info`` or ``data``.
        detached: the content, where it lies elsewhere; otherwise it must be inside.
        known: certificates at hand, where the message may have come without.

    Raises:
        BadCms: whatever is wrong with it.
    """
    try:
        signed = _signed_data(octets)
        content = _content(signed, content_type, detached)
        carried = tuple(_certificates(signed))
        signer = _only(signed["signer_infos"])
        covered = _covered(signer)
        attributes = _attributes(signer)
        certificate = _signer(signer, attributes, (*carried, *known))
        _check_attributes(signer, attributes, content_type, content)
        _check_signature(signer, certificate, covered)
        claimed = _signing_time(attributes)
    except UNREADABLE as error:
        raise BadCms(MALFORMED, type(error).__name__) from error
    return CmsSigned(content, certificate, tuple(one for one in carried if one != certificate), claimed)


def _signed_data(octets: bytes) -> Any:
    info = cms.ContentInfo.load(octets, strict=True)
    if info["content_type"].native != "signed_data":
        raise BadCms(MALFORMED, "no SignedData")
    return info["content"]


def _content(signed: Any, content_type: str, detached: bytes | None) -> bytes:
    # RFC 5652 5.1: version 3 for other content than data; the parser reads version 1 otherwise.
    if signed["version"].native not in (("v3",) if detached is None else ("v1", "v3")):
        raise BadCms(MALFORMED, "another version")
    encapsulated = signed["encap_content_info"]
    if encapsulated["content_type"].native != content_type:
        raise BadCms(MALFORMED, "another type of content")
    if isinstance(encapsulated["content"], core.Void) is (detached is None):
        raise BadCms(MALFORMED, "content in no place or in two")
    return bytes(encapsulated["content"]) if detached is None else detached


def _certificates(signed: Any) -> Iterator[x509.Certificate]:
    # Their order means nothing to us, although DER has one: OpenSSL writes them as it got them.
    carried = signed["certificates"]
    choices = list(carried) if carried else []
    if len(choices) > _MOST_CERTIFICATES:
        raise BadCms(MALFORMED, "too many certificates")
    return (read_der(one.chosen.dump()) for one in choices if one.name == "certificate")


def _only(found: Sequence[Any]) -> Any:
    if len(found) != 1:
        raise BadCms(MALFORMED, f"{len(found)} instead of one")
    return found[0]


def _attributes(signer: Any) -> dict[str, Any]:
    """The signed attributes that matter, each of which has one value and stands there once."""
    attributes: dict[str, Any] = {}
    for attribute in signer["signed_attrs"]:
        name = attribute["type"].native
        if name in attributes:
            raise BadCms(MALFORMED, "an attribute twice")
        attributes[name] = attribute["values"]
    optional = (one for one in (*_WHO_SIGNED, "signing_time") if one in attributes)
    wanted = {"content_type", "message_digest", *optional}
    return {name: _only(attributes[name]) for name in wanted}


def _signing_time(attributes: Mapping[str, Any]) -> datetime | None:
    stated = attributes["signing_time"].native if "signing_time" in attributes else None
    if stated is not None and not isinstance(stated, datetime):
        raise BadCms(MALFORMED, "a signing time without its zone")
    return None if stated is None else stated.astimezone(UTC)


def _signer(
    signer: Any, attributes: Mapping[str, Any], candidates: Sequence[x509.Certificate]
) -> x509.Certificate:
    named = [attributes[name]["certs"][0] for name in _WHO_SIGNED if name in attributes]
    if not named:  # RFC 3161 2.4.2, RFC 5816 2.2.1, EN 319 122-1 5.2.2
        raise BadCms(CERTIFICATE, "no attribute says who signed")
    for one in candidates:
        if _identified(signer["sid"], one) and all(_is_named(entry, one) for entry in named):
            return one
    raise BadCms(CERTIFICATE, "the signer's certificate is not at hand")


def _identified(identifier: Any, certificate: x509.Certificate) -> bool:
    if identifier.name == "issuer_and_serial_number":
        stated = identifier.chosen
        return (
            bool(stated["serial_number"].native == certificate.serial_number)
            and stated["issuer"].dump() == certificate.issuer.public_bytes()
        )
    try:
        own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return False
    return bool(identifier.chosen.native == own.digest)


def _is_named(entry: Any, certificate: x509.Certificate) -> bool:
    # The older attribute has SHA-1 only (RFC 5035 5.4.1). It chooses among certificates that must lead
    # to an anchor and verify the signature all the same.
    name = entry["hash_algorithm"]["algorithm"].native if "hash_algorithm" in _fields(entry) else "sha1"
    if name not in _CERTIFICATE_DIGESTS:
        return False
    found = hashlib.new(name, der(certificate), usedforsecurity=False).digest()
    return bool(entry["cert_hash"].native == found)


def _fields(entry: Any) -> set[str]:
    return {"hash_algorithm"} if isinstance(entry, tsp.ESSCertIDv2) else set()


def _check_attributes(signer: Any, attributes: Mapping[str, Any], content_type: str, content: bytes) -> None:
    if attributes["content_type"].native != content_type:
        raise BadCms(MALFORMED, "an attribute names another type of content")
    digest = hashlib.new(_digest_name(signer), content).digest()
    if attributes["message_digest"].native != digest:
        raise BadCms(SIGNATURE, "the content is not what was signed")


def _digest_name(signer: Any) -> str:
    name = str(signer["digest_algorithm"]["algorithm"].native)
    if name not in HASHES:
        raise BadCms(SIGNATURE, f"digest {name}")
    return name


def _covered(signer: Any) -> bytes:
    """What is signed, as it was sent: once its values were looked at, the parser would write it anew."""
    # RFC 5652 5.4: signed as a SET OF, stored under an implicit tag.
    return _SET_OF + bytes(signer["signed_attrs"].dump()[1:])


def _check_signature(signer: Any, certificate: x509.Certificate, covered: bytes) -> None:
    try:
        key = check_key(certificate)
    except Refused as error:
        raise BadCms(CERTIFICATE, "a weak key, or one of another kind") from error
    try:
        _verify(key, signer, covered)
    except InvalidSignature as error:
        raise BadCms(SIGNATURE, "not made with the certificate's key") from error


def _verify(key: PublicKey, signer: Any, covered: bytes) -> None:
    algorithm, value = signer["signature_algorithm"], signer["signature"].native
    kind, name = algorithm.signature_algo, _digest_name(signer)
    if kind != "rsassa_pss" and algorithm["algorithm"].native != "rsassa_pkcs1v15":
        _check_same(algorithm.hash_algo, name)
    if kind == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(value, covered, ec.ECDSA(HASHES[name]))
    elif kind == "rsassa_pkcs1v15" and isinstance(key, rsa.RSAPublicKey):
        key.verify(value, covered, padding.PKCS1v15(), HASHES[name])
    elif kind == "rsassa_pss" and isinstance(key, rsa.RSAPublicKey):
        key.verify(value, covered, _pss(algorithm, name), HASHES[name])
    else:
        raise BadCms(SIGNATURE, "an algorithm not taken, or not of the certificate's key")


def _pss(algorithm: Any, name: str) -> padding.PSS:
    stated = algorithm["parameters"]
    mask = stated["mask_gen_algorithm"]
    _check_same(stated["hash_algorithm"]["algorithm"].native, name)
    _check_same(mask["algorithm"].native, "mgf1")
    _check_same(mask["parameters"]["algorithm"].native, name)
    return padding.PSS(padding.MGF1(HASHES[name]), stated["salt_length"].native)


def _check_same(stated: object, expected: str) -> None:
    if stated != expected:
        raise BadCms(SIGNATURE, f"{stated} where {expected} is used")
