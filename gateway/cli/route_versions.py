"""Commands on versions of a route: written, tested, approved, active, compared and taken back."""

from __future__ import annotations

import getpass
import json
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import click
import tomli_w

from gateway.bootstrap import Gateway
from gateway.bootstrap import versions as build
from gateway.cli.registry import as_json, opened, plain_toml
from gateway.cli.route_versions_text import (
    tell_checks,
    tell_differences,
    tell_dry_run,
    tell_history,
)
from gateway.domain.lines import printable

LARGEST = 4 * 1024**2
"""Octets of a file; a WSDL that stands in the options is the largest thing that a route has."""

office_argument = click.argument("office", metavar="OFFICE")
version_argument = click.argument("number", metavar="N", type=click.IntRange(1, 2**31 - 1))
perhaps_version = click.argument("number", metavar="[N]", type=click.IntRange(1, 2**31 - 1), required=False)
as_option = click.option("--as", "actor", default=getpass.getuser, help="Who does it.")
letters_option = click.option(
    "--letters", type=click.IntRange(0, 1000), default=20, help="How many of the last letters; 20."
)


@click.command()
@office_argument
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_option
@click.option("--note", default="", help="What the change is for.")
@as_json
def draft(office: str, file: Path, actor: str, note: str, as_json: bool) -> None:
    """Write a new version of how OFFICE receives, over the active one; nothing is sent by it yet.

    FILE is what `wasl route export` gives: [route], and [document_types] where they change.

    Example: wasl route draft B0000002-4 route.toml --as operator-1 --note "their new system"
    """
    table = _table(file)
    number = build.versions(opened()).draft(office, table, actor, note)
    _say(as_json, f"version {number} of {office} is a draft", office=office, number=number, state="DRAFT")


@click.command()
@office_argument
@perhaps_version
@as_option
@letters_option
@as_json
def test(office: str, number: int | None, actor: str, letters: int, as_json: bool) -> None:
    """Check version N: options, secrets, the target without side effects, and the last letters of OFFICE.

    Without N, the latest version that never was active. A draft of which everything holds is tested then; one
    of which something does not is a draft again. The status is 1 when something does not hold.

    Example: wasl route test B0000002-4 --as operator-1
    """
    gateway = opened()
    content = build.looks(gateway).content(office, _wanted(gateway, office, number))
    found = build.checks(gateway).run(content, actor, letters)
    if as_json:
        click.echo(_json({**asdict(found), "holds": found.holds}))
    else:
        _lines(tell_checks(found))
    sys.exit(0 if found.holds else 1)


@click.command(name="dry-run")
@office_argument
@perhaps_version
@letters_option
@click.option("--show-content", is_flag=True, help="Show what people wrote; that you did is put on record.")
@as_option
@as_json
def dry_run(
    office: str, number: int | None, letters: int, show_content: bool, actor: str, as_json: bool
) -> None:
    """List each call that version N would make otherwise of the last letters, and each letter it cannot map.

    Nothing is sent; only what a call is built from is fetched, such as a WSDL. Texts of letters are told by
    length and shape. The status is 1 when a letter cannot be mapped.

    Example: wasl route dry-run B0000002-4 --letters 50
    """
    gateway = opened()
    content = build.looks(gateway).content(office, _wanted(gateway, office, number))
    if show_content:
        build.versions(gateway).keep_reading(office, content.number, actor, letters)
    found = build.dry_runs(gateway).run(content, letters, show_content)
    if as_json:
        click.echo(_json({**asdict(found), "holds": found.holds}))
    else:
        _lines(tell_dry_run(found))
    sys.exit(0 if found.holds else 1)


@click.command()
@office_argument
@version_argument
@as_option
@as_json
def approve(office: str, number: int, actor: str, as_json: bool) -> None:
    """Say that the tested version N may become active.

    Where [routes] second_approval is true, somebody does it who neither wrote nor tested the version.

    Example: wasl route approve B0000002-4 3 --as operator-2
    """
    build.versions(opened()).approve(office, number, actor)
    _say(as_json, f"version {number} of {office} is approved", office=office, number=number, state="APPROVED")


