"""What a process may take of memory, and how a worker begins anew when that is used up."""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import structlog

_DATA = "VmData:"
_ARENA_MAX = -8
"""``M_ARENA_MAX`` of glibc's malloc.h, for mallopt(3)."""
_HEAPS = 2

_log = structlog.get_logger()


def keep_few_heaps() -> None:
    """Let all threads share two of the C library's heaps; a library without such heaps is left as it is.

    Each thread has one of its own otherwise, eight for each processor, and what one of them gave back serves
    no other: while large attachments passed, a worker grew by 15 MiB a minute, though it used no more.
    Threads of Python seldom ask at the same time.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _HEAPS)


def bound_memory(octets: int) -> None:
    """Let this process take so much beside what it has: whoever wants more gets a MemoryError.

    Without it a call that takes without end takes the machine's, and the system ends what it likes.
    """
    taken = _data()
    if not octets or taken is None:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = taken + octets
    try:
        resource.setrlimit(
            resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
        )
    except (ValueError, OSError) as error:
        _log.warning("memory of this process cannot be bounded", cause=type(error).__name__)


def anew_without_memory() -> None:
    """Let the process begin anew when a thread of its own ends for lack of memory.

    Whatever took it may go on taking: without that thread the rest would do half of the work for ever. What
    was being sent is in doubt, as after a kill.
    """
    usual = threading.excepthook

    def ended(args: threading.ExceptHookArgs) -> None:
        if not issubclass(args.exc_type, MemoryError):
            usual(args)
            return
        os.write(2, b"wasl: no memory left for a thread of the worker, it begins anew\n")
        try:
            begin_anew()
        finally:
            os._exit(os.EX_OSERR)

    threading.excepthook = ended


def begin_anew() -> NoReturn:
    """Be a fresh process with the same name, number, environment and arguments; nobody has to start it.

    Threads that adapters do not give back end here.
    """
    with suppress(Exception):  # nobody could be told
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the very program that runs


def _data() -> int | None:
    """Octets of memory that count against the bound; None where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(_DATA))
    except (OSError, ValueError, StopIteration):
        return None
