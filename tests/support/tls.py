"""Certificates for servers of tests, and a server that notes what is entrusted to it."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tools.services import Tls

_LIFE = timedelta(days=2)
_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"  # PostgreSQL 55.7 SSLRequest


def make_tls(folder: Path, name: str = "localhost") -> Tls:
    """An authority, and a certificate of it for a server of that name, made now."""
    folder.mkdir(parents=True, exist_ok=True)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"TEST authority {folder.name}")])
    authority = (
        _builder(subject, subject, authority_key.public_key(), authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    server = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"TEST {name}")])
    certificate = (
        _builder(server, subject, key.public_key(), authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    files = Tls(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    files.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=authority, crl_sign=authority,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


@dataclass
class Listener:
    """A server that somebody put in the place of the real one.

    Attributes:
        heard: what clients said to it, inside TLS or without.
        greeted: how many came.
    """

    port: int = 0
    heard: bytearray = field(default_factory=bytearray)
    greeted: int = 0


@contextmanager
def listener(tls: Tls | None, postgres: bool = False) -> Iterator[Listener]:
    """One on loopback that shows the certificate, or speaks no TLS at all.

    Args:
        postgres: TLS begins after PostgreSQL's request for it, which is refused where there is none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if tls is not None:
        context.load_cert_chain(tls.certificate, tls.key)
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = Listener(server.getsockname()[1])

        def serve() -> None:
            with contextlib.suppress(OSError):  # closed: the end
                while True:
                    connection, _ = server.accept()
                    found.greeted += 1
                    with contextlib.suppress(OSError), connection:
                        _listen(found, connection, context if tls else None, postgres)

        serving = Thread(target=serve, daemon=True)
        serving.start()
        try:
            yield found
        finally:
            server.shutdown(socket.SHUT_RDWR)
    serving.join(10)


def _listen(
    found: Listener, connection: socket.socket, context: ssl.SSLContext | None, postgres: bool
) -> None:
    connection.settimeout(5)
    if postgres:
        request = connection.recv(len(_SSL_REQUEST))
        if request != _SSL_REQUEST:
            found.heard += request
            return
        connection.sendall(b"S" if context else b"N")
    if context is not None:
        connection = context.wrap_socket(connection, server_side=True)
    with connection:
        while octets := connection.recv(4096):
            found.heard += octets
