"""A hub that listens on this machine, in this process: what a partner's program speaks to in tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.hub import MINISTRY, NAMES, Clock, HubUnderTest
from tests.support.systems import Simulator, accept, fresh_hub, state


class _Silent(WSGIRequestHandler):
    def log(self, *_: object, **__: object) -> None:
        """Say nothing."""


class Running(Clock):
    """The time as it is: programs that speak to the hub have no other."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True)
class LiveHub:
    """A hub that listens; its services may be swapped while it does."""

    hub: HubUnderTest
    url: str

    def who(self, party: str = MINISTRY) -> tuple[object, ...]:
        """A party's arguments for a command."""
        name, pki = NAMES[party], self.hub.pki
        files = ("--key", pki.key_path(name), "--cert", pki.certificate_path(name))
        return ("--hub", self.url, "--party", party, *files)

    def lying(self, office: str, *files: Path, **letter: object) -> str:
        """A letter that lies ready in an office's inbox; its delivery."""
        [delivery] = accept(self.hub, office, files=files, **letter)  # type: ignore[arg-type]
        self.hub.dispatch().run_once(100)
        assert state(self.hub, delivery) == "AVAILABLE"
        return delivery


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def live_hub(folder: Path) -> Iterator[LiveHub]:
    """A hub at a port of its own for the length of the block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    hub = fresh_hub(folder, Simulator(), Running(), WASL_HUB_PUBLIC_URL=url)
    server = make_server(
        "127.0.0.1",
        port,
        lambda environ, start: hub.app(environ, start),
        threaded=True,
        request_handler=_Silent,
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield LiveHub(hub, url)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
