"""Structured logs: one line an event, to standard error, no payload and no secret in any."""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import structlog

from gateway.settings import Log

_CHATTY = (
    "apscheduler.scheduler",  # a job is not begun while it still runs: as it is meant to be
    "psycopg",  # what failed because of an error that it has just raised
)


def configure(log: Log) -> None:
    """Set the process's logging up; libraries log warnings and worse only."""
    level = logging.getLevelNamesMapping()[log.level]
    logging.basicConfig(level=logging.WARNING, handlers=[Libraries()])
    for library in _CHATTY:
        logging.getLogger(library).setLevel(logging.ERROR)
    last = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log.format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(places),
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: Lines(sys.stderr),
        cache_logger_on_first_use=True,
    )


def beside_output() -> None:
    """Keep standard output for what a command says itself: what is logged goes to standard error."""
    structlog.configure(logger_factory=lambda *_: Lines(sys.stderr))


class Libraries(logging.Handler):
    """Makes an event of what a library logs: also that is one line, in the form that was asked for."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Exception):  # as the library would: nothing may fail for a line about it
            told: dict[str, Any] = {"exc_info": record.exc_info} if record.exc_info else {}
            structlog.get_logger().log(record.levelno, record.getMessage(), library=record.name, **told)


class Lines:
    """Writes each event as a line; one that cannot be written is lost, and changes nothing else.

    What becomes of a letter must not depend on whether there is room for a line about it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, message: str) -> None:
        with suppress(OSError):
            self._stream.write(message + "\n")
            self._stream.flush()

    log = debug = info = warn = warning = error = critical = fatal = failure = exception = msg


def places(exc_info: Any) -> str:
    """Where an exception and its causes came from, without their words: those may quote a letter."""
    error, lines = exc_info[1], []
    while error is not None:
        frames = reversed(traceback.extract_tb(error.__traceback__))
        way = ", ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
        lines.append(f"{type(error).__module__}.{type(error).__qualname__} at {way or 'nowhere'}")
        error = error.__cause__ or error.__context__
    return "\n".join(lines)
