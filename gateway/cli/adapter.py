"""Commands for who writes kinds of adapters, and for who installs them: ``adapter list new test``."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import click

from adapters.contract import (
    Adapter,
    Finds,
    FindsOnRoute,
    HonoursRepeats,
    Polls,
    Previews,
    Probes,
    Reports,
    TellsSenders,
)
from gateway.bootstrap.kinds import find_adapters, installed
from gateway.cli.partner.party_file import FILE, FOLDER
from gateway.cli.registry import as_json as json_option
from gateway.domain.errors import Misconfigured
from gateway.domain.lines import printable
from gateway.kit.package import new_package
from gateway.kit.run import examined
from gateway.kit.scorecard import Mark, Result, kept
from gateway.kit.subject import Subject


@click.group()
def adapter() -> None:
    """The installed kinds of adapters, and a kit for writing one.

    Example: wasl adapter list
    """


@adapter.command(name="list")
@json_option
def list_(as_json: bool) -> None:
    """List the installed kinds, and what each promises.

    Example: wasl adapter list --json
    """
    loaded = find_adapters()
    found = [_told(entry, loaded.get(entry.name)) for entry in installed()]
    found.sort(key=lambda one: str(one["kind"]))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for one in found:
        kind, module = one.pop("kind"), one.pop("module")
        promises = ", ".join(f"{name}: {value}" for name, value in one.items())
        click.echo(f"{kind}  ({module})\n  {promises}")


def _told(entry: EntryPoint, found: Adapter | None) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": entry.name, "module": entry.value, "loaded": found is not None}
    if found is None:
        return told
    finds = "no" if not isinstance(found, Finds) else "by route" if isinstance(found, FindsOnRoute) else "yes"
    repeats = "by route" if isinstance(found, HonoursRepeats) else "yes" if found.idempotent else "no"
    return told | {
        "idempotent": repeats,
        "streams": found.streams,
        "finds": finds,
        "previews": isinstance(found, Previews),
        "probes": isinstance(found, Probes),
        "polls": "by route" if isinstance(found, Polls) else "no",
        "reports": "by route" if isinstance(found, Reports) else "no",
        "tells_senders": isinstance(found, TellsSenders),
    }


@adapter.command()
@click.argument("name")
@click.argument("folder", type=FOLDER)
def new(name: str, folder: Path) -> None:
    """Write a package for a new kind NAME into FOLDER: module, entry point, README, test.

    Example: wasl adapter new archive ./wasl-archive
    """
    try:
        written = new_package(name, folder)
    except FileExistsError as error:
        raise click.BadParameter(f"{folder} is there already") from error
    except ValueError as error:
        raise click.BadParameter(f"{name}: {error}") from error
    for path in written:
        click.echo(os.fspath(path))


@adapter.command()
@click.argument("kind")
@click.option("--options", "file", type=FILE, required=True, help="A good route's options (TOML).")
@click.option(
    "--target", "command", help="Starts the kind's own target; prints its address at the end of a line."
)
@click.option(
    "--describes", "description", type=FILE, help="What a target tells of itself on GET, such as a WSDL."
)
@click.option(
    "--draft", is_flag=True, help="The first call leaves only a draft, so that trouble in it is temporary."
)
@click.option(
    "--in-place", is_flag=True, help="Deliver to what the options name, such as a folder for tests."
)
@click.option("--folder", "folders", multiple=True, type=FOLDER, help="Where the kind may read and write.")
@json_option
def test(
    kind: str,
    file: Path,
    command: str | None,
    description: Path | None,
    draft: bool,
    in_place: bool,
    folders: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Find out whether KIND keeps the contract, against a target on loopback that misbehaves.

    Addresses in the options are replaced. Secrets: WASL_SECRET_NAME, or one of the kit's own.

    Example: wasl adapter test archive --options example.toml
    """
    found = find_adapters().get(kind)
    if found is None:
        raise click.BadParameter(f"{kind} is not installed, or cannot be loaded: see wasl adapter list")
    told = None if description is None else description.read_bytes()
    below = tuple(folder.absolute() for folder in folders)
    subject = Subject(found, kind, _options(file), told, draft, _secret, below)
    marks = []
    try:
        for mark in examined(subject, command, in_place):
            marks.append(mark)
            if not as_json:
                click.echo(tell_mark(mark))
    except Misconfigured as error:
        raise click.UsageError(str(error)) from error
    _tell(marks, as_json)
    if not kept(marks):
        sys.exit(1)


def _tell(marks: list[Mark], as_json: bool) -> None:
    if as_json:
        rows = [{"check": one.check, "result": one.result.value, "why": one.why} for one in marks]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        counts = [f"{sum(one.result is result for one in marks)} {result.value}" for result in Result]
        click.echo(", ".join(counts))


def _secret(name: str) -> str | None:
    return os.environ.get("WASL_SECRET_" + name.upper().replace("-", "_"))


def _options(file: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{file}: {error}") from error
    whole = isinstance(table.get("options"), dict) and "adapter" in table
    return dict(table["options"]) if whole else table


def tell_mark(mark: Mark) -> str:
    """A check's result in a line."""
    why = f": {printable(mark.why)}" if mark.why else ""
    return f"{mark.result.value:<12} {mark.check}{why}"
