"""What is said at the end of the tests: which servers they used."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import told

_ELSEWHERE: list[str] = []


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
