"""Verifies one file against a trust folder, without any network."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from gateway.domain.errors import Misconfigured
from gateway.verifier.beside import Beside, find_beside
from gateway.verifier.bundle import verify_bundle
from gateway.verifier.octets import verify_octets
from gateway.verifier.opening import BUNDLE_START
from gateway.verifier.report import Report, Status, Step
from gateway.verifier.seal import Trust

__all__ = ["LARGEST", "digest_of", "verify_file", "verify_octets"]

LARGEST = 16 * 1024 * 1024


def verify_file(
    path: Path,
    trust: Path,
    original: Path | None,
    now: datetime,
    proof: Path | None = None,
    token: Path | None = None,
) -> Report:
    """Everything that can be said about the receipt or the bundle in ``path``.

    Args:
        trust: folder with ``seal/``, ``parties/``, ``tsa/``, ``ledger/``, ``witnesses/``.
        original: the letter or an attachment that the receipt is said to be about.
        now: aware; only to notice a receipt of the future.
        proof: the proof of inclusion, if it is not ``FILE.tlog-proof`` beside the file.
        token: the time-stamp of that proof's checkpoint, if it is not ``FILE.tsr``.
    """
    try:
        anchors = _trust(trust)
        digest = None if original is None else digest_of(original)
        if _is_bundle(path):
            return verify_bundle(path, anchors, digest, now)
        octets, beside = _read(path), _beside(path, proof, token)
    except _WrongUsage as fault:
        return Report(path.name, (fault.step,))
    return verify_octets(
        path.name, octets, anchors, digest, now, beside.proof, beside.token, beside.cosignatures
    )


class _WrongUsage(Exception):
    def __init__(self, code: str, **values: str) -> None:
        super().__init__(code)
        self.step = Step(code, Status.USAGE, values)


def _is_bundle(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(BUNDLE_START)) == BUNDLE_START
    except OSError as error:
        raise _WrongUsage("usage.unreadable", file=str(path)) from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            octets = file.read(LARGEST + 1)
    except OSError as error:
        raise _WrongUsage("usage.unreadable", file=str(path)) from error
    if len(octets) > LARGEST:
        raise _WrongUsage("usage.too-large", file=str(path))
    return octets


def _beside(path: Path, proof: Path | None, token: Path | None) -> Beside:
    try:
        return find_beside(path, proof, token)
    except OSError as error:
        raise _WrongUsage("usage.unreadable", file=str(error.filename)) from error
    except ValueError as error:
        raise _WrongUsage("usage.too-large", file=str(error)) from error


def digest_of(path: Path) -> str:
    """SHA-256 of a file of any size, lower-case hexadecimal."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _WrongUsage("usage.unreadable", file=str(path)) from error


def _trust(folder: Path) -> Trust:
    if not (folder / "seal").is_dir():
        raise _WrongUsage("usage.no-trust", folder=str(folder))
    try:
        return Trust.load(folder)
    except Misconfigured as error:
        raise _WrongUsage("usage.bad-trust", faults=str(error)) from error
