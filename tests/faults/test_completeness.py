"""The matrix is complete: every transaction of the services is a point, and every fault has its test."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

from tests.faults.points import CHAIN_VERBS, ELSEWHERE, points

ROOT = Path(__file__).parents[2]


def transactions() -> Iterator[str]:
    """Every function of a service that opens a transaction, ``module.function``."""
    for path in sorted((ROOT / "gateway" / "exchange").rglob("*.py")):
        for function, call in _calls(path):
            if call == "write":
                yield f"{path.stem}.{function}"


def chain_commits() -> Iterator[str]:
    """Every function that continues a delivery's chain."""
    for path in sorted((ROOT / "gateway" / "exchange").rglob("*.py")):
        for function, call in _calls(path):
            if call == "chains.commit":
                yield f"{path.stem}.{function}"


def _calls(path: Path) -> Iterator[tuple[str, str]]:
    """Methods and functions of a module with the calls in them that matter here."""
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
            if node.func.attr == "write" and not node.args and not node.keywords:
                yield function.name, "write"
            elif node.func.attr == "commit" and ast.unparse(node.func.value).endswith("chains"):
                yield function.name, "chains.commit"


def test_every_transaction_of_the_services_is_in_the_matrix() -> None:
    known = points() | set(ELSEWHERE) | {"chain.commit"}
    assert set(transactions()) - known == set()
    assert {one for one in ELSEWHERE if one not in set(transactions()) | set(verbs())} == set()


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
    for path in (ROOT / "gateway" / "exchange").rglob("*.py"):
        for function, _ in _calls(path):
            found.setdefault(f"{path.stem}.{function}", set()).add(os.fspath(path))
    assert {name for name, paths in found.items() if len(paths) > 1} == set()
