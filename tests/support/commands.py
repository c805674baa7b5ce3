"""Every command of ``wasl``, which imports each only when it is asked for."""

from __future__ import annotations

import gc

import click

from gateway.cli import wasl
from gateway.clients.identities import authorities_of_the_system
from gateway.i18n.translator import SHIPPED, Translator


def load_all() -> dict[str, click.Command]:
    """All commands by name, imported: what processes are to find that are forked from this one."""
    context = click.Context(wasl)
    found = {name: wasl.get_command(context, name) for name in wasl.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def read_all() -> None:
    """What every process reads once, for those that are forked from this one to find it read."""
    for catalogue in SHIPPED.glob("*.po"):
        Translator(catalogue.stem)
    authorities_of_the_system()
    gc.collect()
    gc.freeze()
