"""An object store of our own: moto's S3 server, which stands in for a real one and keeps all in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools.services.service import NotStarted, Service
from tools.services.tls import Tls

_STOP_S = 10


class ObjectStore(Service):
    """A process on a free port of loopback that ends with us; it knows one bucket, ``wasl``.

    moto keeps nothing on disk, as no real store does: killing its process would lose what a real one made
    durable. So stopping it closes its door and breaks its connections, and its memory stays.

    ``url`` is without the bucket.
    """

    access_key, secret_key, bucket = "wasl", "wasl-stand-in", "wasl"

    def __init__(self, tls: Tls | None = None) -> None:
        """Raises:
        NotStarted: moto is not installed.
        """
        module = Path(__file__).with_name("objectstore_server.py")
        files = (str(tls.certificate), str(tls.key)) if tls else ()
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, str(module), self.bucket, *files],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"},
            start_new_session=True,
        )  # fmt: skip
        port = self._hear()
        scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
        self._url = f"{scheme}://{host}:{port}"
        self.told = f"a stand-in of its own (moto, in memory) at {self.url}"

    @property
    def url(self) -> str:
        return self._url

    def start(self) -> None:
        self._say("up")

    def stop(self) -> None:
        self._say("down")

    def stop_abruptly(self) -> None:
        self.stop()  # it has nothing to bring in order

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - we asked for a pipe
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        self._hear()

    def _hear(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - we asked for a pipe
        line = self._process.stdout.readline().strip()
        if line:
            return line
        _, said = self._process.communicate(timeout=_STOP_S)
        last = said.strip().rpartition("\n")[2]
        raise NotStarted(f"no object store: install moto[s3] (the extra [stand-ins] has it); {last}")
