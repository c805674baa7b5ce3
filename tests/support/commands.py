"""Every command of ``wasl``, which imports each only when it is asked for."""

from __future__ import annotations

import click

from gateway.cli import wasl


def load_all() -> dict[str, click.Command]:
    """All commands by name, imported: what processes are to find that are forked from this one."""
    context = click.Context(wasl)
    found = {name: wasl.get_command(context, name) for name in wasl.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}
