"""An SFTP server of OpenSSH on a port of this machine, with keys made for it.

It runs as whoever runs the tests, root or not, and lets in that user alone: an ordinary one may be no other.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def _user() -> str | None:
    """Who runs this, whatever the environment says; None for a number without a name: sshd knows none."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None


# Its own path is needed whole, since it starts itself anew; an ordinary user's search path leaves it out.
PROGRAM = shutil.which("sshd", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))
INSTALLED = PROGRAM is not None and shutil.which("ssh-keygen") is not None and _user() is not None
_SEPARATION = Path("/run/sshd")


@dataclass(frozen=True)
class Sshd:
    """A running server.

    Attributes:
        key: the private key that it lets in, in OpenSSH's form; ``host_key``: its own public one, as a line.
    """

    port: int
    user: str
    key: str
    host_key: str
    running: subprocess.Popen[bytes]

    def route(self, place: Path, **changes: Any) -> dict[str, Any]:
        """The part of a route's options that leads to a folder of this machine by way of the server."""
        sftp = {"user": self.user, "secret": "sftp-key", "host_keys": [self.host_key], "silence_seconds": 5}
        return {"place": f"sftp://127.0.0.1:{self.port}{place}", "sftp": sftp | changes}


@contextmanager
def sshd(folder: Path, *lines: str) -> Iterator[Sshd]:
    """Start a server; further ``lines`` of its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("host", "client"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(folder / name)]
        subprocess.run(make, check=True, timeout=20)
    if os.geteuid() == 0 and not _SEPARATION.exists():  # started by root it insists, and no service made it
        _SEPARATION.mkdir(0o755)
    port = _free_port()
    configuration = folder / "sshd_config"
    configuration.write_text("\n".join([*_configuration(folder, port), *lines, ""]), "utf-8")
    user = _user()
    assert PROGRAM, "no sshd here"
    assert user, "nobody here whom sshd knows"
    command = [PROGRAM, "-D", "-e", "-f", str(configuration)]
    with (
        (folder / "log").open("wb") as log,
        # SIGXFSZ stays ignored: a limit of file size is an error then, as a quota is, and no death
        subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL, restore_signals=False) as running,
    ):
        try:
            _await(port, running, folder / "log")
            key, public = (folder / "client").read_text("ascii"), (folder / "host.pub").read_text("ascii")
            yield Sshd(port, user, key, public.strip(), running)
        finally:
            running.terminate()
            running.wait(10)


def _configuration(folder: Path, port: int) -> list[str]:
    return [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder / 'host'}",
        f"AuthorizedKeysFile {folder / 'client.pub'}",
        "PidFile none",
        "StrictModes no",
        "UsePAM no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin yes",
        "MaxStartups 100",
        "UseDNS no",
        "LogLevel ERROR",
        "Subsystem sftp internal-sftp",
    ]


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end and running.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as greeting:
                if greeting.recv(4) == b"SSH-":
                    return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"sshd did not start: {log.read_text('utf-8', 'replace')}")
