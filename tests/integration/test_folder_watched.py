"""The page on systems that watch a folder is followed literally, by a real system at work."""

from __future__ import annotations

import re
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import Context, Delivered, Handed
from adapters.folder import FolderAdapter
from gateway.domain.transit.envelope import Envelope
from tests.unit.adapters.doubles import NOW, ORIGINAL, ScriptedHttp, envelope, letter

PAGE = (Path(__file__).parents[2] / "docs/kind-folder.md").read_text("utf-8")
ADAPTER = FolderAdapter()
SUBJECTS = ("طلب رخصة البناء", "Requête de démonstration", "Plan")


def block(name: str) -> str:
    [found] = re.findall(rf"<!-- {name} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("arrivee", "traite", "reponses", "lu"):
        (tmp_path / name).mkdir()
    (tmp_path / "watcher.sh").write_text(block("watcher"), "utf-8")
    return tmp_path


def options(place: Path) -> dict[str, Any]:
    return {**tomllib.loads(block("route")), "place": str(place)}


def context(place: Path) -> Context:
    return Context(ScriptedHttp([]), options(place), {}.__getitem__, lambda: NOW, folders=(place,))


def deliver(place: Path, number: int, content: Envelope) -> Delivered:
    return ADAPTER.deliver(letter(delivery_id=f"{number:036d}", envelope=content), context(place))


def watch(place: Path, **how: Any) -> None:
    command = ["sh", str(place / "watcher.sh"), str(place)]
    subprocess.run(command, check=True, timeout=30, capture_output=True, **how)


def register(place: Path) -> list[str]:
    return (place / "registre.txt").read_text("utf-8").splitlines()


def test_route_of_the_page_has_no_fault(place: Path) -> None:
    assert ADAPTER.check_options(options(place)) == []
    assert ADAPTER.probe(context(place))


def test_manifest_in_csv_of_the_page_has_a_row_for_each_file(place: Path) -> None:
    made = replace(context(place), options={**options(place), "manifest": tomllib.loads(block("csv"))})
    assert ADAPTER.check_options(made.options) == []
    ADAPTER.deliver(letter(envelope=envelope(subject="=1+1")), made)
    [folder] = (place / "arrivee").iterdir()
    assert (folder / "pieces.csv").read_text("utf-8").splitlines() == [
        '"livraison";"objet";"fichier";"octets"',
        f'"{folder.name}";"\'=1+1";"plan _été_.pdf";20',
        f'"{folder.name}";"\'=1+1";"enveloppe-7K2M-9QXT-4RB.xml";{len(ORIGINAL)}',
    ]


def test_letters_are_registered_once_and_their_numbers_come_back(place: Path) -> None:
    for number, subject in enumerate(SUBJECTS, 1):
        deliver(place, number, envelope(subject=subject))
    for _ in range(2):
        watch(place)
        deliver(place, 1, envelope(subject=SUBJECTS[0]))  # a repeat of one that was taken
    assert register(place) == [f"{at};{at:036d};{subject}" for at, subject in enumerate(SUBJECTS, 1)]
    letters = [Handed(f"{at:036d}", "7K2M-9QXT-4RB", NOW) for at in (1, 2, 3)]
    news = ADAPTER.poll(letters, replace(context(place), now=lambda: NOW.replace(year=2099)))
    assert {one.delivery_id: one.register_number for one in news} == {
        f"{at:036d}": f"{at}/2026" for at in (1, 2, 3)
    }
    assert all(one.register_date is not None for one in news)


def test_system_that_looks_while_letters_are_laid_takes_each_whole(place: Path) -> None:
    script = f'for turn in 1 2 3 4 5 6 7 8 9 10; do sh "{place}/watcher.sh" "{place}"; done'
    with subprocess.Popen(["sh", "-euc", script]) as watching:
        laid = 0
        while watching.poll() is None and laid < 500:
            laid += 1
            deliver(place, laid, envelope(subject=f"n° {laid}"))
        assert watching.wait(60) == 0
    watch(place)
    assert sorted(int(line.split(";")[1]) for line in register(place)) == list(range(1, laid + 1))
    assert all(line.split(";")[2] == f"n° {int(line.split(';')[1])}" for line in register(place))
    assert len({line.split(";")[0] for line in register(place)}) == laid


def test_system_that_died_at_any_line_goes_on(place: Path) -> None:
    deliver(place, 1, envelope(subject="Plan"))
    lines = block("watcher").splitlines(keepends=True)
    ends = [at for at, line in enumerate(lines) if line.startswith("    ")]
    for at in ends:
        (place / "half.sh").write_text("".join([*lines[: at + 1], "    exit 9\ndone\n"]), "utf-8")
        subprocess.run(["sh", str(place / "half.sh"), str(place)], timeout=30, check=False)
    for _ in range(2):
        watch(place)
    assert register(place) == [f"1;{1:036d};Plan"]
    assert [one.name for one in (place / "reponses").glob("*.txt")] == [f"{1:036d}.txt"]
