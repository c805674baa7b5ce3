"""Hubs as their clients meet them: web and worker processes on loopback."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.cli.demo.world import wasl
from tests.support.hub import HubUnderTest, make_hub
from tests.support.live import free_port
from tests.support.tls import make_tls
from tools.services import Tls

_PATIENCE_S = 60


@dataclass(frozen=True)
class Served:
    """A running hub with the parties of tests.

    Attributes:
        address: what its public address is.
        authority: the file of the authority of its TLS certificate.
    """

    hub: HubUnderTest
    address: str
    authority: Path

    def fetch(self, path: str) -> bytes:
        """What is at ``path``, as soon as it is there.

        Raises:
            OSError: it does not come.
        """
        return _fetched(f"{self.address}{path}", self.authority)

    def client_pem(self, holder: str) -> Path:
        """Certificate and key of a party in one file, as many clients want them."""
        pki, path = self.hub.pki, self.hub.home / f"{holder}-client.pem"
        path.write_bytes(pki.certificate_path(holder).read_bytes() + pki.key_path(holder).read_bytes())
        return path


@dataclass(frozen=True)
class Operated:
    """A running hub that has nobody yet, with the command line of its operator.

    Attributes:
        environment: of every process that belongs to it.
    """

    url: str
    environment: Mapping[str, str]

    @property
    def home(self) -> Path:
        return Path(self.environment["WASL_HOME"])

    def wasl(self, *arguments: object) -> str:
        """What a command says that does what it shall."""
        done = subprocess.run(
            wasl(*map(str, arguments)), env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def party(self, folder: Path, *more: str) -> dict[str, Any]:
        """A new party for tests; its folder is ``folder``."""
        made: dict[str, Any] = json.loads(
            self.wasl("party", "test", folder.name, "--out", folder, "--json", *more)
        )
        return made


@contextmanager
def served(folder: Path, *, tls: bool = True, **settings: str) -> Iterator[Served]:
    """A hub with the parties of tests whose processes run for the length of the block.

    Args:
        tls: it speaks TLS itself and asks for client certificates; otherwise plain HTTP.
    """
    port, own = free_port(), make_tls(folder / "tls")
    address = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    environment = {
        **_listening(port, address),
        **(_tls(own) if tls else {}),
        "WASL_WORKER_POLL_SECONDS": "0.2",
        "WASL_LEDGER_CHECKPOINT_SECONDS": "0.2",
        "WASL_LEDGER_POLL_SECONDS": "0.1",
        "WASL_TIMESTAMPS_RETRY_SECONDS": "0.2",
        **settings,
    }
    hub = make_hub(folder / "home", **environment)
    with _running(folder, {**_bare(), **environment, "WASL_HOME": str(hub.home)}, address, own.authority):
        yield Served(hub, address, own.authority)


@contextmanager
def operated(folder: Path) -> Iterator[Operated]:
    """A hub that makes everything that it needs by itself, for the length of the block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {**_bare(), **_listening(port, url), "WASL_HOME": str(folder / "home")}
    with _running(folder, environment, url, None):
        yield Operated(url, environment)


def _bare() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("WASL_")}


def _listening(port: int, address: str) -> dict[str, str]:
    return {
        "WASL_WEB_PORT": str(port),
        "WASL_WEB_PROCESSES": "1",
        "WASL_HUB_PUBLIC_URL": address,
    }


def _tls(files: Tls) -> dict[str, str]:
    return {
        "WASL_WEB_TLS_CERTIFICATE": str(files.certificate),
        "WASL_WEB_TLS_KEY": str(files.key),
        "WASL_WEB_TLS_CLIENTS": "true",
    }


@contextmanager
def _running(
    folder: Path, environment: Mapping[str, str], address: str, authority: Path | None
) -> Iterator[None]:
    """The two processes, from when the hub answers; what they write is in a file of ``folder``."""
    log, running = folder / "processes.log", []
    try:
        for command in ("serve", "worker"):  # the worker when the first has made the home
            with log.open("ab") as out:
                process = subprocess.Popen(wasl(command), env=environment, stdout=out, stderr=out)
            running.append(process)
            _await(process, f"{address}/health/live", authority, log)
        yield
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(_PATIENCE_S)


def _await(process: subprocess.Popen[bytes], url: str, authority: Path | None, log: Path) -> None:
    try:
        _fetched(url, authority, lambda: process.poll() is None)
    except OSError as error:
        raise AssertionError(log.read_text("utf-8")) from error


def _fetched(url: str, authority: Path | None, while_true: Callable[[], bool] = lambda: True) -> bytes:
    context = ssl.create_default_context(cafile=None if authority is None else str(authority))
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5, context=context) as answer:
                return bytes(answer.read())
        except OSError:
            if time.monotonic() > end or not while_true():
                raise
            time.sleep(0.1)
