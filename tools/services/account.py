"""Who runs a server, where it lies, and how it ends with whoever started it.

Run as root, a server gets an unprivileged account: neither PostgreSQL nor RabbitMQ should run as root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.services.service import NotStarted

_COMMAND_S = 120


@dataclass(frozen=True)
class Place:
    """A new folder directly under /tmp (the path of a socket must be short) and the account it belongs to.

    Attributes:
        user: None for whoever we are.
    """

    folder: Path
    user: str | None

    @classmethod
    def make(cls, what: str, accounts: Iterable[str]) -> Place:
        """A place for ``what``; as root, for the first of the accounts that exists.

        Raises:
            NotStarted: we are root, and there is none of them.
        """
        user = _unprivileged(what, accounts) if os.geteuid() == 0 else None
        folder = Path(tempfile.mkdtemp(prefix=f"wasl-{what.lower()[:8]}-", dir="/tmp"))
        place = cls(folder, user)
        place.give(folder)
        return place

    def give(self, path: Path) -> None:
        """Let the account have a file or folder."""
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def write(self, name: str, octets: bytes) -> Path:
        """A new file in the folder that only the account reads."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(octets)
        self.give(path)
        return path

    def run(self, *command: object, environment: Mapping[str, str] | None = None) -> str:
        """Run a command as the account to its end; what it wrote.

        Raises:
            NotStarted: it failed.
        """
        words = [str(word) for word in command]
        done = subprocess.run(  # noqa: S603 - programs of the server's own installation
            words, user=self.user, extra_groups=self._groups, cwd=self.folder, env=environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_COMMAND_S, check=False,
        )  # fmt: skip
        if done.returncode:
            raise NotStarted(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def spawn(self, *command: object, environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
        """Start a command as the account, in a session of its own: Ctrl-C does not reach it."""
        with log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - programs of the server's own installation
                [str(word) for word in command], user=self.user, extra_groups=self._groups, cwd=self.folder,
                env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip

    def watch(self, *stop: object) -> subprocess.Popen[bytes]:
        """Run ``stop`` and remove the folder when our end of a pipe closes.

        A shell waits for that, because a process that is killed runs no clean-up.
        """
        waiting = 'read -r _; "$@"; cd / && rm -rf "$0"'
        words = ["/bin/sh", "-c", waiting, str(self.folder), *(str(word) for word in stop)]
        return subprocess.Popen(  # noqa: S603 - our own words
            words, user=self.user, extra_groups=self._groups, cwd="/", stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _groups(self) -> list[int] | None:
        return None if self.user is None else []


def free_port() -> int:
    """A port of this machine's loopback address on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _unprivileged(what: str, accounts: Iterable[str]) -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in accounts:
        if name in known:
            return name
    raise NotStarted(f"{what} should not run as root, and there is no account {' or '.join(accounts)}")
