"""Something that is called at regular intervals by a thread of its own, for the length of a block."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread

import structlog

from gateway.domain.errors import GatewayFault

_log = structlog.get_logger()


class Pulse:
    """Calls ``beat`` every so many seconds; a beat that fails is logged, and the next one comes.

    A thread of its own: it must go on while all others are busy, or are told to stop.
    """

    def __init__(self, beat: Callable[[], object], seconds: float) -> None:
        self._beat, self._seconds = beat, seconds
        self._ended = Event()
        self._thread = Thread(target=self._run, name="pulse", daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self._beat()
            except GatewayFault as fault:
                _log.warning("beat missed", cause=str(fault))
            except Exception:  # noqa: BLE001 - decides nothing; leases hold until they run out
                _log.exception("beat failed")
