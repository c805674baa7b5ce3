"""Writes the package of a new kind: a module to change, its entry point, and its test."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from gateway import __version__

NAME = re.compile(r"[a-z][a-z0-9]{1,30}")
"""What a new kind may be called: it becomes a Python package and an entry point."""

_PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "wasl-{name}"
version = "0.1.0"
description = "An adapter of the kind {name} for a Wasl hub."
requires-python = ">=3.11"
dependencies = ["wasl"]

[project.entry-points."wasl.adapters"]
{name} = "wasl_{name}:{title}Adapter"

[tool.setuptools]
packages = ["wasl_{name}"]
"""
_README = """\
# wasl-{name}

The kind `{name}`: how a Wasl hub hands letters to … (say which document system).

Written for Wasl {version}. The contract that it keeps is `adapters/contract.py`; its options are told in
`wasl_{name}/__init__.py`.

    pip install .                                                  # into the hub's environment
    wasl adapter list                                              # it is there
    wasl adapter test {name} --options example.toml                # it keeps the contract
    wasl adapter test {name} --options example.toml --target "…"   # and so it does at the system itself

In a registry file:

    [office.route]
    kind = "adapter"
    adapter = "{name}"
    accepts_test = true

    [office.route.options]
    url = "https://archive.example/in"
    token = "archive-token"
"""
_EXAMPLE = """\
# Options of a route of this kind for wasl adapter test, which replaces addresses by its own.
url = "https://archive.example/in"
token = "archive-token"
"""
_TEST = '''\
"""The kind keeps the contract of adapters."""

import tomllib
from pathlib import Path

from gateway.kit.run import examined
from gateway.kit.scorecard import kept
from gateway.kit.subject import Subject
from wasl_{name} import {title}Adapter

OPTIONS = tomllib.loads((Path(__file__).parents[1] / "example.toml").read_text("utf-8"))


def test_the_contract_is_kept():
    marks = list(examined(Subject({title}Adapter(), "{name}", OPTIONS)))
    assert kept(marks), marks
'''


def new_package(name: str, folder: Path) -> tuple[Path, ...]:
    """Write the package of the kind ``name``; the files that were written.

    Raises:
        FileExistsError: the folder is there already.
        ValueError: no kind can be called so.
    """
    if not NAME.fullmatch(name):
        raise ValueError("small letters and digits, beginning with a letter, 2 to 31 of them")
    words = {"name": name, "title": name.capitalize(), "version": __version__}
    contents = {
        "pyproject.toml": _PROJECT.format(**words),
        "README.md": _README.format(**words),
        "example.toml": _EXAMPLE,
        f"wasl_{name}/__init__.py": _module(name),
        "tests/test_contract.py": _TEST.format(**words),
    }
    folder.mkdir(parents=True)
    written = []
    for path, text in contents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
        written.append(target)
    return tuple(written)


def _module(name: str) -> str:
    """The project's own skeleton under the new name."""
    text = files("adapters").joinpath("skeleton.py").read_text("utf-8")
    body = text.partition('"""\n\n')[2]
    head = f'"""The kind ``{name}``: say here what it talks to, and tell every option."""\n\n'
    body = body.replace("SkeletonAdapter", f"{name.capitalize()}Adapter")
    return head + body.replace("``skeleton``", f"``{name}``").replace('"skeleton"', f'"{name}"')
