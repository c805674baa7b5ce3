"""The trust package: what a verifier must believe, gathered from the hub's trust folder for everybody."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography import x509

from gateway.trust.certificates import certificate_digest
from gateway.trust.note import read_vkey

FOLDERS = ("seal", "seal/test", "tsa", "parties", "ledger", "ledger/test", "witnesses")
"""Every folder of the package; what lies elsewhere is not published."""
TOP = "trust"
"""The folder that the archive unpacks to."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.(?:pem|crl|vkey)")
_PRIVATE = re.compile(rb"PRIVATE\s+KEY", re.IGNORECASE)
_PEM = re.compile(rb"-----BEGIN ([^-\r\n]{1,40})-----")
_LABELS = {".pem": {b"CERTIFICATE"}, ".crl": {b"X509 CRL"}}
_LARGEST = 16 * 1024 * 1024
_LONG_AGO = (1980, 1, 1, 0, 0, 0)

_log = structlog.get_logger()


@dataclass(frozen=True)
class Fingerprint:
    """SHA-256 of one thing that a verifier believes: a certificate (DER), or the line of a key."""

    name: str
    sha256: str


@dataclass(frozen=True)
class TrustFile:
    """One file of the package.

    Attributes:
        anchors: what of it stays the same; a revocation list has none, it is renewed all the time.
    """

    folder: str
    name: str
    octets: bytes
    anchors: tuple[Fingerprint, ...]

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}"


@dataclass(frozen=True)
class TrustPackage:
    """What may be published of a trust folder: certificates, revocation lists, verifier keys.

    A file that cannot be read as what its name says, or that holds a private key, is left out and
    logged: a mistake of an operator must not be published.
    """

    directory: Path

    def files(self) -> tuple[TrustFile, ...]:
        """Every file, by folder as `FOLDERS` orders them and by name."""
        return tuple(file for folder in FOLDERS for file in self._of(folder))

    def file(self, path: str) -> TrustFile | None:
        """The one file at ``folder/name``; None where the package has none."""
        folder, _, name = path.rpartition("/")
        if folder not in FOLDERS or not _NAME.fullmatch(name):
            return None
        return self._read(folder, self.directory / folder / name)

    def _of(self, folder: str) -> Iterator[TrustFile]:
        within = self.directory / folder
        for path in sorted(within.iterdir()) if within.is_dir() else ():
            if _NAME.fullmatch(path.name):
                file = self._read(folder, path)
                if file is not None:
                    yield file

    def _read(self, folder: str, path: Path) -> TrustFile | None:
        try:
            if not path.resolve(strict=True).is_relative_to(self.directory.resolve()):
                raise ValueError("leads out of the trust folder")
            if not path.is_file() or path.stat().st_size > _LARGEST:
                raise ValueError("no file, or too large")
            octets = path.read_bytes()
            return TrustFile(folder, path.name, octets, tuple(_anchors(path.suffix, octets)))
        except FileNotFoundError:  # replaced or removed meanwhile
            return None
        except (OSError, ValueError, x509.DuplicateExtension) as error:
            _log.warning("left out of the trust package", file=f"{folder}/{path.name}", cause=str(error))
            return None


def _anchors(suffix: str, octets: bytes) -> Iterator[Fingerprint]:
    """What of a file a verifier believes.

    Raises:
        ValueError: the file is not what its name says.
    """
    labels = set(_PEM.findall(octets))
    if _PRIVATE.search(octets) or not labels <= _LABELS.get(suffix, set()):
        raise ValueError("holds something that is not published")
    if suffix == ".pem":
        for certificate in x509.load_pem_x509_certificates(octets):
            name = certificate.subject.rfc4514_string()
            yield Fingerprint(name, certificate_digest(certificate))
    elif suffix == ".crl":
        (x509.load_pem_x509_crl if labels else x509.load_der_x509_crl)(octets)
    else:
        for line in filter(None, octets.decode("utf-8").split("\n")):
            yield Fingerprint(read_vkey(line).name, hashlib.sha256(line.encode()).hexdigest())


def archive(files: tuple[TrustFile, ...]) -> bytes:
    """The files as a ZIP archive; the same files make the same octets, today and anywhere."""
    written = io.BytesIO()
    # stored, not compressed: another version of zlib would make other octets
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as target:
        for file in files:
            entry = zipfile.ZipInfo(f"{TOP}/{file.path}", _LONG_AGO)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            target.writestr(entry, file.octets)
    return written.getvalue()


def by_folder(files: tuple[TrustFile, ...]) -> Mapping[str, tuple[TrustFile, ...]]:
    """The files of each folder that has any."""
    found = {folder: tuple(file for file in files if file.folder == folder) for folder in FOLDERS}
    return {folder: held for folder, held in found.items() if held}
