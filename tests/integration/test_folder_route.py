"""A route to a watched folder under dispatch: where the hub may write, and what a dead worker leaves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from adapters.folder_local import LocalPlace
from gateway.bootstrap import trying
from gateway.domain.transit.exchange import Call
from tests.acceptance.test_cli import Shell
from tests.support.hub import HubUnderTest
from tests.support.systems import Simulator, accept, attempts, fresh_hub, route_of_commune, row, state, states

LEASE_S = 300


def watched(folder: Path, allowed: str | None = None, **options: Any) -> HubUnderTest:
    """A hub whose commune watches a folder, moving what it took to another one if it keeps letters."""
    for name in ("in", "done"):
        (folder / "drop" / name).mkdir(parents=True)
    environment = {"WASL_ADAPTERS_FOLDERS": str(folder / "drop") if allowed is None else allowed}
    hub = fresh_hub(folder / "home", Simulator(), **environment)
    plain = {
        "place": str(folder / "drop"),
        "inbox": "in",
        "taken": ["done"],
        "manifest": {"mapping": {"objet": "envelope.subject"}},
    }
    route_of_commune(hub, adapter="folder", options={**plain, **options})
    return hub


def letters(folder: Path) -> list[str]:
    """The letters that the system sees."""
    return sorted(
        f"{name}/{one.name}" for name in ("in", "done") for one in (folder / "drop" / name).iterdir()
    )


def test_letter_goes_where_the_hubs_operator_allows(tmp_path: Path) -> None:
    hub = watched(tmp_path)
    [delivery] = accept(hub, subject="طلب رخصة")
    hub.dispatch().run_once()
    assert state(hub, delivery) == "HANDED_OVER"
    assert letters(tmp_path) == [f"in/{delivery}"]
    assert "طلب رخصة" in (tmp_path / "drop" / "in" / delivery / "manifest.json").read_text("utf-8")


def exchanged(hub: HubUnderTest, delivery: str, number: int = 1) -> list[Call]:
    """What is kept of an attempt."""
    [found] = [one for one in trying.exchanges(hub.gateway).of(delivery) if one.number == number]
    assert found.exchange is not None
    return list(found.exchange.calls)


def test_every_step_of_an_attempt_is_kept_with_the_manifest_and_without_files(tmp_path: Path) -> None:
    hub = watched(tmp_path)
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(b"%PDF-1.7 a plan whose octets nobody may find again")
    [delivery] = accept(hub, files=(plan,), subject="DEMONSTRATION طلب رخصة")
    hub.dispatch().run_once()
    calls = exchanged(hub, delivery)
    assert [one.method for one in calls if one.method in ("OPEN", "MKDIR", "WRITE", "RENAME")] == [
        "OPEN", "MKDIR", "MKDIR", "WRITE", "WRITE", "WRITE", "RENAME",
    ]  # fmt: skip
    manifest = next(one for one in calls if one.url.endswith("/manifest.json"))
    laid = tmp_path / "drop" / "in" / delivery / "manifest.json"
    assert manifest.body == laid.read_text("utf-8")
    assert manifest.answer == f"{laid.stat().st_size} octets, on the disk"
    assert "nobody may find again" not in repr(calls)
    [last] = [one for one in calls if one.method == "RENAME"]
    assert last.headers == {"To": f"{tmp_path}/drop/in/{delivery}"}


def test_step_that_failed_says_how(tmp_path: Path) -> None:
    hub = watched(tmp_path)
    (tmp_path / "drop" / "in").rmdir()
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    last = exchanged(hub, delivery)[-1]
    assert (last.method, last.url, last.answer) == ("STAT", f"{tmp_path}/drop/in", "not there")
    (tmp_path / "drop" / "in").mkdir()
    (tmp_path / "drop" / ".wasl").write_bytes(b"a file where a folder should be")
    hub.clock.forward(seconds=30)
    hub.dispatch().run_once()
    last = exchanged(hub, delivery, 2)[-1]
    assert (last.method, last.url) == ("LIST", f"{tmp_path}/drop/.wasl")
    assert last.error == ".wasl: Not a directory: not permitted"


def test_command_shows_the_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = watched(tmp_path)
    [delivery] = accept(hub, subject="DEMONSTRATION طلب رخصة")
    hub.dispatch().run_once()
    shell = Shell(monkeypatch, capsys, hub.home)
    shell.set(WASL_DATABASE_URL=hub.gateway.settings.database.url)
    said = shell("delivery", "exchange", delivery)
    assert said.status == 0, said.err
    lines = [line.strip() for line in said.out.splitlines()]
    [at] = [at for at, line in enumerate(lines) if re.fullmatch(r"\+\d+ ms  RENAME .*", line)]
    assert lines[at + 1] == f"> To: {tmp_path}/drop/in/{delivery}"
    assert re.fullmatch(r"after \d+ ms: done", lines[at + 2])
    assert "DEMONSTRATION طلب رخصة" in said.out


@pytest.mark.parametrize("allowed", ["", "/nowhere"])
def test_letter_goes_nowhere_else_and_waits_for_the_operator(tmp_path: Path, allowed: str) -> None:
    hub = watched(tmp_path, allowed)
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "WAITING"
    assert [one.code for one in attempts(hub, delivery)] == ["WASL-DLV-006"]
    assert letters(tmp_path) == []


def test_folder_that_comes_back_gets_what_waited(tmp_path: Path) -> None:
    hub = watched(tmp_path)
    (tmp_path / "drop" / "in").rmdir()
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "WAITING"
    assert [one.code for one in attempts(hub, delivery)] == ["WASL-DLV-078"]
    assert not row(hub, delivery).doubt
    (tmp_path / "drop" / "in").mkdir()
    hub.clock.forward(seconds=30)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "HANDED_OVER"


class Killed(KeyboardInterrupt):
    """The worker is gone."""


def die(hub: HubUnderTest, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    """A worker that dies before the letter is seen, or after; then its lease ends."""
    plain = LocalPlace.rename

    def last(self: LocalPlace, path: tuple[str, ...], to: tuple[str, ...]) -> None:
        if after:
            plain(self, path, to)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(LocalPlace, "rename", last)
        with pytest.raises(Killed):
            hub.dispatch("dead").run_once()
    hub.clock.forward(seconds=LEASE_S + 1)


@pytest.mark.parametrize("after", [False, True], ids=["before it was seen", "after"])
@pytest.mark.parametrize("moved", [False, True], ids=["left", "moved"])
def test_letter_of_a_dead_worker_arrives_once_where_the_system_keeps_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool, moved: bool
) -> None:
    hub = watched(tmp_path, keeps=True)
    [delivery] = accept(hub)
    die(hub, monkeypatch, after)
    drop = tmp_path / "drop"
    if after and moved:
        (drop / "in" / delivery).rename(drop / "done" / delivery)
    hub.dispatch("next").run_once()
    assert states(hub, delivery)[-1] == "HANDED_OVER"
    assert letters(tmp_path) == [f"{'done' if after and moved else 'in'}/{delivery}"]
    assert list((drop / ".wasl").iterdir()) == []


@pytest.mark.parametrize("after", [False, True], ids=["before it was seen", "after"])
def test_letter_of_a_dead_worker_waits_for_a_person_where_the_system_removes_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    hub = watched(tmp_path)
    [delivery] = accept(hub)
    die(hub, monkeypatch, after)
    hub.dispatch("next").run_once()
    assert (state(hub, delivery), row(hub, delivery).doubt) == ("HELD", True)
    assert letters(tmp_path) == ([f"in/{delivery}"] if after else [])
