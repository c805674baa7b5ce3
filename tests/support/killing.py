"""Runs the command ``wasl`` in processes of its own, each killed at the step that a test names by number.

A step is whatever the world can see: a file gets its place, a request leaves, an answer came. As a program
it imports everything once, then forks for every line it reads: ``[step or 0, argument, …]``; it answers
``[status, name of the step at which it was killed or null, what was said]``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True)
class Run:
    """How a run ended; ``killed`` names the step at which it was."""

    status: int
    killed: str | None
    said: str


@dataclass(frozen=True)
class Killing:
    """Starts runs, one after the other."""

    process: subprocess.Popen[str]

    def run(self, *arguments: object, at: int = 0) -> Run:
        """One run, killed at its step number ``at`` (from 1), or never."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([at, *map(str, arguments)]) + "\n")
        self.process.stdin.flush()
        return Run(*json.loads(self.process.stdout.readline()))


@contextmanager
def killing() -> Iterator[Killing]:
    """A server of runs for the length of the block."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WASL_")}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.killing"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            yield Killing(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)


def main() -> None:
    """Answer one line for each line read."""
    from gateway import cli
    from gateway.clients.http import GuardedHttp
    from tests.support.commands import load_all, read_all

    load_all()
    read_all()
    for line in sys.stdin:
        at, *arguments = json.loads(line)
        with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as step:
            child = os.fork()
            if child == 0:
                _become(arguments, said, _Steps(at, step), GuardedHttp)
                cli.main()
                os._exit(0)
            _, status = os.waitpid(child, 0)
            said.seek(0)
            step.seek(0)
            ended = [os.waitstatus_to_exitcode(status), step.read() or None, said.read()]
        print(json.dumps(ended), flush=True)


@dataclass
class _Steps:
    """Counts down to the step at which the process is killed, and writes down which one that was."""

    left: int
    told: IO[str]

    def here(self, name: str) -> None:
        self.left -= 1
        if self.left == 0:
            self.told.write(name)
            self.told.flush()
            os.kill(os.getpid(), signal.SIGKILL)


def _become(arguments: list[str], said: IO[str], steps: _Steps, http: Any) -> None:
    sys.argv = ["wasl", *arguments]
    sys.stdout = sys.stderr = said
    os.rename = _around(os.rename, steps, "rename")  # type: ignore[assignment]
    os.replace = _around(os.replace, steps, "replace")  # type: ignore[assignment]
    http.request = _around(http.request, steps, "request", also_after=True)


def _around(
    real: Callable[..., Any], steps: _Steps, name: str, *, also_after: bool = False
) -> Callable[..., Any]:
    """After a file got its place nothing happens until the next step; an answer may be lost though."""

    def stepped(*arguments: Any, **more: Any) -> Any:
        what = " ".join(Path(str(one)).name for one in arguments if not hasattr(one, "request"))
        steps.here(f"before {name} {what}")
        done = real(*arguments, **more)
        if also_after:
            steps.here(f"after {name} {what}")
        return done

    return stepped


if __name__ == "__main__":
    main()
