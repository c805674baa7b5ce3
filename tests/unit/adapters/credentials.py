"""Certificates and keys in PEM, made for one run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.unit.adapters.doubles import NOW

PLAIN = serialization.NoEncryption()


def key_of(kind: str) -> Any:
    """A new key: ``rsa``, ``short`` (RSA of 1024 bits), or the name of a curve."""
    if kind in ("rsa", "short"):
        return rsa.generate_private_key(65537, 2048 if kind == "rsa" else 1024)
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[kind])


def certificate_of(key: Any, begins: datetime | None = None, days: float = 1) -> x509.Certificate:
    """A certificate that the key issued to itself."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "TEST hub")])
    start = begins or NOW - timedelta(days=2)
    return (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after((NOW if begins is None else begins) + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )


def pem_of(*things: Any, password: bytes | None = None) -> str:
    """Certificates and keys one after the other."""
    shape = serialization.PrivateFormat.PKCS8
    lock = serialization.BestAvailableEncryption(password) if password else PLAIN
    return "".join(
        (
            thing.public_bytes(serialization.Encoding.PEM)
            if isinstance(thing, x509.Certificate)
            else thing.private_bytes(serialization.Encoding.PEM, shape, lock)
        ).decode()
        for thing in things
    )


def identity_pem(kind: str = "p256") -> str:
    """Certificate and key of a good identity."""
    key = key_of(kind)
    return pem_of(certificate_of(key), key)
