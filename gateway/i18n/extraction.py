"""Finds every text for translation in the gateway's modules and templates."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, nodes

SINGULAR = frozenset({"_", "t", "th", "mark"})
"""Calls whose first argument is a text."""
PLURAL = frozenset({"tn"})
"""Calls whose first two arguments are the singular and the plural of a text."""
TEMPLATES = (".html", ".txt", ".xml", ".svg")


class Message(NamedTuple):
    """A text as the source has it."""

    singular: str
    plural: str | None = None


@dataclass(frozen=True)
class Extracted:
    """The texts, each with the places that use it, and calls that no tool can read."""

    messages: Mapping[Message, tuple[str, ...]]
    faults: tuple[str, ...]


def extract(root: Path) -> Extracted:
    """Every text in the Python modules and the templates below the folder ``root``.

    A call is found by its name (`SINGULAR`, `PLURAL`), bare or as an attribute. Its texts must be
    literal strings; a name may stand instead of one if it holds what `mark` marked elsewhere.
    """
    messages: dict[Message, list[str]] = {}
    faults: list[str] = []
    for place, found in _found(root):
        if isinstance(found, Message):
            messages.setdefault(found, []).append(place)
        else:
            faults.append(f"{place}: {found}")
    return Extracted({message: tuple(places) for message, places in messages.items()}, tuple(faults))


def _found(root: Path) -> Iterator[tuple[str, Message | str]]:
    for path in sorted(root.rglob("*")):
        if path.suffix == ".py":
            calls = _python_calls(path.read_text("utf-8"))
        elif path.suffix in TEMPLATES and "templates" in path.parts:
            calls = _template_calls(path.read_text("utf-8"))
        else:
            continue
        for line, name, arguments in calls:
            message = _message(name, arguments)
            if message is not None:
                yield f"{path.relative_to(root).as_posix()}:{line}", message


Argument = str | None
"""A literal text, or None for a name that holds one; an argument that is neither is ``""``."""


def _message(name: str, arguments: list[Argument]) -> Message | str | None:
    wanted = arguments[: 2 if name in PLURAL else 1]
    if len(wanted) < (2 if name in PLURAL else 1) or "" in wanted:
        return f"{name}(…) needs literal texts: no f-string, no sum, not empty"
    if None in wanted:
        return None
    return Message(*(text for text in wanted if text is not None))


def _python_calls(source: str) -> Iterator[tuple[int, str, list[Argument]]]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        if name in SINGULAR | PLURAL:
            yield node.lineno, name, [_python_argument(argument) for argument in node.args]


def _python_argument(node: ast.expr) -> Argument:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "" if isinstance(node, ast.JoinedStr | ast.BinOp) else None


def _template_calls(source: str) -> Iterator[tuple[int, str, list[Argument]]]:
    for node in Environment(autoescape=True).parse(source).find_all(nodes.Call):
        name = node.node.name if isinstance(node.node, nodes.Name) else getattr(node.node, "attr", "")
        if name in SINGULAR | PLURAL:
            yield node.lineno, name, [_template_argument(argument) for argument in node.args]


def _template_argument(node: nodes.Expr) -> Argument:
    if isinstance(node, nodes.Const):
        return node.value if isinstance(node.value, str) else ""
    return "" if isinstance(node, nodes.Concat | nodes.BinExpr) else None
