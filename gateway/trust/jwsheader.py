"""The rules of the protected header: what a JWS may say about itself (RFC 7515 4, ETSI TS 119 182-1 5)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from gateway.domain.errors import Refused
from gateway.trust.algorithms import UNREADABLE_CERTIFICATE
from gateway.trust.certificates import certificate_digest, read_der
from gateway.trust.jwsprimitive import ALGORITHMS, check_key

MEMBERS = frozenset({"alg", "typ", "cty", "kid", "x5c", "x5t#S256", "iat", "sigT", "crit"})
"""Everything a header may hold. ``kid`` is never looked up; what would fetch a key, name one outside a
certificate or change what is signed (``jwk jku x5u x5t b64 sigD`` …) is not among them."""

EXTENSIONS = frozenset({"sigT", "iat"})
"""What ``crit`` may list: names that RFC 7515 itself does not define and that are implemented here."""

MOST_CERTIFICATES = 10
_SIGNING_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Header:
    """What an acceptable header says."""

    algorithm: str
    claimed_time: datetime
    certificate: x509.Certificate | None
    chain: tuple[x509.Certificate, ...]
    certificate_digest: str | None


def read_header(members: Mapping[str, Any], typ: str) -> Header:
    """What the header's members say, if they keep every rule.

    Raises:
        Refused: with the code of the first rule broken.
    """
    for name in members:
        if name not in MEMBERS:
            raise Refused.because("WASL-JWS-006", f"/{name}", found=name[:40])
    algorithm = members.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise Refused.because("WASL-JWS-004", "/alg", found=str(algorithm)[:40])
    if members.get("typ") != typ:
        raise Refused.because("WASL-JWS-005", "/typ", expected=typ, found=str(members.get("typ"))[:80])
    for name in ("kid", "cty"):
        if not isinstance(members.get(name, ""), str):
            raise Refused.because("WASL-JWS-006", f"/{name}", found=name)
    _check_critical(members)
    claimed = _claimed_time(members)
    chain = _certificates(members)
    named = _digest(members, chain)
    if chain:
        check_key(algorithm, chain[0].public_key())
    return Header(algorithm, claimed, chain[0] if chain else None, chain[1:], named)


def _check_critical(members: Mapping[str, Any]) -> None:
    # RFC 7515 4.1.11: never empty, no name twice, only names that are present and understood.
    if "crit" not in members:
        return
    names = members["crit"]
    listed = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if (
        not listed
        or not names
        or len(set(names)) != len(names)
        or not set(names) <= EXTENSIONS & set(members)
    ):
        raise Refused.because("WASL-JWS-007", "/crit", expected=", ".join(sorted(EXTENSIONS)))


def _claimed_time(members: Mapping[str, Any]) -> datetime:
    if ("iat" in members) == ("sigT" in members):
        raise Refused.because("WASL-JWS-009", "/iat", expected="iat | sigT")
    try:
        return _numeric_date(members["iat"]) if "iat" in members else _signing_time(members["sigT"])
    except (ValueError, OverflowError, OSError) as error:
        raise Refused.because("WASL-SIG-015", "/iat" if "iat" in members else "/sigT") from error


def _numeric_date(seconds: object) -> datetime:
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 0:
        raise ValueError("not a whole number of seconds")
    return datetime.fromtimestamp(seconds, UTC)


def _signing_time(text: object) -> datetime:
    # TS 119 182-1 5.2.1: UTC, to the second.
    if not isinstance(text, str) or not _SIGNING_TIME.fullmatch(text):
        raise ValueError("not a time in UTC")
    return datetime.fromisoformat(text)


def _certificates(members: Mapping[str, Any]) -> tuple[x509.Certificate, ...]:
    if "x5c" not in members:
        return ()
    entries = members["x5c"]
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_CERTIFICATES:
        raise Refused.because("WASL-CRT-009", "/x5c", expected=f"1..{MOST_CERTIFICATES}")
    return tuple(_certificate(entry, f"/x5c/{index}") for index, entry in enumerate(entries))


def _certificate(entry: object, where: str) -> x509.Certificate:
    try:
        certificate = read_der(_canonical_base64(entry))
        certificate.public_key()
    except UNREADABLE_CERTIFICATE as error:
        raise Refused.because("WASL-CRT-009", where) from error
    return certificate


def _canonical_base64(entry: object) -> bytes:
    if not isinstance(entry, str):
        raise TypeError("not base64")
    octets = base64.b64decode(entry, validate=True)
    if base64.b64encode(octets).decode() != entry:
        raise ValueError("not canonical base64")
    return octets


def _digest(members: Mapping[str, Any], chain: tuple[x509.Certificate, ...]) -> str | None:
    if "x5t#S256" not in members:
        if not chain:
            raise Refused.because("WASL-JWS-008", "/x5c", expected="x5c | x5t#S256")
        return None
    stated = members["x5t#S256"]
    octets = (
        decode_base64url(stated.encode("ascii", "replace"), "/x5t#S256") if isinstance(stated, str) else b""
    )
    if len(octets) != 32 or (chain and certificate_digest(chain[0]) != octets.hex()):
        raise Refused.because("WASL-JWS-008", "/x5t#S256")
    return octets.hex()


def decode_base64url(text: bytes, where: str) -> bytes:
    """The octets of ``text``, which must be their only spelling (RFC 7515 2, RFC 4648 3.5).

    Raises:
        Refused: ``WASL-JWS-002``, padding, foreign characters or left-over bits.
    """
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise Refused.because("WASL-JWS-002", where)
    octets = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    if encode_base64url(octets) != text:
        raise Refused.because("WASL-JWS-002", where)
    return octets


def encode_base64url(octets: bytes) -> bytes:
    """base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=")
