"""A recipient at the command line: ``wasl inbox`` lists, fetches what was signed, and answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_cli import Shell
from tests.support.hub import AGENCY_OFFICE, COMMUNE, MINISTRY, MINISTRY_OFFICE
from tests.support.live import LiveHub, free_port, live_hub
from tests.support.systems import receipts, state

PLAN = b"%PDF-1.7 plan fictif " * 40_000


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(monkeypatch, capsys, tmp_path / "home")


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveHub]:
    with live_hub(tmp_path / "home") as live:
        yield live


def test_a_letter_is_listed_fetched_verified_and_registered(
    shell: Shell, live: LiveHub, tmp_path: Path
) -> None:
    plan, again = tmp_path / "plan d'été.pdf", tmp_path / "other" / "plan d'été.pdf"
    again.parent.mkdir()
    plan.write_bytes(PLAN)
    again.write_bytes(b"another of the same name")
    delivery = live.lying(MINISTRY_OFFICE, plan, again, subject="طلب")
    me = (*live.who(MINISTRY),)
    listed = json.loads(shell("inbox", "list", *me, "--office", MINISTRY_OFFICE, "--json").out)
    assert [(one["delivery"], one["subject"], one["attachments"]) for one in listed] == [(delivery, "طلب", 2)]
    assert "طلب  files: 2" in shell("inbox", "list", *me, "--office", MINISTRY_OFFICE).out

    out, trust = tmp_path / "mail", live.hub.home / "trust"
    fetched = shell(
        *("inbox", "fetch", delivery, *me, "--office", MINISTRY_OFFICE),
        *("--trust", trust, "--out", out, "--unit", "Guichet", "--json"),
    )
    told = json.loads(fetched.out)
    assert (fetched.status, told["signature"]["certificate"]) == (0, "PASSED")
    folder = out / listed[0]["reference"]
    assert Path(told["folder"]) == folder
    assert (folder / "attachments" / "01-plan d'été.pdf").read_bytes() == PLAN
    assert (folder / "attachments" / "02-plan d'été.pdf").read_bytes() == again.read_bytes()
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["letter"]["subject"] == "طلب"
    assert [path.name for path in out.iterdir()] == [folder.name]
    assert shell("inbox", "fetch", delivery, *me, "--office", MINISTRY_OFFICE, "--out", out).status == 2
    opened = [one.accessed_by for one in receipts(live.hub, delivery) if one.accessed_by]
    assert opened == ["Guichet"]

    taken = ("inbox", "acknowledge", delivery, *me, "--number", "17/2026", "--date", "2026-03-01")
    assert shell(*taken).out == f"{delivery}: HANDED_OVER REGISTERED  under 17/2026\n"
    assert json.loads(shell(*taken, "--json").out)["register_number"] == "17/2026"
    assert "IN_PROGRESS" in shell("inbox", "progress", delivery, "IN_PROGRESS", *me).out
    assert shell("inbox", "list", *me, "--office", MINISTRY_OFFICE).out == ""


def test_what_a_sender_wrote_does_nothing_to_a_terminal(shell: Shell, live: LiveHub, tmp_path: Path) -> None:
    delivery = live.lying(MINISTRY_OFFICE, subject="facture \u202efdp.exe")
    me = (*live.who(MINISTRY),)
    listed = shell("inbox", "list", *me, "--office", MINISTRY_OFFICE).out
    fetched = shell("inbox", "fetch", delivery, *me, "--out", tmp_path / "mail").out
    assert (listed.count("facture  fdp.exe"), fetched.count("facture  fdp.exe")) == (1, 1)


def test_a_letter_is_refused_or_passed_on(shell: Shell, live: LiveHub) -> None:
    first, second = live.lying(MINISTRY_OFFICE), live.lying(MINISTRY_OFFICE)
    why = ("--code", "WASL-DLV-039", "--text", "Ce n'est pas à nous")
    assert shell("inbox", "refuse", first, *live.who(), *why).out.startswith(f"{first}: REFUSED")
    told = json.loads(shell("inbox", "redirect", second, *live.who(), "--to", AGENCY_OFFICE, "--json").out)
    assert (told["state"], state(live.hub, told["successor"])) == ("REDIRECTED", "QUEUED")


def test_what_the_hub_refuses_is_said_with_its_reason(shell: Shell, live: LiveHub) -> None:
    delivery = live.lying(MINISTRY_OFFICE)
    said = shell("inbox", "refuse", delivery, *live.who(), "--code", "WASL-DLV-039")
    assert (said.status, said.out) == (1, "")
    assert "WASL-" in said.err
    said = shell("inbox", "acknowledge", delivery, *live.who(COMMUNE), "--number", "1")
    assert (said.status, "WASL-REQ-005" in said.err) == (1, True)
    assert state(live.hub, delivery) == "AVAILABLE"


def test_without_an_answer_nothing_is_decided(shell: Shell, live: LiveHub) -> None:
    away = ("--hub", f"http://127.0.0.1:{free_port()}", *live.who()[2:])
    said = shell("inbox", "acknowledge", "0198", *away)
    assert (said.status, "a repeat is safe" in said.err) == (3, True)


class Altering:
    """A hub's inbox, whose contents somebody changes on their way."""

    def __init__(self, inbox: Any, **changes: tuple[bytes, bytes]) -> None:
        self._inbox, self._changes = inbox, changes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inbox, name)

    def content(self, *arguments: Any) -> Any:
        found = self._inbox.content(*arguments)
        old, new = self._changes.get("envelope", (b"", b""))
        if old:
            found = replace(found, envelope=found.envelope.replace(old, new))
        if "attachment" in self._changes:
            real = found.open
            found = replace(found, open=lambda name: _Other(real(name), *self._changes["attachment"]))
        return found


class _Other:
    def __init__(self, file: Any, old: bytes, new: bytes) -> None:
        self._file, self._old, self._new = file, old, new

    def read(self, size: int) -> bytes:
        return bytes(self._file.read(size).replace(self._old, self._new))

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"envelope": (b"de dix", b"de mil")}, 1, "WASL-SIG-012"),
        ({"attachment": (b"plan", b"pl4n")}, 3, "not the one that was signed"),
    ],
    ids=["envelope", "attachment"],
)
def test_what_was_altered_on_the_way_is_not_laid_down(
    shell: Shell, live: LiveHub, tmp_path: Path, changes: dict[str, Any], status: int, said: str
) -> None:
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(b"plan")
    delivery = live.lying(MINISTRY_OFFICE, plan, subject="Demande de dix")
    with live.hub.using(inbox=Altering(live.hub.gateway.services.inbox, **changes)):
        told = shell("inbox", "fetch", delivery, *live.who(), "--out", tmp_path / "mail")
    assert (told.status, said in told.err) == (status, True), told
    assert list((tmp_path / "mail").iterdir()) == []


def test_a_signer_whom_the_trust_folder_does_not_know_is_told(
    shell: Shell, live: LiveHub, tmp_path: Path
) -> None:
    delivery, nobody = live.lying(MINISTRY_OFFICE), tmp_path / "trust"
    (nobody / "parties").mkdir(parents=True)
    fetched = ("inbox", "fetch", delivery, *live.who(), "--out", tmp_path / "mail", "--trust", nobody)
    said = shell(*fetched, "--json")
    assert (said.status, json.loads(said.out)["signature"]["certificate"]) == (3, "INDETERMINATE")
    assert (tmp_path / "mail" / delivery / "letter.xml").exists()
