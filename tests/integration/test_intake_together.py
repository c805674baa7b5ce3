"""Letters that are accepted at the same moment are written together, and none pays for its neighbour."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from gateway.cli.compose import SignedLetter
from gateway.domain.identifiers import uuid7
from tests.support.hub import HubUnderTest, make_hub, receipt_of
from tests.support.shapes import Shape


@pytest.fixture
def hub(shape: Shape, tmp_path: Path) -> HubUnderTest:
    return make_hub(tmp_path / "hub")


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.txt"
    file.write_bytes(b"DEMONSTRATION plan" * 10)
    return file


def behind_one(hub: HubUnderTest, letters: list[SignedLetter]) -> tuple[list[Any], int]:
    """Answers to letters that all wait behind another one, and how many inserts of letters that took."""
    inserts: list[str] = []
    keeping = hub.gateway.services.intake._keeping

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO message "):
            inserts.append(statement)

    event.listen(hub.gateway.store.engine, "before_cursor_execute", note)
    try:
        with ThreadPoolExecutor(len(letters)) as pool:
            keeping._led = True
            asked = [pool.submit(hub.post, letter) for letter in letters]
            deadline = time.monotonic() + 20
            while len(keeping._waiting) < len(letters):
                assert time.monotonic() < deadline
                time.sleep(0.002)
            keeping._hand_on(())
            return [one.result(20) for one in asked], len(inserts)
    finally:
        event.remove(hub.gateway.store.engine, "before_cursor_execute", note)


def test_letters_that_wait_are_accepted_by_one_statement(hub: HubUnderTest, plan: Path) -> None:
    names = [uuid7(os.urandom) for _ in range(6)]
    letters = [
        hub.signed(hub.envelope(message_id=name), files=(plan,) if number % 2 else ())
        for number, name in enumerate(names)
    ]
    answers, inserts = behind_one(hub, letters)
    assert [answer.status_code for answer in answers] == [201] * 6
    assert inserts == 1
    assert [receipt_of(answer).message_id for answer in answers] == names
    for letter, answer in zip(letters, answers, strict=True):
        again = hub.post(letter)
        assert (again.status_code, again.data) == (200, answer.data)
    assert hub.kept()["delivery"] == hub.kept()["receipt"] == 6
    assert hub.kept()["files"] == 3


def test_two_with_one_identifier_do_not_harm_those_beside_them(hub: HubUnderTest, plan: Path) -> None:
    message_id = uuid7(os.urandom)
    rivals = [
        hub.signed(hub.envelope(message_id=message_id, subject=f"DEMONSTRATION {n}"), files=(plan,))
        for n in range(2)
    ]
    others = [hub.signed(files=(plan,)) for _ in range(3)]
    answers, _ = behind_one(hub, [others[0], rivals[0], others[1], rivals[1], others[2]])
    assert [answers[n].status_code for n in (0, 2, 4)] == [201] * 3
    assert sorted(answers[n].status_code for n in (1, 3)) == [201, 409]
    kept = hub.kept()
    assert (kept["message"], kept["files"], kept["ledger_pending"]) == (4, 4, 4)
