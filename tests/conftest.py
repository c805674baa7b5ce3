"""What holds for all tests: memory is looked through seldom, and the end says which servers were used."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from tests.support import told

_ELSEWHERE: list[str] = []


_FRESH = 20_000
"""How many new objects there are before those that nobody holds are looked for; usually 700."""


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: to look through it again and again is a tenth of all work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_FRESH, *gc.get_threshold()[1:])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process among several hands its sentences to the one that reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["wasl_told"] = told.sentences()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take such a process's sentences."""
    _ELSEWHERE.extend(getattr(node, "workeroutput", {}).get("wasl_told", ()))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say them."""
    for sentence in sorted({*told.sentences(), *_ELSEWHERE}):
        terminalreporter.write_line(f"used {sentence}")
