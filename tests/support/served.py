"""A hub as its clients meet it: web and worker processes, over TLS, on loopback."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.hub import HubUnderTest, make_hub
from tests.support.tls import make_tls
from tools.services import Tls

_PATIENCE_S = 60


@dataclass(frozen=True)
class Served:
    """A running hub.

    Attributes:
        address: what its public address is.
        authority: the file of the authority of its TLS certificate.
    """

    hub: HubUnderTest
    address: str
    authority: Path

    def fetch(self, path: str, while_true: Callable[[], bool] = lambda: True) -> bytes:
        """What is at ``path``, as soon as it is there.

        Raises:
            OSError: it does not come.
        """
        context = ssl.create_default_context(cafile=str(self.authority))
        end = time.monotonic() + _PATIENCE_S
        while True:
            try:
                with urllib.request.urlopen(f"{self.address}{path}", timeout=5, context=context) as answer:
                    return bytes(answer.read())
            except OSError:
                if time.monotonic() > end or not while_true():
                    raise
                time.sleep(0.1)

    def client_pem(self, holder: str) -> Path:
        """Certificate and key of a party in one file, as many clients want them."""
        pki, path = self.hub.pki, self.hub.home / f"{holder}-client.pem"
        path.write_bytes(pki.certificate_path(holder).read_bytes() + pki.key_path(holder).read_bytes())
        return path


@contextmanager
def served(folder: Path, *, tls: bool = True, **settings: str) -> Iterator[Served]:
    """A hub with the parties of tests whose processes run for the length of the block.

    Args:
        tls: it speaks TLS itself and asks for client certificates; otherwise plain HTTP.
    """
    port, own = free_port(), make_tls(folder / "tls")
    address = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    environment = {
        "WASL_WEB_PORT": str(port),
        "WASL_WEB_PROCESSES": "1",
        "WASL_HUB_PUBLIC_URL": address,
        **(_tls(own) if tls else {}),
        "WASL_WORKER_POLL_SECONDS": "0.2",
        "WASL_LEDGER_CHECKPOINT_SECONDS": "0.2",
        "WASL_LEDGER_POLL_SECONDS": "0.1",
        "WASL_TIMESTAMPS_RETRY_SECONDS": "0.2",
        **settings,
    }
    made = Served(make_hub(folder / "home", **environment), address, own.authority)
    log = folder / "processes.log"
    running = [_started(name, made.hub.home, environment, log) for name in ("serve", "worker")]
    try:
        _await(made, running, log)
        yield made
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(_PATIENCE_S)


def _tls(files: Tls) -> dict[str, str]:
    return {
        "WASL_WEB_TLS_CERTIFICATE": str(files.certificate),
        "WASL_WEB_TLS_KEY": str(files.key),
        "WASL_WEB_TLS_CLIENTS": "true",
    }


def _started(command: str, home: Path, environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("WASL_")}
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "gateway", command],
            env={**bare, **environment, "WASL_HOME": str(home)},
            stdout=out,
            stderr=out,
        )


def _await(made: Served, running: list[subprocess.Popen[bytes]], log: Path) -> None:
    try:
        made.fetch("/health/live", lambda: all(process.poll() is None for process in running))
    except OSError as error:
        raise AssertionError(log.read_text("utf-8")) from error


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
