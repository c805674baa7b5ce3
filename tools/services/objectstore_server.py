"""The process of the object store: serves moto's S3 and opens and closes its door when told on its input.

Called with the name of a bucket to make, and for TLS the files of a certificate and its key. Writes its
port, then a line for each word it obeyed: ``up`` or ``down``. Ends with its input.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import MotoRequestHandler
from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import ThreadedWSGIServer


class _Server(ThreadedWSGIServer):
    """Knows its connections, to be able to break them."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.open: set[socket.socket] = set()
        super().__init__(*arguments, **options)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is nobody's fault."""

    def break_all(self) -> None:
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Door:
    """The one port on which the store is reached, open or closed."""

    def __init__(self, files: tuple[str, str] | None) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._files = files
        self._server: _Server | None = None
        self.port = 0

    def up(self) -> None:
        if self._server is not None:
            return
        self._server = _Server("127.0.0.1", self.port, self._app, MotoRequestHandler, ssl_context=self._files)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.break_all()


def main() -> None:
    logging.disable(logging.CRITICAL)
    bucket, *files = sys.argv[1:]
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(bucket, "us-east-1")
    door = Door((files[0], files[1]) if files else None)
    door.up()
    sys.stdout.write(f"{door.port}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        {"up": door.up, "down": door.down}[line.strip()]()
        sys.stdout.write(f"{line.strip()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
