"""The matrix is complete: every transaction of the services is a point, and every fault has its test."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.faults.matrix import MATRIX
from tests.faults.points import CHAIN_VERBS, ELSEWHERE, SCENES, points

ROOT = Path(__file__).parents[2]
FAULTS = Path(__file__).parent


TOGETHER = ("self.together", "self._marking", "self._keeping")
"""What opens a transaction for several threads at once."""


def transactions() -> Iterator[str]:
    """Every function of a service that opens a transaction, ``module.function``."""
    yield from (f"{path.stem}.{function}" for path, function, call in _calls() if call == "write")


def chain_commits() -> Iterator[str]:
    """Every function that continues a delivery's chain."""
    yield from (f"{path.stem}.{function}" for path, function, call in _calls() if call == "chains.commit")


@cache
def _calls() -> tuple[tuple[Path, str, str], ...]:
    """Methods and functions of the services, by module, with the calls in them that matter here."""
    modules = sorted((ROOT / "gateway" / "exchange").rglob("*.py"))
    return tuple((path, function, call) for path in modules for function, call in _calls_in(path))


def _calls_in(path: Path) -> Iterator[tuple[str, str]]:
    tree = ast.parse(path.read_text("utf-8"))
    outer = [
        node
        for parent in (tree, *(one for one in tree.body if isinstance(one, ast.ClassDef)))
        for node in parent.body
        if isinstance(node, ast.FunctionDef)
    ]
    for function in outer:
        for node in ast.walk(function):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if (node.func.attr == "write" and not node.args and not node.keywords) or (
                node.func.attr == "do" and ast.unparse(node.func.value) in TOGETHER
            ):
                yield function.name, "write"
            elif node.func.attr == "commit" and ast.unparse(node.func.value).endswith("chains"):
                yield function.name, "chains.commit"


def test_every_transaction_of_the_services_is_in_the_matrix() -> None:
    known = points() | set(ELSEWHERE) | {"chain.commit"}
    assert set(transactions()) - known == set()
    assert set(ELSEWHERE) - set(transactions()) - set(verbs()) == set()


def verbs() -> Iterator[str]:
    for found in CHAIN_VERBS.values():
        yield from found


def test_every_step_of_a_chain_is_in_the_matrix() -> None:
    assert set(chain_commits()) == set(CHAIN_VERBS)
    known = points() | set(ELSEWHERE)
    assert {one for one in verbs() if one not in known} == set()


def test_every_point_of_the_matrix_exists() -> None:
    steps = {"payload", "adapter", "mailer"}
    assert points() - steps - set(transactions()) - set(verbs()) == set()


def test_nobody_points_at_two_places_with_one_name() -> None:
    """A point is called by module and function: two modules of one name would share it."""
    found: dict[str, set[str]] = {}
    for path, function, _ in _calls():
        found.setdefault(f"{path.stem}.{function}", set()).add(os.fspath(path))
    assert {name for name, paths in found.items() if len(paths) > 1} == set()


NAMED = (
    "every commit of intake",
    "every commit of dispatch",
    "before and after",
    "mid-transfer",
    "broker stopped and restarted",
    "wake-ups lost and doubled",
    "database stopped",
    "lost on COMMIT",
    "deadlock",
    "read-only",
    "disk full",
    "two schedulers",
    "clock jumps",
    "hangs, resets, drips",
    "HTML with 200",
    "takes a letter and says nothing",
    "100 identical submissions at once",
    "two operators requeue at once",
    "one dead system among 50",
    "rolling restart",
)
"""The faults that the project promises to survive."""


def rows() -> Iterator[list[str]]:
    """The rows of the matrix as the documentation shows it: fault, what happens, embedded, scaled."""
    for line in (ROOT / "docs" / "faults.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and cells[0] not in ("fault", "---"):
            yield cells


def test_the_documentation_names_every_fault_promised() -> None:
    faults = " ".join(row[0] for row in rows()).lower()
    assert [one for one in NAMED if one.lower() not in faults] == []


def test_the_documentation_names_every_scenario_where_it_is_played_and_nowhere_else() -> None:
    for column, shape in ((2, "embedded"), (3, "scaled")):
        told = {name for row in rows() for name in re.findall(r"`([a-z_]+)`", row[column])}
        played = {scene.__name__ for scene, shapes in MATRIX.items() if shape in shapes}
        assert told == played | set(SCENES)


def test_every_module_of_scenarios_has_a_test_that_plays_it() -> None:
    modules = {scene.__module__.rpartition(".")[2] for scene in MATRIX}
    assert modules == {path.stem for path in (FAULTS / "scenes").glob("*.py")}
    for name in modules:
        assert f"played({name})" in (FAULTS / f"test_{name}.py").read_text("utf-8")


def test_every_test_that_the_documentation_points_at_exists() -> None:
    found = [one for row in rows() for cell in row for one in re.findall(r"`(tests/[^`]+)::(\w+)`", cell)]
    assert found
    for path, name in found:
        assert f"def {name}(" in (ROOT / path).read_text("utf-8"), f"{path}::{name}"
