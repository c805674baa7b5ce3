"""Steps of the database only add, so that processes of two versions can run side by side."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store import migrate

FIRST = "0006"
"""The first step under the rule."""
ADDS = {"create_table", "create_index", "add_column", "f", "bulk_insert"}
STEPS = sorted(path for path in (migrate._FOLDER / "versions").glob("[0-9]*.py"))
UNDER_RULE = [path for path in STEPS if path.name[:4] >= FIRST]


def calls(source: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("op."):
            yield node


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def faults(source: str) -> list[str]:
    """What of a step takes something away from the version before, or refuses what it writes."""
    wrong = [called(one) for one in calls(source) if called(one) not in ADDS]
    for one in calls(source):
        if called(one) == "add_column":
            column = one.args[1]
            assert isinstance(column, ast.Call)
            given = {word.arg: ast.unparse(word.value) for word in column.keywords}
            if given.get("nullable") != "True" and "server_default" not in given:
                wrong.append(f"add_column {ast.unparse(column)}")
        if called(one) == "create_index" and any(word.arg == "unique" for word in one.keywords):
            wrong += [ast.unparse(one) for word in one.keywords if ast.unparse(word) == "unique=True"]
    return wrong


def told_floor(source: str) -> str | None:
    found = re.search(r'^floor = "(\d{4})"$', source, re.MULTILINE)
    return found[1] if found else None


@pytest.mark.parametrize("path", UNDER_RULE, ids=lambda path: path.name)
def test_a_step_only_adds_or_tells_since_when_nobody_needs_what_it_takes(path: Path) -> None:
    source = path.read_text()
    floor = told_floor(source)
    assert faults(source) == [] or (floor is not None and FIRST <= floor < path.name[:4]), faults(source)


def test_there_are_steps_under_the_rule() -> None:
    assert UNDER_RULE


def test_revisions_are_numbers_that_sort_as_text_in_their_order() -> None:
    known = migrate._steps(migrate._FOLDER)
    assert all(re.fullmatch(r"\d{4}", one) for one in known)
    assert all(step.down_revision is None or step.down_revision < one for one, step in known.items())


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ('op.drop_column("delivery", "lane")', True),
        ('op.alter_column("delivery", "lane", nullable=False)', True),
        ('op.execute("UPDATE delivery SET lane = 1")', True),
        ('op.add_column("delivery", sa.Column("x", sa.Integer(), nullable=False))', True),
        ('op.create_index("ix", "delivery", ["lane"], unique=True)', True),
        ('op.add_column("delivery", sa.Column("x", sa.Integer(), nullable=True))', False),
        ('op.add_column("t", sa.Column("x", sa.Integer(), server_default="0", nullable=False))', False),
        ('op.create_index("ix", "delivery", ["lane"], unique=False)', False),
    ],
)
def test_the_rule_finds_what_takes_away(body: str, wrong: bool) -> None:
    assert bool(faults(f"def upgrade():\n    {body}\n")) == wrong
