"""Client assertions: a short JWT by which a party proves that it holds its key (RFC 7523 2.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from gateway.domain.errors import NotAuthenticated, Refused
from gateway.strictjson import read_strict
from gateway.trust import jwsprimitive
from gateway.trust.jwsheader import decode_base64url, encode_base64url

BAD = "WASL-AUT-003"
_LONGEST = 16384
_LONGEST_ID = 255
_MEMBERS = frozenset({"alg", "typ", "kid", "x5t#S256", "x5c"})
"""What a header may hold; ``kid`` and ``x5c`` are never looked at: registration decides."""


@dataclass(frozen=True)
class Assertion:
    """A parsed assertion whose signature is still to be verified."""

    alg: str
    certificate_digest: str | None
    subject: str
    audience: str
    jti: str
    expires_at: datetime
    signing_input: bytes
    signature: bytes

    def verified_by(self, certificate: x509.Certificate) -> bool:
        """Whether the key of ``certificate`` made the signature."""
        key = certificate.public_key()
        try:
            jwsprimitive.check_key(self.alg, key)
        except Refused:
            return False
        return jwsprimitive.verifies(self.alg, key, self.signing_input, self.signature)


def open_assertion(raw: str) -> Assertion:
    """Parse a compact JWT strictly.

    Raises:
        NotAuthenticated: its form, its header or its claims are not acceptable.
    """
    try:
        return _open(raw)
    except (ValueError, KeyError, TypeError, OverflowError, Refused) as error:
        raise NotAuthenticated.because(BAD) from error


def _open(raw: str) -> Assertion:
    if len(raw) > _LONGEST:
        raise ValueError("too long")
    protected, payload, signature = raw.encode("ascii").split(b".")
    header = _object(protected)
    claims = _object(payload)
    if not set(header) <= _MEMBERS or header.get("typ", "JWT") != "JWT":
        raise ValueError("header")
    if header["alg"] not in jwsprimitive.ALGORITHMS or claims["iss"] != claims["sub"]:
        raise ValueError("algorithm or issuer")
    thumbprint = header.get("x5t#S256")
    return Assertion(
        alg=header["alg"],
        certificate_digest=None if thumbprint is None else _hex(thumbprint),
        subject=_text(claims["sub"]),
        audience=_audience(claims["aud"]),
        jti=_text(claims["jti"]),
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        signing_input=protected + b"." + payload,
        signature=decode_base64url(signature, "/signature"),
    )


def _object(part: bytes) -> Mapping[str, Any]:
    value = read_strict(decode_base64url(part, "/"), max_depth=4)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _hex(thumbprint: Any) -> str:
    return decode_base64url(_text(thumbprint).encode("ascii"), "/x5t#S256").hex()


def _audience(claim: Any) -> str:
    # one audience: an assertion for several places could be passed on by one of them
    return _text(claim[0] if isinstance(claim, list) and len(claim) == 1 else claim)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID:
        raise ValueError("not a short text")
    return value


def make_assertion(
    key: Any, party: str, audience: str, jti: str, issued_at: datetime, lifetime: int = 120
) -> str:
    """A client assertion signed with the party's private key; ``lifetime`` in seconds."""
    alg = jwsprimitive.algorithms_for(key)[0]
    issued = int(issued_at.timestamp())
    claims = {"iss": party, "sub": party, "aud": audience, "jti": jti, "exp": issued + lifetime}
    header = encode_base64url(_compact({"alg": alg, "typ": "JWT"}))
    signing_input = header + b"." + encode_base64url(_compact(claims))
    signature = jwsprimitive.sign(alg, key, signing_input)
    return (signing_input + b"." + encode_base64url(signature)).decode("ascii")


def _compact(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()
