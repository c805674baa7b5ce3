"""The command ``wasl`` for shell scripts of tests, in real processes that need not import everything first.

A server imports the gateway once and forks for every command; what stands in ``PATH`` as ``wasl`` hands it
the arguments, the folder, the environment and the three streams, and ends as the command did.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CLIENT = """#!{python} -SE
import json, os, socket, sys
asked = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
with socket.socket(socket.AF_UNIX) as line:
    line.connect({address!r})
    socket.send_fds(line, [len(asked).to_bytes(4, "big")], [0, 1, 2])
    line.sendall(asked)
    told = line.recv(1)
sys.exit(told[0] if told else 70)
"""


@contextmanager
def quick_wasl(folder: Path) -> Iterator[Path]:
    """A folder for ``PATH`` with the command ``wasl``, for the length of the block."""
    place, address = folder / "quick-bin", str(folder / "quick")
    place.mkdir()
    script = place / "wasl"
    script.write_text(_CLIENT.format(python=sys.executable, address=address))
    script.chmod(0o700)
    command = [sys.executable, "-m", "tests.support.quick", address]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield place
        finally:
            process.terminate()
            process.wait(30)


def serve(address: str) -> None:
    """Answer until told to stop."""
    from gateway.bootstrap import kinds
    from gateway.cli import main
    from tests.support.commands import load_all, read_all

    load_all()
    kinds.find_adapters()
    read_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen(16)
        print("ready", flush=True)
        while True:
            line, _ = door.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                door.close()
                _be(line, main)
            line.close()


def _be(line: socket.socket, main: object) -> None:
    """Be the command that is asked for, and tell how it ended."""
    status = 70
    try:
        head, streams, _, _ = socket.recv_fds(line, 4, 3)
        asked = b""
        while len(asked) < int.from_bytes(head, "big"):
            asked += line.recv(65_536)
        arguments, folder, environment = json.loads(asked)
        for source, target in zip(streams, (0, 1, 2), strict=True):
            os.dup2(source, target)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["wasl", *arguments]
        main()  # type: ignore[operator]
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        line.sendall(bytes([status]))
        os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1])
