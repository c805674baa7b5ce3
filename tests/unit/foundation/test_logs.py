"""A log tells; it never decides."""

from __future__ import annotations

import errno
import io

import structlog

from gateway.logs import Lines


class FullDisk(io.StringIO):
    """A log file on a disk without room."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_an_event_is_one_line() -> None:
    stream = io.StringIO()
    log = structlog.wrap_logger(Lines(stream), processors=[structlog.processors.JSONRenderer()])
    log.info("delivery taken over", delivery="d-1")
    log.warning("beat missed")
    assert [line.count("{") for line in stream.getvalue().splitlines()] == [1, 1]


def test_a_line_that_cannot_be_written_troubles_nobody() -> None:
    log = structlog.wrap_logger(Lines(FullDisk()), processors=[structlog.processors.JSONRenderer()])
    for level in ("debug", "info", "warning", "error", "critical", "exception"):
        getattr(log, level)("route changed", office="B0000002-4")
