"""A log tells; it never decides."""

from __future__ import annotations

import errno
import io
import json
import subprocess
import sys

import pytest
import structlog

from gateway.logs import Lines

LIBRARY = """
import logging, sys
from gateway import logs
from gateway.settings import Log
logs.configure(Log(level="INFO", format=sys.argv[1]))
logging.getLogger("some.library").info("nothing of interest")
logging.getLogger("some.library").warning("it is %s\\nindeed", "late")
try:
    raise ValueError("Madame X. asks for a certificate")
except ValueError:
    logging.getLogger("some.library").exception("a job failed")
logging.getLogger("some.library").warning("%d is no number", "x")
logging.getLogger("apscheduler.scheduler").warning("skipped: maximum number of running instances reached")
logging.getLogger("psycopg").warning("error ignored terminating")
"""
"""What libraries say in a process whose log was set up."""
SERVER = """
from gunicorn.config import Config
from gateway import logs
from gateway.cli.process import ServerLog
from gateway.settings import Log
logs.configure(Log(level="INFO", format="json"))
config = Config()
config.set("loglevel", "warning")
server = ServerLog(config)
server.setup(config)  # as at a reload
server.info("Booting worker")
server.error("Worker (pid:%s) was sent SIGKILL!", 7)
"""


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


def said(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", *words], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stderr


def test_what_the_web_server_says_is_an_event_like_ours() -> None:
    [line] = [json.loads(line) for line in said(SERVER).splitlines()]
    assert (line["event"], line["level"]) == ("Worker (pid:7) was sent SIGKILL!", "error")


def test_what_a_library_logs_is_an_event_like_ours() -> None:
    lines = [json.loads(line) for line in said(LIBRARY, "json").splitlines()]
    assert [(line["level"], line["event"]) for line in lines] == [
        ("warning", "it is late\nindeed"),
        ("error", "a job failed"),
    ]
    assert {line["library"] for line in lines} == {"some.library"}
    assert "ValueError at <string>" in lines[1]["exception"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_a_library_failed_for_is_not_quoted(form: str) -> None:
    told = said(LIBRARY, form)
    assert "a job failed" in told
    assert "ValueError" in told
    assert "Madame" not in told
