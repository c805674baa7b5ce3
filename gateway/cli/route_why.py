"""Commands that tell why letters go where they go: ``route why``, ``route explain``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.bootstrap import routing
from gateway.cli.delivery import Moment
from gateway.cli.registry import as_json, opened
from gateway.cli.route_text import tell_explained, tell_foretold
from gateway.domain.errors import Refused
from gateway.domain.evidence.reasons import explain as words_of

XML, JSON = "application/xml", "application/json"
_SIGNATURE = b"http://www.w3.org/2000/09/xmldsig#"
_LARGEST = 16 * 1024**2


@click.command()
@click.argument("reference")
@click.option("--office", help="Only what this office receives, or what was addressed to it.")
@click.option("--delivery", help="Only this delivery.")
@as_json
def why(reference: str, office: str | None, delivery: str | None, as_json: bool) -> None:
    """Tell why each delivery of the letter REFERENCE went where it went, and what moved it since.

    Example: wasl route why 7K3M-9QXA-2FT
    """
    try:
        found = routing.explaining(opened()).why(reference, office, delivery)
    except Refused as refusal:
        _refuse(refusal)
    if as_json:
        _print([{**asdict(one), "addressed": one.addressed} for one in found])
        return
    for one in found:
        _lines(tell_explained(one))


@click.command(name="explain")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--at", "moment", type=Moment(), help="As if it came then: 2026-03-01T12:00+01:00.")
@as_json
def explain(file: Path, moment: datetime | None, as_json: bool) -> None:
    """Tell where the envelope in FILE would go and by which rules; nothing is accepted or kept.

    FILE holds an envelope as it is sent, or one in XML or JSON that nobody signed yet.

    Example: wasl route explain draft.json --at 2026-08-01T08:00+01:00
    """
    octets = file.read_bytes() if file.stat().st_size <= _LARGEST else b""
    if not octets:
        raise click.BadParameter(f"{file}: empty, or larger than {_LARGEST} octets")
    explaining = routing.explaining(opened())
    try:
        found = explaining.foretell(explaining.read(octets, *_form(octets)), moment)
    except Refused as refusal:
        _refuse(refusal)
    if as_json:
        _print([asdict(one) for one in found])
        return
    for one in found:
        _lines(tell_foretold(one))


def _form(octets: bytes) -> tuple[str, bool]:
    """Which syntax an envelope is in, and whether it is signed."""
    begin = octets.lstrip()
    if begin.startswith(b"<"):
        return XML, _SIGNATURE in octets
    if not begin.startswith(b"{"):
        return "application/jose", True
    try:
        signed = "signature" in json.loads(octets)
    except (ValueError, RecursionError):
        signed = False  # whoever reads it says what is wrong
    return ("application/jose+json", True) if signed else (JSON, False)


def _refuse(refusal: Refused) -> Any:
    for fault in refusal.faults:
        where = f" at {fault.where}" if fault.where else ""
        click.echo(f"wasl: {fault.code}{where} {' '.join(words_of(fault, 'en'))}", err=True)
    sys.exit(1)


def _lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _print(found: list[dict[str, Any]]) -> None:
    click.echo(json.dumps(found, default=datetime.isoformat, ensure_ascii=False, indent=1))
