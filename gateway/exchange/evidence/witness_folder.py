"""What a witness remembers lies in a folder: its key, the last checkpoint it saw, and alarms."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.domain.errors import Misconfigured, Unavailable
from gateway.store.filelock import FileLock, LockBroken, LockTimeout
from gateway.trust.note import WITNESS, VerifierKey, read_vkey, verifier_key

WAIT_S = 10.0
"""How long a run waits for another one to end."""
_KEY, _VKEY, _LOCK = "key.pem", "witness.vkey", "lock"
_SEEN, _COSIGNED, _SUBMITTED, _ALARM, _DECIDED = "seen.note", "cosigned.note", "submitted", "alarm", "decided"


@dataclass(frozen=True)
class WitnessFolder:
    """One witness of one ledger.

    ::

        key.pem        its private key, readable by its owner only
        witness.vkey   what a hub must know
        seen.note      the checkpoint that everything later must continue
        cosigned.note  the last one that it cosigned, with the cosignature
        submitted      its size, once the hub took the cosignature
        alarm/         evidence of a contradiction; while it is there nothing is cosigned
        decided/       alarms that a person decided about
    """

    path: Path

    def create(self, name: str) -> VerifierKey:
        """Make the folder with a new key.

        Raises:
            Misconfigured: there is a witness already.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = Ed25519PrivateKey.generate()
        encoded = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            _write(self.path / _KEY, encoded, os.O_EXCL)
        except FileExistsError as error:
            raise Misconfigured([f"{self.path / _KEY}: there is a witness already"]) from error
        vkey = verifier_key(name, key, WITNESS)
        replace(self.path / _VKEY, f"{vkey.line}\n".encode())
        return vkey

    def key(self) -> tuple[VerifierKey, Ed25519PrivateKey]:
        """The witness's name and key.

        Raises:
            Misconfigured: they are missing, or do not belong together.
        """
        try:
            vkey = read_vkey((self.path / _VKEY).read_text("utf-8").strip())
            key = serialization.load_pem_private_key((self.path / _KEY).read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise Misconfigured([f"{self.path}: no witness: {error}"]) from error
        if not isinstance(key, Ed25519PrivateKey) or vkey != verifier_key(vkey.name, key, WITNESS):
            raise Misconfigured([f"{self.path}: {_VKEY} is not that of {_KEY}"])
        return vkey, key

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Alone with the folder for the length of the block.

        Raises:
            Misconfigured: there is no such folder.
            Unavailable: another run is at work.
        """
        if not self.path.is_dir():
            raise Misconfigured([f"{self.path}: no such folder; make it with `wasl witness init`"])
        try:
            held = FileLock(self.path / _LOCK).acquire(WAIT_S)
        except (LockTimeout, LockBroken) as error:
            raise Unavailable(f"{self.path}: another run of the witness is at work") from error
        try:
            yield
        finally:
            held.release()

    @property
    def seen(self) -> bytes | None:
        return self._read(_SEEN)

    @property
    def cosigned(self) -> bytes | None:
        return self._read(_COSIGNED)

    @property
    def submitted(self) -> int | None:
        found = self._read(_SUBMITTED)
        return int(found) if found is not None and found.strip().isdigit() else None

    def _read(self, name: str) -> bytes | None:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def keep_seen(self, note: bytes) -> None:
        replace(self.path / _SEEN, note)

    def keep_cosigned(self, note: bytes) -> None:
        replace(self.path / _COSIGNED, note)

    def keep_submitted(self, size: int) -> None:
        replace(self.path / _SUBMITTED, f"{size}\n".encode())

    @property
    def alarm(self) -> Path | None:
        """Where the evidence of an alarm lies that nobody has decided about."""
        path = self.path / _ALARM
        return path if path.exists() else None

    def raise_alarm(self, evidence: Mapping[str, bytes]) -> Path:
        """Keep the evidence, all of it or nothing, by file name."""
        fresh = self.path / f".{_ALARM}.new"
        fresh.mkdir(mode=0o700, exist_ok=True)
        for name, octets in evidence.items():
            replace(fresh / name, octets)
        path = self.path / _ALARM
        fresh.rename(path)
        _sync(self.path)
        return path

    def decide(self, stamp: str, why: str, *, restart: bool) -> Path:
        """File the alarm away with a person's reason; ``restart`` forgets what was seen, too.

        Raises:
            Misconfigured: there is nothing to decide about.
        """
        if self.alarm is None and not restart:
            raise Misconfigured([f"{self.path}: there is no alarm"])
        target = self.path / _DECIDED / stamp
        target.mkdir(mode=0o700, parents=True)
        replace(target / "why.txt", f"{why}\n".encode())
        if restart:
            for name in (_SEEN, _COSIGNED, _SUBMITTED):
                if (self.path / name).exists():
                    (self.path / name).rename(target / name)
        if self.alarm is not None:
            self.alarm.rename(target / _ALARM)
        _sync(self.path)
        return target


def replace(path: Path, octets: bytes) -> None:
    """Write a file that is there whole or not at all, also after a power cut."""
    fresh = path.with_name(f".{path.name}.new")
    _write(fresh, octets, os.O_TRUNC)
    fresh.replace(path)
    _sync(path.parent)


def _write(path: Path, octets: bytes, flag: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flag, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
