from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.domain.errors import Unavailable
from gateway.store.engine import make_engine
from gateway.store.filelock import FileLock
from gateway.store.leader import FileLead, Lead, make_lead
from gateway.store.sessions import Store


def lead(folder: Path) -> FileLead:
    return FileLead(FileLock(folder / "jobs.lock"))


def ask(pipe: Any, folder: Path) -> None:
    mine = lead(folder)
    while pipe.recv() == "ask":
        pipe.send(mine.leads())


def test_whoever_leads_goes_on_leading(tmp_path: Path) -> None:
    mine = lead(tmp_path)
    assert [mine.leads(), mine.leads()] == [True, True]


def test_one_leads_at_a_time_until_it_resigns(tmp_path: Path) -> None:
    mine, other = lead(tmp_path), lead(tmp_path)
    assert (mine.leads(), other.leads()) == (True, False)
    mine.resign()
    mine.resign()
    assert (other.leads(), mine.leads()) == (True, False)


def test_a_leader_that_dies_is_followed_by_another(tmp_path: Path, other_process: Any) -> None:
    process, pipe = other_process(ask, tmp_path)
    pipe.send("ask")
    assert pipe.recv() is True
    mine = lead(tmp_path)
    assert not mine.leads()
    process.kill()
    process.join()
    assert mine.leads()


def test_a_lead_that_cannot_be_asked_for_is_not_assumed(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        lead(tmp_path / "missing").leads()


def test_a_database_of_one_machine_is_led_by_a_file_beside_it(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/hub.db", tmp_path / "hub.lock")
    mine: Lead = make_lead(engine, "jobs", tmp_path)
    other: Lead = make_lead(engine, "jobs", tmp_path)
    assert (mine.leads(), other.leads()) == (True, False)
    with Store(engine).sole("ledger") as one, Store(engine).sole("ledger") as another:
        assert (one, another) == (True, True)  # on one machine the lock beside the ledger's head decides
    mine.resign()
    engine.dispose()
