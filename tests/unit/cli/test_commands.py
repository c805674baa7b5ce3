from __future__ import annotations

import subprocess
import sys

from tests.support.commands import load_all

PARTYS = ("conform", "connector", "inbox", "send", "status", "verify", "witness")
HUBS = ("alembic", "flask", "gateway.bootstrap", "gateway.web", "sqlalchemy")
PROGRAM = f"""
import sys
import click
from gateway.cli import wasl
for name in sys.argv[1:]:
    wasl.get_command(click.Context(wasl), name)
    print(name, *(one for one in {HUBS} if one in sys.modules))
"""


def told(*names: str) -> list[str]:
    """What of the hub is loaded after each command was asked for, in one process."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *names], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_what_a_party_runs_loads_nothing_of_the_hub() -> None:
    assert told(*PARTYS) == list(PARTYS)


def test_that_is_seen_where_something_is_loaded() -> None:
    assert told("evidence")[0].split()[1:] == list(HUBS)


def test_every_command_is_at_its_place_under_its_name() -> None:
    found = load_all()
    assert found.keys() > set(PARTYS)
    assert {name: command.name for name, command in found.items()} == {name: name for name in found}
