"""The command ``wasl delivery``: what an operator sees, decides, and is told."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.bootstrap import lifecycle
from tests.acceptance.test_cli import Shell
from tests.support.deliveries import in_state
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, HubUnderTest
from tests.support.systems import Simulator, accept, fresh_hub, row, state

NOBODYS = "01890a5d-ac96-774b-bcce-b302099a8057"
WHY = ("--why", "ticket 12", "--by", "operator-1")


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(monkeypatch, capsys, tmp_path / "home")


@pytest.fixture
def hub(tmp_path: Path) -> HubUnderTest:
    return fresh_hub(tmp_path / "home", Simulator())


def test_a_list_names_each_delivery_and_why_it_is_held(shell: Shell, hub: HubUnderTest) -> None:
    held, [queued] = in_state(hub, "HELD", doubt=True), accept(hub, AGENCY_OFFICE)
    said = shell("delivery", "list")
    assert said.status == 0
    assert [line.split()[0] for line in said.out.splitlines()] == sorted([held, queued])
    [line] = shell("delivery", "list", "--state", "HELD", "--office", COMMUNE_OFFICE).out.splitlines()
    assert all(word in line for word in (held, "HELD", "WASL-DLV-007", "may have arrived"))
    [found] = shell("delivery", "list", "--state", "HELD", "--json").out.splitlines()
    assert json.loads(found)["id"] == held
    assert shell("delivery", "list", "--older-than", "1d").out == ""
    assert "the first 1" in shell("delivery", "list", "--limit", "1").err


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--state", "LOST"),
        ("list", "--older-than", "soon"),
        ("list", "--older-than", "999999999d"),
        ("list", "--limit", "0"),
        ("requeue", NOBODYS),
        ("requeue", NOBODYS, "--why", " "),
        ("hold", NOBODYS, "--why", "x", "--until", "tomorrow"),
        ("hold", NOBODYS, "--why", "x", "--until", "2026-03-01T12:00"),
        ("redirect", NOBODYS, "--why", "x"),
    ],
)
def test_wrong_usage_ends_with_2(shell: Shell, hub: HubUnderTest, arguments: tuple[str, ...]) -> None:
    said = shell("delivery", *arguments)
    assert (said.status, said.out) == (2, "")


@pytest.mark.parametrize("verb", ["show", "requeue", "hold", "release", "redirect", "cancel", "fail"])
def test_what_does_not_exist_ends_with_1(shell: Shell, hub: HubUnderTest, verb: str) -> None:
    more = {"show": (), "redirect": (*WHY, "--to", AGENCY_OFFICE)}.get(verb, WHY)
    said = shell("delivery", verb, NOBODYS, *more)
    assert (said.status, said.out) == (1, "")
    assert "WASL-REQ-005" in said.err


def test_a_file_shows_the_reason_the_remedy_and_the_way_on(shell: Shell, hub: HubUnderTest) -> None:
    delivery = in_state(hub, "HELD", doubt=True)
    said = shell("delivery", "show", delivery)
    assert said.status == 0
    assert "held: The letter could not be put into the recipient's form. The hub's operator" in said.out
    assert "--possible-duplicate" in said.out
    assert "wasl delivery fail" in said.out
    assert "wasl delivery cancel" not in said.out
    found = json.loads(shell("delivery", "show", delivery, "--json").out)
    assert (found["line"]["id"], found["possible"]) == (delivery, ["requeue", "hold", "fail"])


def test_what_others_wrote_cannot_steer_the_terminal(shell: Shell, hub: HubUnderTest) -> None:
    delivery = in_state(hub, "HELD")
    assert shell("delivery", "requeue", delivery, "--why", "\x1b[2Jgone\nmore", "--by", "a").status == 0
    said = shell("delivery", "show", delivery)
    assert "\x1b" not in said.out
    assert "[2Jgone more" in said.out


def test_after_doubt_a_requeue_is_refused_until_it_is_meant(shell: Shell, hub: HubUnderTest) -> None:
    delivery = in_state(hub, "HELD", doubt=True)
    said = shell("delivery", "requeue", delivery, *WHY)
    assert (said.status, said.out, state(hub, delivery)) == (1, "", "HELD")
    assert "WASL-DLV-052" in said.err
    said = shell("delivery", "requeue", delivery, "--possible-duplicate", *WHY)
    assert (said.status, said.out) == (0, f"{delivery}  QUEUED\n")
    again = shell("delivery", "requeue", delivery, "--possible-duplicate", *WHY)
    assert (again.status, again.out) == (1, "")
    assert "WASL-DLV-019" in again.err


def test_a_decision_is_kept_under_the_systems_own_name_by_default(shell: Shell, hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    said = shell("delivery", "hold", delivery, "--why", "asked them", "--until", until.isoformat(), "--json")
    assert json.loads(said.out) == {"id": delivery, "state": "HELD", "successor": None}
    assert row(hub, delivery).held_until == until
    assert shell("delivery", "release", delivery, "--why", "they agree").status == 0
    decisions = lifecycle.overview(hub.gateway).show(delivery).decisions
    assert [(one.verb, one.by, one.why) for one in decisions] == [
        ("hold", getpass.getuser(), "asked them"),
        ("release", getpass.getuser(), "they agree"),
    ]


def test_each_end_is_told(shell: Shell, hub: HubUnderTest) -> None:
    moved, cancelled, failed = accept(hub), accept(hub), accept(hub)
    said = shell("delivery", "redirect", moved[0], "--to", AGENCY_OFFICE, "--json", *WHY)
    successor = json.loads(said.out)["successor"]
    assert row(hub, successor).office == AGENCY_OFFICE
    assert shell("delivery", "cancel", cancelled[0], *WHY).out == f"{cancelled[0]}  CANCELLED\n"
    assert shell("delivery", "fail", failed[0], *WHY).out == f"{failed[0]}  FAILED\n"
    assert state(hub, moved[0]) == "REDIRECTED"
