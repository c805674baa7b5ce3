"""``python -m tools.services [--volatile] -- COMMAND ...``: run a command on the scaled shape.

Starts PostgreSQL, RabbitMQ and an object store, unless WASL_DATABASE_URL, WASL_BROKER_URL or
WASL_PAYLOADS_S3_ENDPOINT (or WASL_TEST_DATABASE_URL, WASL_TEST_BROKER_URL, WASL_TEST_S3_URL) name one; runs
the command with the variables of the scaled profile; passes signals on; ends everything. The status is the
command's, 3 if something could not be started, 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from types import FrameType

from tools.services.service import NotStarted
from tools.services.stack import Stack, stack

_CANNOT = 3
_NOT_FOUND = 127
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Stopped(Exception):
    """Somebody wants everything to end."""


def main(arguments: list[str]) -> int:
    """The status to end with."""
    parser = argparse.ArgumentParser("python -m tools.services", description="Run a command, scaled.")
    parser.add_argument("--volatile", action="store_true", help="commits need not be durable (for tests)")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND ...")
    given = parser.parse_args(arguments)
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    if not command:
        parser.error("which command?")
    signals = _Signals()
    try:
        with stack(os.environ, given.volatile) as running:
            return _run(command, running, signals)
    except NotStarted as error:
        _say(str(error))
        return _CANNOT
    except _Stopped as stopped:
        return 128 + int(stopped.args[0])


class _Signals:
    """What becomes of a signal: the command's if it runs, else the end."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        for number in _PASSED_ON:
            signal.signal(number, self._take)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self.process is None:
            raise _Stopped(number)
        self.process.send_signal(number)


def _run(command: list[str], running: Stack, signals: _Signals) -> int:
    for sentence in running.told:
        _say(sentence)
    try:
        # in a session of its own, so that Ctrl-C reaches it once, by us
        signals.process = subprocess.Popen(  # noqa: S603 - what the caller asked for
            command, env={**os.environ, **running.environment}, start_new_session=True
        )
    except OSError as error:
        _say(f"{command[0]}: {error.strerror}")
        return _NOT_FOUND
    status = signals.process.wait()
    return status if status >= 0 else 128 - status


def _say(sentence: str) -> None:
    sys.stderr.write(f"wasl: {sentence}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
