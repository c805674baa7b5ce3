"""A hub as its operator runs it, in processes of its own: ``wasl serve`` and ``wasl worker``."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from gateway.cli.demo.world import Program, World, wasl
from tests.support.live import free_port


@dataclass(frozen=True)
class Served:
    """A running hub.

    Attributes:
        environment: of every process that belongs to it.
    """

    url: str
    environment: dict[str, str]

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
def served(folder: Path) -> Iterator[Served]:
    """A hub for the length of the block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WASL_")},
        "WASL_HOME": str(folder / "home"),
        "WASL_WEB_PORT": str(port),
        "WASL_WEB_PROCESSES": "1",
        "WASL_HUB_PUBLIC_URL": url,
    }
    hub = World()
    hub.add(Program("serve", wasl("serve"), f"{url}/health/live", folder / "serve.log", environment))
    hub.add(Program("worker", wasl("worker"), None, folder / "worker.log", environment))
    try:
        hub.start(Event())
        yield Served(url, environment)
    finally:
        hub.stop()
