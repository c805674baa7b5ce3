"""The demonstration's processes: each is started, waited for, and stopped by whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from gateway.domain.errors import Misconfigured
from gateway.workers.stop import Stop

_READY_S = 30.0
_STOP_S = 15.0


@dataclass
class Program:
    """One process of the demonstration, with its output in a log file."""

    name: str
    command: list[str]
    ready_url: str | None
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process and wait until it answers.

        Raises:
            Misconfigured: it ended, or did not answer in time.
        """
        if self.running:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own programs, our own arguments
                self.command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **self.environment},
                start_new_session=True,  # Ctrl-C reaches only the demonstration, which stops them in order
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            if not self.running:
                raise Misconfigured([f"{self.name} did not start; see {self.log}"])
            if self.ready_url is None or _answers(self.ready_url):
                return
            time.sleep(0.1)
        raise Misconfigured([f"{self.name} did not answer within {_READY_S:.0f} s; see {self.log}"])

    def stop(self) -> None:
        """Stop the process; kill it when it does not end in time."""
        if self.process is None or not self.running:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - loopback, our own
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@dataclass
class World:
    """Everything that the demonstration runs."""

    programs: dict[str, Program] = field(default_factory=dict)

    def add(self, program: Program) -> None:
        self.programs[program.name] = program

    def start(self, stopped: Stop) -> None:
        """Start everything, in order, unless somebody wants it stopped meanwhile.

        Raises:
            Misconfigured: a program ended, or did not answer in time.
        """
        for program in self.programs.values():
            if not stopped.is_set():
                program.start()

    def stop(self) -> None:
        """Stop everything, the last started first."""
        for program in reversed(self.programs.values()):
            program.stop()


def wasl(*arguments: str) -> list[str]:
    """The command line of this installation's ``wasl``."""
    return [sys.executable, "-m", "gateway", *arguments]
