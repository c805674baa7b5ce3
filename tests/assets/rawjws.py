"""JSON web signatures made by hand, with cryptography alone, valid or as wrong as a test wants."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from tests.assets import rawsign as rs
from tests.assets.letters import b64url

TYP = "wasl-envelope+json"
_SHA = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def header(certificate: x509.Certificate, alg: str, time: int, changes: dict[str, Any]) -> dict[str, Any]:
    """The protected header of a good letter; a change to None leaves the member out."""
    members = {
        "alg": alg,
        "typ": TYP,
        "iat": time,
        "x5c": [rs.b64(rs.der(certificate))],
        "x5t#S256": thumbprint(certificate),
    }
    members |= changes
    return {name: value for name, value in members.items() if value is not None}


def thumbprint(certificate: x509.Certificate, digest: str = "sha256") -> str:
    return b64url(hashlib.new(digest, rs.der(certificate)).digest())


def sign_input(alg: str, key: Any, octets: bytes) -> bytes:
    """The signature octets of RFC 7518 and RFC 8037; a secret of octets makes an HMAC."""
    if isinstance(key, bytes):
        return hmac.new(key, octets, _SHA[alg[2:]].name).digest()
    if alg == "EdDSA":
        return bytes(key.sign(octets))
    digest = _SHA[alg[2:5]]
    if alg.startswith("PS"):
        pss = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
        return bytes(key.sign(octets, pss, digest))
    if alg.startswith("RS"):
        return bytes(key.sign(octets, padding.PKCS1v15(), digest))
    return rs.raw_ecdsa(key, key.sign(octets, ec.ECDSA(digest)))


def parts(protected: dict[str, Any] | bytes, payload: bytes, alg: str, key: Any) -> tuple[str, str, bytes]:
    """Encoded header, encoded payload, and the signature over both."""
    octets = protected if isinstance(protected, bytes) else json.dumps(protected).encode()
    head, body = b64url(octets), b64url(payload)
    return head, body, sign_input(alg, key, f"{head}.{body}".encode())


def compact(protected: dict[str, Any] | bytes, payload: bytes, alg: str, key: Any) -> bytes:
    head, body, signature = parts(protected, payload, alg, key)
    return f"{head}.{body}.{b64url(signature)}".encode()


def flattened(protected: dict[str, Any] | bytes, payload: bytes, alg: str, key: Any, **more: Any) -> bytes:
    head, body, signature = parts(protected, payload, alg, key)
    members = {"payload": body, "protected": head, "signature": b64url(signature)} | more
    return json.dumps(members).encode()
