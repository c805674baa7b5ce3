"""A ledger's head outside the database, so that an old copy of the latter cannot pass for the present."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gateway.domain.errors import Damaged, Unavailable
from gateway.domain.evidence.ledger import Checkpoint
from gateway.store.filelock import FileLock, LockBroken, LockTimeout
from gateway.wire.tlog import MalformedTlog, read_checkpoint, write_checkpoint

_LARGEST = 4096


@dataclass(frozen=True)
class HeadFile:
    """One file with the text of the last checkpoint that was committed (C2SP tlog-checkpoint, unsigned).

    It is written after the commit and before the signature: whatever was signed is in it or behind it.
    """

    path: Path

    @cached_property
    def _lock(self) -> FileLock:
        return FileLock(self.path.with_name(self.path.name + ".lock"))

    @contextlib.contextmanager
    def lead(self, wait_s: float = 0.0) -> Iterator[bool]:
        """Be the only one who lets this ledger grow, for the length of the block.

        Yields:
            Whether it is so; False when somebody else was that for all of ``wait_s`` seconds.

        Raises:
            Unavailable: the lock beside the file cannot be made.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            held = self._lock.acquire(wait_s)
        except LockTimeout:
            yield False
            return
        except (LockBroken, OSError) as error:
            raise Unavailable("the ledger's head cannot be locked") from error
        try:
            yield True
        finally:
            held.release()

    def read(self) -> Checkpoint | None:
        """The head that was kept; None when there is no such file.

        Raises:
            Damaged: the file is there and is no head.
            Unavailable: it cannot be read now.
        """
        try:
            with self.path.open("rb") as file:
                return read_checkpoint(file.read(_LARGEST))
        except FileNotFoundError:
            return None
        except MalformedTlog as error:
            raise Damaged("the ledger's kept head cannot be read") from error
        except OSError as error:
            raise Unavailable("the ledger's kept head cannot be read now") from error

    def keep(self, head: Checkpoint) -> None:
        """Replace the head, durably; to be called while leading.

        Raises:
            Damaged: the kept head of the same ledger is larger, or another one of the same size.
            Unavailable: it cannot be written now.
        """
        before = self.read()
        if before == head:
            return
        if before is not None and before.origin == head.origin and before.size >= head.size:
            raise Damaged(f"the kept head of {head.origin} would go back")
        try:
            self._replace(write_checkpoint(head))
        except OSError as error:
            raise Unavailable("the ledger's head cannot be kept") from error

    def _replace(self, octets: bytes) -> None:
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        # The new name is durable only with its folder.
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
