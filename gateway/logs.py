"""Structured logs: one line an event, to standard error, no payload and no secret in any."""

from __future__ import annotations

import logging
import sys

import structlog

from gateway.settings import Log


def configure(log: Log) -> None:
    """Set the process's logging up; libraries log warnings and worse only."""
    level = logging.getLevelNamesMapping()[log.level]
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    last = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
