"""Commands on the secrets that routes name: ``route secret``; none is ever shown."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from gateway.bootstrap import versions as build
from gateway.cli.registry import as_json, opened
from gateway.exchange.registry.versions_secrets import LARGEST, SecretLine, variable


@click.group()
def secret() -> None:
    """Keep the secrets that routes name, and see which are missing; none is ever shown.

    Example: wasl route secret list
    """


@secret.command(name="set")
@click.argument("name")
def set_(name: str) -> None:
    """Keep what comes on standard input as the secret NAME, in a file that only the hub's user reads.

    Example: wasl route secret set commune-key < key.txt
    """
    used = build.secrets(opened()).put(name, _given())
    click.echo(f"secret {name} is kept")
    if not used:
        click.echo(f"wasl: warning: {variable(name)} of the environment goes before it", err=True)


@secret.command(name="list")
@as_json
def list_(as_json: bool) -> None:
    """List the secrets that are kept or named, and who names them; the status is 1 when one is missing.

    Example: wasl route secret list --json
    """
    found = build.secrets(opened()).list()
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=1))
    else:
        for one in found:
            click.echo(_line(one))
    sys.exit(1 if any(one.is_missing for one in found) else 0)


def _line(one: SecretLine) -> str:
    named = [*one.routes, *(f"{version} (not active)" for version in one.versions), *one.parties]
    return f"{one.name}  {one.kept}  {', '.join(named) or 'named by no route'}"


def _given() -> bytes:
    if sys.stdin.isatty():
        return str(click.prompt("Secret", hide_input=True, err=True)).encode()
    return sys.stdin.buffer.read(LARGEST + 1)
