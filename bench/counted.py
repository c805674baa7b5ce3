"""The hub's own command, with its statements and transactions counted.

``python bench/counted.py FOLDER serve`` is ``wasl serve`` that writes what it counted into a file of the
folder for each of its processes. Counting costs time: nothing else is measured in such a run.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from gateway.store.engine import ACCESS, READ

_FORM = struct.Struct("=3q")


@dataclass(frozen=True)
class Counts:
    """What processes did with the database; BEGIN and COMMIT are no statements here."""

    statements: int = 0
    writing: int = 0
    reading: int = 0

    def plus(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in vars(self)))

    def less(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) - getattr(other, name) for name in vars(self)))


def read_counts(folder: Path) -> dict[str, Counts]:
    """What was counted so far, by command."""
    found: dict[str, Counts] = {}
    for path in folder.iterdir():
        kind = path.name.partition("-")[0]
        found[kind] = found.get(kind, Counts()).plus(Counts(*_FORM.unpack(path.read_bytes())))
    return found


class Counter:
    """Counts in a file that others read meanwhile, one for each process."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind
        self._lock = threading.Lock()
        self._open()
        os.register_at_fork(after_in_child=self._open)

    def _open(self) -> None:
        path = self._folder / f"{self._kind}-{os.getpid()}"
        path.write_bytes(bytes(_FORM.size))
        with path.open("r+b") as file:
            self._file = mmap.mmap(file.fileno(), _FORM.size)

    def add(self, statements: int = 0, writing: int = 0, reading: int = 0) -> None:
        with self._lock:
            was = Counts(*_FORM.unpack(self._file[:]))
            now = was.plus(Counts(statements, writing, reading))
            self._file[:] = _FORM.pack(now.statements, now.writing, now.reading)

    def listen(self) -> None:
        """Count what every engine of this process does from now on."""

        @event.listens_for(Engine, "before_cursor_execute")
        def statement(*_: Any) -> None:
            self.add(statements=1)

        @event.listens_for(Engine, "begin")
        def transaction(connection: Connection) -> None:
            reading = connection.get_execution_options().get(ACCESS) == READ
            self.add(reading=int(reading), writing=int(not reading))


if __name__ == "__main__":
    from gateway.cli import main

    folder, *sys.argv[1:] = sys.argv[1:]
    Counter(Path(folder), sys.argv[1]).listen()
    main()
