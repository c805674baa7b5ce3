"""What an operator sees of senders' own systems, and decides: ``wasl party receipts`` and ``push``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.bootstrap.telling import push
from tests.acceptance.test_cli import Shell
from tests.support.hub import COMMUNE, MINISTRY, HubUnderTest, party_table
from tests.support.listener import Listener, Reply, listening
from tests.support.systems import Simulator, accept, fresh_hub


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(monkeypatch, capsys, tmp_path / "home")


@pytest.fixture
def system() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture
def hub(tmp_path: Path, system: Listener) -> HubUnderTest:
    """A hub whose ministry's system refused one receipt and then failed for its whole lifetime."""
    hub = fresh_hub(tmp_path / "home", Simulator(), WASL_OUTGOING_ALLOW="127.0.0.1")
    options = {"base_url": system.url, "tell": {"path": "/in"}}
    receipts = {"adapter": "rest", "options": options, "retry": {"lifetime": 0}}
    hub.apply({"party": [{**party_table(hub.pki, MINISTRY), "receipts": receipts}]})
    for _ in range(3):
        accept(hub)
    system.script = [Reply(), Reply(422, b"unknown letter", "text/plain"), Reply(503, b"", "text/plain")]
    push(hub.gateway).run_once()
    return hub


def test_every_system_is_listed_with_what_stands_in_its_way(shell: Shell, hub: HubUnderTest) -> None:
    said = shell("party", "receipts")
    assert said.status == 0
    assert f"{MINISTRY}  STOPPED  1 told, 1 not taken" in said.out
    assert "WASL-DLV-002" in said.out
    [found] = json.loads(shell("party", "receipts", "--json").out)
    assert (found["party"], found["state"], found["failures"]) == (MINISTRY, "STOPPED", 1)
    assert found["next_receipt"] in said.out


def test_refused_receipts_of_one_party_are_named(shell: Shell, hub: HubUnderTest, system: Listener) -> None:
    said = shell("party", "receipts", MINISTRY)
    assert system.keys[1] in said.out
    assert "unknown letter" in said.out
    [found] = json.loads(shell("party", "receipts", MINISTRY, "--json").out)
    assert [one["receipt_id"] for one in found["untold"]] == [system.keys[1]]
    assert shell("party", "receipts", COMMUNE).status == 1


def test_operator_lets_it_go_on_skips_and_repeats(shell: Shell, hub: HubUnderTest, system: Listener) -> None:
    first, refused, stuck = system.keys
    said = shell("party", "push", MINISTRY)
    assert (said.status, f"{MINISTRY}  GOING" in said.out) == (0, True)
    assert shell("party", "push", MINISTRY, "--skip", first).status == 1
    assert shell("party", "push", MINISTRY, "--skip", stuck, "--by", "operator-1").status == 0
    hub.clock.forward(minutes=10)  # the command looks at the machine's own clock
    push(hub.gateway).run_once()
    assert system.keys == [first, refused, stuck]
    assert "passed over by operator-1" in shell("party", "receipts", MINISTRY).out
    assert shell("party", "push", MINISTRY, "--from", refused).status == 0
    hub.clock.forward(minutes=10)
    push(hub.gateway).run_once()
    assert system.keys == [first, refused, stuck, refused, stuck]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((COMMUNE,), 1),
        ((), 2),
        ((MINISTRY, "--from", "nothing"), 1),
        ((MINISTRY, "--from", "a", "--skip", "b"), 2),
    ],
)
def test_wrong_questions_are_told_apart(
    shell: Shell, hub: HubUnderTest, arguments: tuple[str, ...], status: int
) -> None:
    assert shell("party", "push", *arguments).status == status


def test_doctor_and_figures_name_the_party(shell: Shell, hub: HubUnderTest) -> None:
    said = shell("doctor")
    assert f"LOOK  senders: {MINISTRY} could not be told for so long" in said.out
    assert "1 receipts not taken" in said.out
