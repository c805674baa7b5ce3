"""JSON envelopes and receipts: opens, verifies and makes JWS in compact and flattened form (RFC 7515)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography import x509

from gateway.domain.errors import Refused, TooLarge, Unavailable, UnsupportedMedia
from gateway.domain.evidence.verdict import Level
from gateway.strictjson import NotStrict, TooDeep, read_strict
from gateway.trust import jwsprimitive
from gateway.trust.algorithms import UNREADABLE_CERTIFICATE
from gateway.trust.certificates import certificate_digest, der, digest
from gateway.trust.jwsheader import (
    decode_base64url,
    encode_base64url,
    read_header,
)
from gateway.trust.signed import Signed

if TYPE_CHECKING:
    from gateway.trust.seal import Sealer

COMPACT = "application/jose"
FLATTENED = "application/jose+json"
ENVELOPE_TYP = "wasl-envelope+json"
RECEIPT_TYP = "wasl-receipt+json"

_PARTS = ("protected", "payload", "signature")
_REMEMBERED = 64


@dataclass(frozen=True)
class JwsLimits:
    """Sizes in octets; depth in objects and lists within one another."""

    octets: int = 2 * 1024 * 1024
    header_octets: int = 64 * 1024
    depth: int = 32


@dataclass(frozen=True)
class GatedJws:
    """A JWS whose shape keeps every rule and whose signature nobody has looked at yet.

    Attributes:
        raw: the octets as they came.
        certificate: the signer's, from ``x5c``; None when only ``certificate_digest`` names it.
        certificate_digest: SHA-256 of it in lower-case hexadecimal, from ``x5t#S256``; or None.
        payload: not to be parsed before `verify_jws` returned it.
        unprotected: members of the unprotected header that the caller allowed.
    """

    raw: bytes
    alg: str
    certificate: x509.Certificate | None
    chain: tuple[x509.Certificate, ...]
    certificate_digest: str | None
    claimed_time: datetime
    signing_input: bytes
    signature: bytes
    payload: bytes
    unprotected: Mapping[str, Any] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        return Level.JWS


def open_jws(
    raw: bytes,
    media_type: str,
    limits: JwsLimits | None = None,
    typ: str = ENVELOPE_TYP,
    unprotected: frozenset[str] = frozenset(),
) -> GatedJws:
    """The parts of a JWS, if its shape keeps every rule of the JSON profile.

    Args:
        media_type: ``application/jose`` (compact) or ``application/jose+json`` (flattened).
        typ: the type its header must state.
        unprotected: members that a flattened form's unprotected header may hold; by default there
            must be no such header.

    Raises:
        UnsupportedMedia, TooLarge, Refused: with the code of the first rule broken.
    """
    limits = limits or JwsLimits()
    if media_type not in (COMPACT, FLATTENED):
        raise UnsupportedMedia.instead_of(COMPACT, FLATTENED, found=media_type)
    if len(raw) > limits.octets:
        raise TooLarge.because("WASL-REQ-002", expected=str(limits.octets))
    protected, payload, signature, beside = (
        (*_compact(raw), {}) if media_type == COMPACT else _flattened(raw, unprotected, limits.depth)
    )
    header = read_header(_members(protected, limits.header_octets), typ)
    gated = GatedJws(
        raw=raw,
        alg=header.algorithm,
        certificate=header.certificate,
        chain=header.chain,
        certificate_digest=header.certificate_digest,
        claimed_time=header.claimed_time,
        signing_input=protected + b"." + payload,
        signature=decode_base64url(signature, "/signature"),
        payload=decode_base64url(payload, "/payload"),
        unprotected=beside,
    )
    _check_payload(gated.payload, limits.depth)
    return gated


def _compact(raw: bytes) -> tuple[bytes, bytes, bytes]:
    parts = raw.split(b".", 3)
    if len(parts) != 3:
        raise Refused.because("WASL-JWS-001")
    return parts[0], parts[1], parts[2]


def _flattened(
    raw: bytes, unprotected: frozenset[str], depth: int
) -> tuple[bytes, bytes, bytes, dict[str, Any]]:
    try:
        members = read_strict(raw, depth)
    except NotStrict as error:
        raise Refused.because("WASL-JWS-001") from error
    if not isinstance(members, dict):
        raise Refused.because("WASL-JWS-001")
    beside = members.pop("header", {})
    if not isinstance(beside, dict) or not set(beside) <= unprotected:
        raise Refused.because("WASL-JWS-003", "/header")
    if set(members) != set(_PARTS) or not all(isinstance(part, str) for part in members.values()):
        raise Refused.because("WASL-JWS-001", expected=", ".join(_PARTS))
    # What is not ASCII becomes a question mark, which base64url does not know.
    protected, payload, signature = (members[name].encode("ascii", "replace") for name in _PARTS)
    return protected, payload, signature, beside


def _members(protected: bytes, limit: int) -> dict[str, Any]:
    if len(protected) > limit:
        raise Refused.because("WASL-JWS-003", expected=f"<= {limit}")
    try:
        members = read_strict(decode_base64url(protected, "/protected"), max_depth=4)
    except NotStrict as error:
        raise Refused.because("WASL-JWS-003") from error
    if not isinstance(members, dict):
        raise Refused.because("WASL-JWS-003")
    return members


def _check_payload(payload: bytes, depth: int) -> None:
    try:
        read_strict(payload, depth)
    except TooDeep as error:
        raise Refused.because("WASL-JWS-011", expected=str(depth)) from error
    except NotStrict as error:
        raise Refused.because("WASL-JWS-010", found=str(error)) from error


def verify_jws(gated: GatedJws, certificate: x509.Certificate | None = None) -> Signed:
    """What the signature covers, if it was made with the key of the signer's certificate.

    Args:
        certificate: the one that ``x5t#S256`` names, looked up by the caller; may be left out
            when the header carried it.

    Raises:
        Refused: ``WASL-JWS-008`` no certificate, or another one than the header names;
            ``WASL-JWS-004`` or ``WASL-SIG-016`` its key; ``WASL-SIG-013`` the signature.
    """
    signer = _signer(gated, certificate)
    key = _public_key(signer)
    jwsprimitive.check_key(gated.alg, key)
    if not jwsprimitive.verifies(gated.alg, key, gated.signing_input, gated.signature):
        raise Refused.because("WASL-SIG-013")
    return Signed(
        signed_bytes=gated.payload,
        certificate=signer,
        chain=gated.chain,
        level=Level.JWS,
        claimed_time=gated.claimed_time,
        content_digest=hashlib.sha256(gated.payload).hexdigest(),
    )


def _signer(gated: GatedJws, certificate: x509.Certificate | None) -> x509.Certificate:
    signer = certificate or gated.certificate
    if signer is None or (gated.certificate is not None and signer != gated.certificate):
        raise Refused.because("WASL-JWS-008")
    if gated.certificate_digest is not None and certificate_digest(signer) != gated.certificate_digest:
        raise Refused.because("WASL-JWS-008")
    return signer


def _public_key(certificate: x509.Certificate) -> object:
    try:
        return certificate.public_key()
    except UNREADABLE_CERTIFICATE as error:
        raise Refused.because("WASL-CRT-009") from error


def sign_jws(
    payload: bytes,
    sealer: Sealer,
    typ: str,
    signing_time: datetime,
    flattened: bool = False,
) -> bytes:
    """A JWS over exactly ``payload``, with the certificate and its digest in the header.

    Args:
        typ: ``wasl-envelope+json`` or ``wasl-receipt+json``.
        signing_time: aware; stated to the second as ``iat``.

    Raises:
        Unavailable: the key cannot sign now, or is of no kind that JWS knows.
    """
    algorithm = _algorithm(sealer)
    header = {
        "alg": algorithm,
        "typ": typ,
        "iat": int(signing_time.astimezone(UTC).timestamp()),
        **_named(sealer.certificate, sealer.chain),
    }
    protected = encode_base64url(json.dumps(header, separators=(",", ":")).encode())
    signing_input = protected + b"." + encode_base64url(payload)
    signature = encode_base64url(_signature(algorithm, sealer, signing_input))
    return _flat(signing_input, signature) if flattened else signing_input + b"." + signature


def _algorithm(sealer: Sealer) -> str:
    try:
        return jwsprimitive.algorithms_for(sealer.key)[0]
    except Exception as error:  # the key may live in a security module that does not answer
        raise Unavailable("seal") from error


def _signature(algorithm: str, sealer: Sealer, signing_input: bytes) -> bytes:
    try:
        return jwsprimitive.sign(algorithm, sealer.key, signing_input)
    except Exception as error:
        raise Unavailable("seal") from error


def _flat(signing_input: bytes, signature: bytes) -> bytes:
    protected, payload = signing_input.split(b".")
    parts = {"payload": payload, "protected": protected, "signature": signature}
    return json.dumps({name: part.decode() for name, part in parts.items()}).encode()


@lru_cache(_REMEMBERED)
def _named(certificate: x509.Certificate, chain: tuple[x509.Certificate, ...]) -> Mapping[str, Any]:
    """The members that name the signer: the same in all that one sealer signs."""
    return {
        "x5t#S256": encode_base64url(digest("sha256", certificate)).decode(),
        "x5c": [base64.b64encode(der(one)).decode() for one in (certificate, *chain)],
    }