@click.command()
@office_argument
@version_argument
@as_option
@as_json
def activate(office: str, number: int, actor: str, as_json: bool) -> None:
    """Send letters by version N from the next delivery on; what is being sent is finished as it began.

    Example: wasl route activate B0000002-4 3 --as operator-1
    """
    build.versions(opened()).activate(office, number, actor)
    _say(as_json, f"version {number} of {office} is active", office=office, number=number, state="ACTIVE")


@click.command()
@office_argument
@click.option("--from", "seen", type=click.IntRange(1, 2**31 - 1), help="Only if that version is active.")
@as_option
@as_json
def rollback(office: str, seen: int | None, actor: str, as_json: bool) -> None:
    """Send letters by the version before again, from the next delivery on.

    Example: wasl route rollback B0000002-4 --as operator-1
    """
    gateway = opened()
    left = build.looks(gateway).active(office) if seen is None else seen
    number = build.versions(gateway).rollback(office, actor, left)
    words = f"version {number} of {office} is active again, {left} is retired"
    _say(as_json, words, office=office, number=number, state="ACTIVE", retired=left)


@click.command()
@office_argument
@version_argument
@as_option
@click.option("--why", default="", help="Why, in your own words.")
@as_json
def discard(office: str, number: int, actor: str, why: str, as_json: bool) -> None:
    """Let version N, which never was active, become so no more.

    Example: wasl route discard B0000002-4 3 --as operator-1 --why "they stay with the old system"
    """
    build.versions(opened()).discard(office, number, actor, why)
    _say(
        as_json, f"version {number} of {office} is discarded", office=office, number=number, state="DISCARDED"
    )


@click.command()
@office_argument
@as_json
def history(office: str, as_json: bool) -> None:
    """List the versions of how OFFICE receives, and who did what with each.

    Example: wasl route history B0000002-4
    """
    found = build.looks(opened()).history(office)
    if as_json:
        click.echo(_json([asdict(one) for one in found]))
    else:
        _lines(tell_history(found))


@click.command()
@office_argument
@click.argument("one", metavar="A", type=click.IntRange(1, 2**31 - 1))
@click.argument("other", metavar="B", type=click.IntRange(1, 2**31 - 1))
@as_json
def diff(office: str, one: int, other: int, as_json: bool) -> None:
    """Tell key by key what differs from version A to version B; what looks like a secret is not shown.

    Example: wasl route diff B0000002-4 2 3
    """
    gateway = opened()
    found = build.looks(gateway).diff(office, one, other, build.secrets(gateway).names())
    if as_json:
        click.echo(_json([asdict(each) for each in found]))
    else:
        _lines(tell_differences(found))


@click.command()
@office_argument
@perhaps_version
def export(office: str, number: int | None) -> None:
    """Print version N, or the active one, as a file that `wasl route draft` takes.

    Example: wasl route export B0000002-4 > route.toml
    """
    content = build.looks(opened()).content(office, number)
    click.echo(f"# {office}, version {content.number}: {content.state}")
    click.echo(tomli_w.dumps(plain_toml(dict(content.values))), nl=False)


COMMANDS = (draft, test, dry_run, approve, activate, rollback, discard, history, diff, export)
"""What this module adds to ``wasl route``."""


def _wanted(gateway: Gateway, office: str, number: int | None) -> int:
    return build.looks(gateway).open(office) if number is None else number


def _table(file: Path) -> Mapping[str, Any]:
    with file.open("rb") as stream:
        octets = stream.read(LARGEST + 1)
    if len(octets) > LARGEST:
        raise click.BadParameter(f"{file}: more than {LARGEST} octets")
    try:
        return tomllib.loads(octets.decode("utf-8"))
    except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise click.BadParameter(f"{file}: {printable(str(error))}") from error
    except RecursionError as error:
        raise click.BadParameter(f"{file}: tables stand too deep in each other") from error


def _say(as_json: bool, words: str, **found: Any) -> None:
    click.echo(_json(found) if as_json else words)


def _lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _json(found: Any) -> str:
    return json.dumps(found, default=_plain, ensure_ascii=False, indent=1)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return str(value.value)
    raise TypeError(type(value).__name__)
