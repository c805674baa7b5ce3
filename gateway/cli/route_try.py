"""Commands that try a route: ``route probe``, ``route preview``, ``route try``."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from adapters.contract import Letter, Request
from gateway.bootstrap import Gateway, letters, trying
from gateway.cli.exchange import tell_advice
from gateway.cli.partner.party_file import FILE
from gateway.cli.registry import as_json as json_option
from gateway.cli.registry import opened
from gateway.domain.errors import DeliveryError, Fault
from gateway.domain.evidence.operators import advice
from gateway.domain.evidence.reasons import explain
from gateway.domain.lines import printable
from gateway.domain.registry.parties import Office, Route, RouteKind
from gateway.domain.transit.probing import Step, StepState
from gateway.exchange.operate.trying_letters import TryingLetters, read_envelope
from gateway.store.registry import queries

_MARKS = {StepState.OK: "ok", StepState.FAILED: "FAILED", StepState.NOT_TRIED: "not tried"}
_NO_OFFICE = Office("B0000000-0", "A0000000-0", {}, Route(RouteKind.OFFICE))

_file = click.option(
    "--file", "file", type=FILE, help="A route that is not registered: its options, or adapter and options."
)
_kind = click.option("--adapter", "kind", help="The kind, where the file has the options alone.")


def office_in(gateway: Gateway, name: str) -> Office:
    """A registered office.

    Raises:
        click.BadParameter: there is none of this identifier.
    """
    with gateway.store.read() as session:
        office = queries.office(session, name, gateway.settings.retry.schedule)
    if office is None:
        raise click.BadParameter(f"{name} is not registered")
    return office


def tried(gateway: Gateway, name: str | None, file: Path | None, kind: str | None) -> Office:
    """The office whose route is tried; with ``file``, as if it had the route that stands there.

    Raises:
        click.UsageError: neither is named, or the file says no kind.
        click.BadParameter: no such office, or the file is no TOML.
    """
    if name is None and file is None:
        raise click.UsageError("name an office, or a file with --file")
    office = _NO_OFFICE if name is None else office_in(gateway, name)
    if file is None:
        return office
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{file}: {error}") from error
    whole = isinstance(table.get("options"), dict) and isinstance(table.get("adapter"), str)
    adapter = str(table["adapter"]) if whole else kind
    if adapter is None:
        raise click.UsageError("the file has options alone: name their kind with --adapter")
    route = Route(RouteKind.ADAPTER, adapter, table["options"] if whole else table)
    return Office(office.id, office.party, office.names, route, document_types=office.document_types)


@click.command()
@click.argument("office", required=False)
@_file
@_kind
@json_option
def probe(office: str | None, file: Path | None, kind: str | None, as_json: bool) -> None:
    """Test the connection of OFFICE's route step by step; no letter is sent.

    Name, connection, TLS, authentication, and what the system itself is asked.

    Example: wasl route probe B0000002-4
    """
    gateway = opened()
    steps = trying.probing(gateway).probe(tried(gateway, office, file, kind).route)
    if as_json:
        click.echo(json.dumps([_step(one) for one in steps], ensure_ascii=False, indent=1))
    for one in () if as_json else steps:
        for line in tell_step(one):
            click.echo(line)
    if any(one.state is StepState.FAILED for one in steps):
        sys.exit(1)


def _step(step: Step) -> dict[str, Any]:
    words = advice(step.code, "en") if step.code else None
    table = {"step": step.name.value, "state": step.state.value, "where": step.where, "found": step.found}
    told = {} if words is None else {"cause": words.cause, "next": words.action}
    return table | ({"code": step.code} if step.code else {}) | told


def tell_step(step: Step) -> Iterator[str]:
    """A step in a line; with cause and next action where it failed."""
    mark = _MARKS.get(step.state, step.state.value)
    where = f"  {printable(step.where)}" if step.where else ""
    found = f"  {printable(step.found)}" if step.found else ""
    yield f"{step.name.value:<14}  {mark:<10}{where}{found}".rstrip()
    if step.code is not None:
        yield f"  {step.code}: {explain_code(step.code)}"
        yield from tell_advice(step.code)


def explain_code(code: str) -> str:
    """A reason's text for people."""
    return explain(Fault(code), "en")[0]


@click.command()
@click.argument("office", required=False)
@_file
@_kind
@click.option("--envelope", type=FILE, help="The letter: an envelope in XML or JSON, signed or not.")
@click.option("--reference", help="The letter: one that the hub accepted.")
@json_option
def preview(
    office: str | None,
    file: Path | None,
    kind: str | None,
    envelope: Path | None,
    reference: str | None,
    as_json: bool,
) -> None:
    """Show the exact calls by which a letter would reach OFFICE; none is sent, secrets are left out.

    Without --envelope and --reference it is a made-up letter.

    Example: wasl route preview B0000002-4 --reference 7K3M-Q9XT-V2H
    """
    if envelope is not None and reference is not None:
        raise click.UsageError("either --envelope or --reference")
    gateway = opened()
    wanted = tried(gateway, office, file, kind)
    try:
        letter = _letter(gateway, wanted, envelope, reference)
        calls = trying.previewing(gateway).preview(wanted.route, letter)
    except DeliveryError as error:
        _tell_error(error, as_json)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in calls], ensure_ascii=False, indent=1))
    for one in () if as_json else calls:
        for line in tell_request(one):
            click.echo(line)


def _letter(gateway: Gateway, office: Office, file: Path | None, reference: str | None) -> Letter:
    made = TryingLetters(letters(gateway), gateway.ambient, gateway.settings.hub.code)
    if reference is not None:
        return made.accepted(reference, office)
    if file is None:
        return made.made_up(office)
    octets = file.read_bytes()
    return made.of(read_envelope(octets), office, octets)


def _tell_error(error: DeliveryError, as_json: bool) -> None:
    if as_json:
        words = advice(error.code, "en")
        told = {"code": error.code, "detail": error.detail} | (asdict(words) if words else {})
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    click.echo(f"{error.code}: {explain_code(error.code)} {printable(error.detail)}".rstrip(), err=True)
    for line in tell_advice(error.code):
        click.echo(line, err=True)


def tell_request(request: Request) -> Iterator[str]:
    """A call line by line."""
    yield f"{request.method} {printable(request.url)}"
    for name, value in request.headers.items():
        yield f"{printable(name)}: {printable(value)}"
    yield ""
    for line in request.body.splitlines():
        yield printable(line)
    yield ""
