"""The signature primitives of JWS, each bound to the kind of key it belongs to (RFC 7518 3.1, RFC 8037)."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from gateway.domain.errors import Refused
from gateway.trust.algorithms import LARGEST_RSA, SMALLEST_RSA

ALGORITHMS = ("ES256", "ES384", "PS256", "RS256", "EdDSA")
"""Every algorithm taken; nothing else is ever looked up, so that no header can choose HMAC or none."""


def algorithms_for(key: object) -> tuple[str, ...]:
    """The algorithms that fit ``key`` (public or private), the one we sign with first; or none."""
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        return {"secp256r1": ("ES256",), "secp384r1": ("ES384",)}.get(key.curve.name, ())
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return ("PS256", "RS256")
    if isinstance(key, ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey):
        return ("EdDSA",)
    return ()


def check_key(algorithm: str, key: object) -> None:
    """Whether ``algorithm`` may be used with ``key``.

    Raises:
        Refused: ``WASL-JWS-004`` another kind of key, ``WASL-SIG-016`` a short one.
    """
    fitting = algorithms_for(key)
    if algorithm not in fitting:
        raise Refused.because("WASL-JWS-004", "/alg", expected=", ".join(fitting), found=algorithm)
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        if key.key_size < SMALLEST_RSA:
            raise Refused.because(
                "WASL-SIG-016", "/alg", expected=f">= {SMALLEST_RSA}", found=str(key.key_size)
            )
        if key.key_size > LARGEST_RSA:
            raise Refused.because(
                "WASL-JWS-004", "/alg", expected=f"<= {LARGEST_RSA}", found=str(key.key_size)
            )


def verifies(algorithm: str, key: object, signing_input: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is one over ``signing_input``; the pair was checked by `check_key`."""
    return bool(JWSRegistry.algorithms[algorithm].verify(signing_input, signature, _wrapped(key)))


def sign(algorithm: str, key: object, signing_input: bytes) -> bytes:
    """The signature value in JWS form (ECDSA as r and s side by side)."""
    return JWSRegistry.algorithms[algorithm].sign(signing_input, _wrapped(key))


class _Bare:
    """A key that states nothing about what it is for: `check_key` decided that already.

    Left alone, the library writes a key out as a JWK, the private one too, to look into that at each use.
    """

    key_type: str

    @property
    def dict_value(self) -> dict[str, Any]:
        return {"kty": self.key_type}


class _EC(_Bare, ECKey):
    pass


class _RSA(_Bare, RSAKey):
    pass


class _OKP(_Bare, OKPKey):
    pass


def _wrapped(key: Any) -> Any:
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        return _EC(key, key)
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return _RSA(key, key)
    return _OKP(key, key)
