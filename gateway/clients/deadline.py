"""Cuts a connection off when its whole time is over, however slowly the other side keeps it alive."""

from __future__ import annotations

import contextlib
import socket
import time
from functools import partial
from types import TracebackType
from typing import Self

from gateway.clients.alarm import Alarm, Set


class Deadline:
    """A span of seconds that starts now; `guard` makes it bind a connection too."""

    def __init__(self, seconds: float, alarm: Alarm) -> None:
        self.seconds = seconds
        self._alarm = alarm
        self._end = time.monotonic() + seconds
        self._set: Set | None = None
        self._cut = False

    @property
    def over(self) -> bool:
        """Whether the time is over, or the connection was cut because of it."""
        return self._cut or self.remaining(1) <= 0

    def remaining(self, at_most: float) -> float:
        """Seconds left, and no more than ``at_most``; never below zero."""
        return max(0.0, min(at_most, self._end - time.monotonic()))

    def guard(self, connection: socket.socket) -> None:
        """Cut this connection off at the end: whoever reads from it or writes to it goes on at once."""
        self._set = self._alarm.set(self.remaining(self.seconds), partial(self._cut_off, connection))

    def _cut_off(self, connection: socket.socket) -> None:
        self._cut = True
        with contextlib.suppress(OSError):
            # Below TLS: its own shutdown would go on reading in clear.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._set is not None:
            self._set.cancel()
