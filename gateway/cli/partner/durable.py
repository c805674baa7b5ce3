"""Files and folders that are there whole or not at all, also after the power went."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OURS = ".wasl-"
"""How names of what is only being filled begin."""


def write(path: Path, octets: bytes) -> None:
    """Put a file in its place; whoever looks finds the old one or the new one, never a part."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=OURS)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)
    settle(path.parent)


def move(source: Path, target: Path) -> None:
    """Give a file or folder its new place; the target must be free, or be a file."""
    source.rename(target)
    settle(target.parent)
    if source.parent != target.parent:
        settle(source.parent)


@contextmanager
def folder(target: Path) -> Iterator[Path]:
    """A folder to fill that becomes ``target`` when the block ends well, and nothing otherwise."""
    filling = Path(tempfile.mkdtemp(dir=target.parent, prefix=OURS))
    try:
        yield filling
        for path in filling.rglob("*"):
            settle(path)
        settle(filling)
        move(filling, target)
    finally:
        shutil.rmtree(filling, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove what a process that died had begun to fill in ``parent``."""
    for path in parent.glob(f"{OURS}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def settle(path: Path) -> None:
    """Wait until the disk has a file or a folder's entries."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
