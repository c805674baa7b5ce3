"""Verifies one receipt file against a trust folder, without any network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from gateway.domain.errors import Misconfigured
from gateway.domain.evidence.receipt import Receipt
from gateway.verifier.opening import NotOpened, Opened, kind_of, open_receipt
from gateway.verifier.report import Report, Status, Step
from gateway.verifier.seal import Trust, judge_seal

LARGEST = 16 * 1024 * 1024
_TOLERANCE = timedelta(minutes=5)


def verify_file(path: Path, trust: Path, original: Path | None, now: datetime) -> Report:
    """Everything that can be said about the receipt in ``path``.

    Args:
        trust: folder with ``seal/``, ``parties/``, ``tsa/``, ``ledger/``.
        original: the letter or an attachment that the receipt is said to be about.
        now: aware; only to notice a receipt of the future.
    """
    try:
        octets = _read(path)
        original_digest = None if original is None else digest_of(original)
        anchors = _trust(trust)
    except _WrongUsage as fault:
        return Report(path.name, (fault.step,))
    return verify_octets(path.name, octets, anchors, original_digest, now)


def verify_octets(name: str, octets: bytes, trust: Trust, original: str | None, now: datetime) -> Report:
    """The same for octets at hand; ``original`` is a SHA-256 digest in lower-case hexadecimal."""
    try:
        media_type = kind_of(octets)
        opened = open_receipt(octets, media_type)
    except NotOpened as reason:
        return Report(name, (reason.step,))
    steps = (
        Step("integrity.good", Status.GOOD, {"digest": opened.digest}),
        *_seal(opened, trust, now),
        Step("ledger.none", Status.NOTE),
        *_original(opened.receipt, original),
    )
    return Report(name, steps, opened.receipt, opened.digest)


def _seal(opened: Opened, trust: Trust, now: datetime) -> Iterator[Step]:
    receipt, sealed_at = opened.receipt, opened.signed.claimed_time
    if sealed_at is None:
        yield Step("time.missing", Status.BAD)
        return
    yield from judge_seal(opened.signed, receipt.test, trust, sealed_at)
    values = {"time": receipt.event_time.isoformat(), "sealed": sealed_at.isoformat()}
    if max(sealed_at, receipt.event_time) > now + _TOLERANCE:
        yield Step("time.future", Status.BAD, values)
    elif receipt.event_time > sealed_at + _TOLERANCE:
        yield Step("time.backwards", Status.BAD, values)


def _original(receipt: Receipt, digest: str | None) -> Iterator[Step]:
    if digest is None:
        return
    values = {"digest": digest}
    named = {attachment.sha256: attachment.name for attachment in receipt.attachments}
    if receipt.received is not None and receipt.received.sha256 == digest:
        yield Step("original.matches", Status.GOOD, values)
    elif digest in named:
        yield Step("original.attachment", Status.GOOD, values | {"name": named[digest]})
    elif receipt.received is None and not named:
        yield Step("original.unnamed", Status.UNDECIDED, values)
    else:
        yield Step("original.differs", Status.BAD, values)


class _WrongUsage(Exception):
    def __init__(self, code: str, **values: str) -> None:
        super().__init__(code)
        self.step = Step(code, Status.USAGE, values)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            octets = file.read(LARGEST + 1)
    except OSError as error:
        raise _WrongUsage("usage.unreadable", file=str(path)) from error
    if len(octets) > LARGEST:
        raise _WrongUsage("usage.too-large", file=str(path))
    return octets


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
