"""A named pipe by which web processes tell the workers on the same machine that a letter may be due."""

from __future__ import annotations

import contextlib
import os
import select
import stat
from pathlib import Path
from threading import Lock

_RING = b"."
_AT_ONCE = 16
"""So many rings one worker takes for one: others are left to workers that are idle."""


class Doorbell:
    """The end that rings; like any wake-up it decides nothing and may be lost.

    Args:
        path: of the pipe; made when it is first needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pipe: int | None = None
        self._process = os.getpid()
        self._opening = Lock()

    def ring(self) -> None:
        """Wake a worker, if one listens; never waits, and never fails."""
        if self._process != os.getpid():
            self._process, self._pipe = os.getpid(), None
        try:
            with self._opening:
                pipe = self._pipe
                if pipe is None:
                    pipe = self._pipe = _opened(self._path, os.O_WRONLY)
            os.write(pipe, _RING)
        except BlockingIOError:
            return  # it is full of rings that nobody heard yet
        except OSError:
            self.close()  # nobody listens

    def close(self) -> None:
        """Let the pipe go; the next ring opens it again."""
        with self._opening:
            pipe, self._pipe = self._pipe, None
        if pipe is not None:
            with contextlib.suppress(OSError):
                os.close(pipe)


class Ear:
    """The end that hears; several may listen, and each ring is heard by one of them.

    Raises:
        OSError: the pipe cannot be made, or something else lies there.
    """

    def __init__(self, path: Path) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        # for writing too: so it has no end when the last web process goes
        self._pipe = _opened(path, os.O_RDWR)
        self._end, self._stop = os.pipe()

    def heard(self) -> bool:
        """Wait for a ring, without taking it; False once `stop` was called."""
        found, _, _ = select.select([self._pipe, self._end], [], [])
        return self._end not in found

    def take(self) -> bool:
        """Take some rings; whether there was still one."""
        try:
            return bool(os.read(self._pipe, _AT_ONCE))
        except BlockingIOError:
            return False

    def stop(self) -> None:
        """Let `heard` return; may be called from another thread."""
        os.write(self._stop, _RING)

    def close(self) -> None:
        """Let the pipes go."""
        for pipe in (self._pipe, self._end, self._stop):
            os.close(pipe)


def _opened(path: Path, access: int) -> int:
    """The pipe's descriptor.

    Raises:
        OSError: it is not there, nobody listens, or something else lies there.
    """
    found = os.open(path, access | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    if not stat.S_ISFIFO(os.fstat(found).st_mode):
        os.close(found)
        raise FileExistsError(f"{path} is no pipe")
    return found
