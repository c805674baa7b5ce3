"""Writes and opens ASiC-E containers: files, a manifest with their digests, one signature over it.

EN 319 162-1 4.4 with CAdES. The container is an ordinary ZIP file; what this module opens is stricter.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from gateway.wire.asic_manifest import BadManifest, Reference, read_manifest, write_manifest
from gateway.wire.zip_names import collide, is_safe
from gateway.wire.zip_reader import BadZip, StrictZip

MEDIA_TYPE = "application/vnd.etsi.asic-e+zip"
MIMETYPE = "mimetype"
MANIFEST = "META-INF/ASiCManifest001.xml"
SIGNATURE = "META-INF/signature001.p7s"
LARGEST_MANIFEST = 8 * 1024 * 1024
LARGEST_SIGNATURE = 64 * 1024

_OWN = (MIMETYPE, MANIFEST, SIGNATURE)
_NO_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest date of a ZIP file: nobody should read a time off it."""
_READABLE = 0o100644 << 16
_UNIX = 3


class Writer:
    """Writes one container to a seekable file; the same contents give the same octets.

    Contents pass through and are stored as they are, so that no library's packing shows.
    """

    def __init__(self, target: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(target, "w", zipfile.ZIP_STORED)
        self._references: list[Reference] = []
        # EN 319 162-1 4.4.3.1, A.1: first, stored, without an extra field
        self._write(MIMETYPE, [MEDIA_TYPE.encode()], len(MEDIA_TYPE))

    def add(self, name: str, media_type: str, chunks: Iterable[bytes], size: int) -> None:
        """One file of ``size`` octets.

        Raises:
            ValueError: a name that is not safe or was there before, or content of another length.
        """
        names = [*_OWN, *(one.name for one in self._references), name]
        if not is_safe(name) or collide(names) is not None:
            raise ValueError(f"no name for an entry: {name!r}")
        self._references.append(Reference(name, media_type, self._write(name, chunks, size)))

    def close(self, sign: Callable[[bytes], bytes]) -> None:
        """Write manifest and signature; ``sign`` gives the detached signature over the manifest."""
        manifest = write_manifest(SIGNATURE, self._references)
        signature = sign(manifest)
        self._write(MANIFEST, [manifest], len(manifest))
        self._write(SIGNATURE, [signature], len(signature))
        self._zip.close()

    def _write(self, name: str, chunks: Iterable[bytes], size: int) -> str:
        info = zipfile.ZipInfo(name, _NO_DATE)
        info.create_system, info.external_attr, info.file_size = _UNIX, _READABLE, size
        digest, written = hashlib.sha256(), 0
        with self._zip.open(info, "w") as entry:
            for chunk in chunks:
                entry.write(chunk)
                digest.update(chunk)
                written += len(chunk)
        if written != size:
            raise ValueError(f"{name}: {written} octets instead of {size}")
        return digest.hexdigest()


class BadContainer(Exception):
    """Not a container to rely on.

    Attributes:
        code: those of `BadZip`, and ``mimetype``, ``manifest``, ``signature``, ``extra``, ``missing``.
        name: of the entry concerned, or empty.
    """

    def __init__(self, code: str, name: str = "") -> None:
        super().__init__(f"{code} {name}".strip())
        self.code = code
        self.name = name


@dataclass(frozen=True)
class Container:
    """An opened container: its structure is good; signature and digests are still to be checked.

    Attributes:
        references: what the manifest says of every file but its own ones.
    """

    manifest: bytes
    signature: bytes
    references: Mapping[str, Reference]
    _zip: StrictZip = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The files in their order, but for those of the container itself."""
        return tuple(name for name in self._zip.entries if name not in _OWN)

    def size(self, name: str) -> int:
        """The length of a file in octets, as stated and checked when it is read."""
        return self._zip.entries[name].size

    def read(self, name: str, most: int) -> bytes:
        """The content of a short file.

        Raises:
            BadContainer: more than ``most`` octets, or damaged.
        """
        try:
            return self._zip.read(self._zip.entries[name], most)
        except BadZip as error:
            raise BadContainer(error.code, error.name) from error

    def sha256(self, name: str) -> str:
        """The digest of a file of any length (hexadecimal), read as a stream.

        Raises:
            BadContainer: it is damaged.
        """
        digest = hashlib.sha256()
        try:
            for chunk in self._zip.chunks(self._zip.entries[name]):
                digest.update(chunk)
        except BadZip as error:
            raise BadContainer(error.code, error.name) from error
        return digest.hexdigest()


def open_container(file: BinaryIO) -> Container:
    """The container in a seekable file.

    Raises:
        BadContainer: it is none, is ambiguous, or manifest and files do not belong to one another.
    """
    try:
        archive = StrictZip(file)
        _check_own(archive)
        manifest = archive.read(archive.entries[MANIFEST], LARGEST_MANIFEST)
        signature = archive.read(archive.entries[SIGNATURE], LARGEST_SIGNATURE)
        references = read_manifest(manifest, SIGNATURE)
    except BadZip as error:
        raise BadContainer(error.code, error.name) from error
    except BadManifest as error:
        raise BadContainer("manifest", MANIFEST) from error
    container = Container(manifest, signature, references, archive)
    _check_same(container)
    return container


def _check_own(archive: StrictZip) -> None:
    first = next(iter(archive.entries.values()))
    # a local header of 30 octets, the name, and no extra field
    if first.name != MIMETYPE or first.method or first.start != 30 + len(MIMETYPE):
        raise BadContainer("mimetype", first.name)
    if archive.read(first, len(MEDIA_TYPE)) != MEDIA_TYPE.encode():
        raise BadContainer("mimetype", first.name)
    for name, code in ((MANIFEST, "manifest"), (SIGNATURE, "signature")):
        if name not in archive.entries:
            raise BadContainer(code, name)
    for name in archive.entries:
        if name.upper().startswith("META-INF/") and name not in _OWN:
            raise BadContainer("extra", name)


def _check_same(container: Container) -> None:
    present = set(container.names)
    for name in container.names:
        if name not in container.references:
            raise BadContainer("extra", name)
    for name in container.references:
        if name not in present:
            raise BadContainer("missing", ascii(name)[1:101])
