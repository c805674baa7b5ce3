"""What the operating system knows of the benchmark's processes: their CPU time and their memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The processes that this one started."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


def family(pid: int) -> list[int]:
    """A process and all that came from it."""
    return [pid, *(one for child in children(pid) for one in family(child))]


def cpu_s(roots: Iterable[int]) -> float:
    """User and system seconds that these processes and all that came from them have used so far."""
    total = 0
    for root in roots:
        for pid in family(root):
            with contextlib.suppress(FileNotFoundError):  # it ended meanwhile, and its parent has its time
                total += sum(map(int, _stat(pid)[11:15]))  # its own, and that of children which ended
    return total / _TICKS


def parent(pid: int) -> int:
    """The process that started this one."""
    return int(_stat(pid)[1])


def peak(pid: int) -> int:
    """The most memory that the process ever had resident, in octets."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise LookupError(pid)


def listener(port: int) -> int | None:
    """The process that listens at a port of this machine, the oldest of several; None if not to be seen."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for process in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        with contextlib.suppress(OSError):
            if any(str(handle.readlink()) in sockets for handle in (process / "fd").iterdir()):
                return int(process.name)
    return None


def _listening(port: int) -> list[str]:
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                found.append(fields[9])
    return found


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
