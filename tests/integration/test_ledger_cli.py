"""The command ``wasl ledger`` over a real home."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.bootstrap.evidence import sequencer
from gateway.cli import wasl
from gateway.domain.evidence.ledger import cited
from gateway.wire.tlog import read_proof
from tests.support.hub import HubUnderTest, make_hub

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two receipts in the ledger."""
    folder = tmp_path_factory.mktemp("hub")
    hub = make_hub(folder, WASL_LEDGER_CHECKPOINT_LEAVES="2")
    _letters(hub, 2)
    hub.gateway.store.engine.dispose()
    return folder


def _letters(hub: HubUnderTest, count: int) -> None:
    for _ in range(count):
        assert hub.post(hub.signed()).status_code == 201
    sequencer(hub.gateway).run()


@pytest.fixture
def home(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = Path(shutil.copytree(good, tmp_path / "home"))
    monkeypatch.setenv("WASL_HOME", str(copy))
    return copy


@pytest.fixture
def run(home: Path) -> Run:
    return lambda *arguments: CliRunner().invoke(wasl, ["ledger", *arguments])


def roll_back(home: Path) -> None:
    """As if the database had been brought back from a time when the ledger had one entry less."""
    head = home / "ledger-head"
    origin, size, root = head.read_text().splitlines()
    head.write_text(f"{origin}\n{int(size) + 1}\n{root}\n")


def test_status_tells_how_far_the_ledgers_have_come(run: Run) -> None:
    told = json.loads(run("status", "--json").stdout)
    assert [(one["origin"], one["size"], one["waiting"], one["unstamped"]) for one in told] == [
        ("demo-hub.test/ledger", 2, 0, 1),
        ("demo-hub.test/ledger/test", 0, 0, 0),
    ]
    assert "2 entries" in run("status").stdout


def test_status_says_no_when_the_database_was_rolled_back(home: Path, run: Run) -> None:
    roll_back(home)
    result = run("status")
    assert (result.exit_code, "rolled back" in result.stderr) == (1, True)


def test_good_evidence_verifies(run: Run) -> None:
    result = run("verify")
    assert (result.exit_code, result.stdout) == (0, "2 entries, 0 findings\n")


def test_findings_are_told_one_by_one(home: Path, run: Run) -> None:
    with sqlite3.connect(home / "wasl.sqlite3") as database:
        database.execute("UPDATE ledger_leaf SET octets = x'00' WHERE position = 1")
    database.close()
    lines = [json.loads(line) for line in run("verify", "--json").stdout.splitlines()]
    assert lines[0] == {"code": "ledger.entry-changed", "origin": "demo-hub.test/ledger", "position": "1"}
    people = run("verify", "--language", "fr")
    assert people.exit_code == 1
    assert "ledger.entry-changed  Journal demo-hub.test/ledger" in people.stdout


def test_proof_is_written(home: Path, run: Run, tmp_path: Path) -> None:
    with sqlite3.connect(home / "wasl.sqlite3") as database:
        digest = database.execute("SELECT content_digest FROM receipt ORDER BY id DESC LIMIT 1").fetchone()[0]
    database.close()
    file = tmp_path / "receipt.tlog-proof"
    assert run("proof", digest.upper(), "--output", str(file)).exit_code == 0
    assert read_proof(file.read_bytes()).index == 1
    assert run("proof", digest).stdout_bytes == file.read_bytes()
    assert run("proof", "0" * 64).exit_code == 1


def test_ledger_is_continued_only_after_a_rollback_and_only_when_meant(home: Path, run: Run) -> None:
    assert run("continue", "--yes").exit_code == 1
    roll_back(home)
    assert run("continue").exit_code == 2
    told = json.loads(run("continue", "--yes", "--json").stdout)
    assert told["before"]["size"] == 3
    assert told["origin"] == "demo-hub.test/ledger/2"
    assert told["vkey"] in Path(told["file"]).read_text()
    with sqlite3.connect(home / "wasl.sqlite3") as database:
        first = database.execute("SELECT octets FROM ledger_leaf WHERE ledger = 2").fetchone()[0]
    database.close()
    before = cited(first)
    assert before is not None
    assert before.size == 3


def test_lost_head_is_kept_anew_only_when_meant(home: Path, run: Run) -> None:
    assert run("keep-head", "--yes").exit_code == 1
    before = (home / "ledger-head").read_bytes()
    (home / "ledger-head").unlink()
    assert run("status").exit_code == 1
    assert run("keep-head").exit_code == 2
    assert run("keep-head", "--yes").exit_code == 0
    assert (home / "ledger-head").read_bytes() == before
