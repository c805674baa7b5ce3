"""Attachments encrypted for a recipient, so that the hub carries them unread, and opened again by it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.cli.partner import durable
from gateway.cli.partner.laid import Decrypt
from gateway.trust.certificates import certificate_digest
from gateway.trust.cmsenvelope import BadEnvelope, Reader, decrypt, encrypt

ENDING = ".p7m"


@contextmanager
def closed(files: Sequence[Path], readers: Sequence[Path]) -> Iterator[tuple[list[Path], tuple[str, ...]]]:
    """Files that only the holders of the certificates in ``readers`` can read, for the length of the block.

    With them come the digests of those certificates. Without readers the files are the same.

    Raises:
        click.BadParameter: a certificate cannot be read, or its key not be encrypted to.
    """
    certificates = tuple(map(_certificate, readers))
    if not certificates:
        yield list(files), ()
        return
    with tempfile.TemporaryDirectory(prefix="wasl-") as folder:
        yield (
            [_closed(path, Path(folder), certificates) for path in files],
            tuple(map(certificate_digest, certificates)),
        )


def _closed(path: Path, folder: Path, certificates: Sequence[x509.Certificate]) -> Path:
    target = folder / (path.name + ENDING)
    try:
        with path.open("rb") as source, target.open("xb") as into:
            encrypt(source, path.stat().st_size, into, certificates, os.urandom)
    except BadEnvelope as error:
        raise click.BadParameter(str(error)) from error
    except FileExistsError as error:
        raise click.BadParameter(f"{path.name}: attached twice") from error
    return target


def decryption(key_file: Path, certificate_file: Path) -> Decrypt:
    """Opens what was encrypted to the certificate.

    Raises:
        click.BadParameter: the key is no RSA or EC key in PEM, or the certificate not its own.
    """
    certificate = _certificate(certificate_file)
    try:
        key = load_pem_private_key(key_file.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise click.BadParameter(f"{key_file}: no readable private key") from error
    if not isinstance(key, Reader) or key.public_key() != certificate.public_key():
        raise click.BadParameter(f"{key_file}: not the RSA or EC key of {certificate_file}")

    def opened(source: Path, target: Path) -> None:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".")
        try:
            with source.open("rb") as octets, os.fdopen(descriptor, "wb") as into:
                decrypt(octets, into, key, certificate)
            durable.move(Path(name), target)  # only now is the content known to be what was encrypted
        finally:
            Path(name).unlink(missing_ok=True)

    return opened


def _certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except ValueError as error:
        raise click.BadParameter(f"{file}: no certificate in PEM") from error
