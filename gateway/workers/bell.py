"""Where there is no broker: rings from web processes of the same machine let a worker's places look."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import structlog

from gateway.clients.doorbell import Ear
from gateway.workers.places import Places

_WAIT_FOR_A_PLACE_S = 0.5
"""Short, because a worker that is told to stop waits for this."""

_log = structlog.get_logger()


class BellListener:
    """Listens in a thread for the length of a block; without a pipe the places look by themselves alone.

    A ring is left to other workers until a place is free here.
    """

    def __init__(self, path: Path, places: Places) -> None:
        self._path, self._places = path, places
        self._open = ExitStack()

    def __enter__(self) -> BellListener:
        try:
            ear = Ear(self._path)
        except OSError as error:
            _log.warning("no doorbell, letters wait until a worker looks", cause=type(error).__name__)
            return self
        thread = Thread(target=self._run, args=(ear,), name="doorbell", daemon=True)
        thread.start()
        self._open.callback(ear.close)
        self._open.callback(thread.join)
        self._open.callback(ear.stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _run(self, ear: Ear) -> None:
        while ear.heard():
            if self._places.wait_for_one(_WAIT_FOR_A_PLACE_S) and ear.take():
                self._places.wake()
