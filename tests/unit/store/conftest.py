"""A database with one table, and other processes to compete with."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from gateway.store.engine import make_engine
from gateway.store.sessions import Store

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path}/hub.db", tmp_path / "hub.lock", busy_s=0.3)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE book (number INTEGER PRIMARY KEY, entry TEXT NOT NULL)"))
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine)


@pytest.fixture
def other_process() -> Iterator[Callable[..., Any]]:
    """Start a function in a process of its own; it gets one end of a pipe, the caller the other."""
    started = []

    def start(function: Callable[..., None], *arguments: Any) -> Any:
        here, there = FORK.Pipe()
        process = FORK.Process(target=function, args=(there, *arguments), daemon=True)
        process.start()
        started.append((process, here))
        there.close()
        return process, here

    yield start
    for process, pipe in started:
        pipe.close()
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()
