"""Commands on retention: ``purge`` with ``hold release holds``."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from gateway.bootstrap import Gateway
from gateway.bootstrap import evidence as building
from gateway.cli.registry import opened
from gateway.exchange.evidence.holds import Hold, Holds
from gateway.exchange.evidence.purge import Due

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
why_option = click.option("--why", required=True, help="On whose order, and in which matter.")
by_option = click.option("--by", "actor", default=getpass.getuser, help="Who decides it.")


@click.group(invoke_without_command=True)
@click.option("--dry-run", is_flag=True, help="Only list what is due, and by which rule.")
@click.option("--by", "actor", default=getpass.getuser, help="Who purges, as the record states it.")
@as_json_option
@click.pass_context
def purge(context: click.Context, dry_run: bool, actor: str, as_json: bool) -> None:
    """Destroy the content of letters whose time is over; receipts and the ledger stay.

    Example: wasl purge --dry-run
    """
    if context.invoked_subcommand is not None:
        return
    gateway = opened()
    if dry_run:
        _tell_due(gateway, as_json)
        return
    done = building.purge(gateway).run(actor)
    if as_json:
        click.echo(json.dumps({"purged": done.letters, "failed": done.failed}))
    else:
        for reference in done.letters:
            click.echo(reference)
        click.echo(f"{len(done.letters)} purged")
    if done.failed:
        click.echo(f"wasl: {done.failed} could not be purged now; see the log", err=True)
        sys.exit(3)


def _tell_due(gateway: Gateway, as_json: bool) -> None:
    for one in building.purge(gateway).due():
        found = _due(one)
        click.echo(json.dumps(found) if as_json else "  ".join(str(value) for value in found.values()))


def _due(one: Due) -> dict[str, Any]:
    return {
        "reference": one.reference,
        "rule": one.rule.code,
        "days": one.rule.days,
        "ended": _moment(one.ended_at),
        "due": _moment(one.term),
        "confirmed": one.rule.confirmed,
    }


@purge.command()
@click.argument("reference")
@why_option
@by_option
@as_json_option
def hold(reference: str, why: str, actor: str, as_json: bool) -> None:
    """Keep the content of the letter REFERENCE until the hold is released, whatever the rules say.

    Example: wasl purge hold 7K3M-Q9XT-V2H --why "order of the court of 3 March"
    """
    _decide(lambda holds: holds.place(reference, actor, why), as_json)


@purge.command()
@click.argument("reference")
@why_option
@by_option
@as_json_option
def release(reference: str, why: str, actor: str, as_json: bool) -> None:
    """Release the hold on the letter REFERENCE; the rules count again.

    Example: wasl purge release 7K3M-Q9XT-V2H --why "the matter is closed"
    """
    _decide(lambda holds: holds.release(reference, actor, why), as_json)


@purge.command()
@click.option("--all", "every", is_flag=True, help="Released ones too.")
@as_json_option
def holds(every: bool, as_json: bool) -> None:
    """List the legal holds in force.

    Example: wasl purge holds --json
    """
    for one in building.holds(opened()).all(every):
        _tell(one, as_json)


def _decide(decision: Callable[[Holds], Hold], as_json: bool) -> None:
    """Tell what became of the decision; 1 when the answer is no."""
    try:
        found = decision(building.holds(opened()))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    _tell(found, as_json)


def _tell(hold: Hold, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(hold), default=_moment, ensure_ascii=False))
        return
    click.echo(f"{hold.reference}  since {_moment(hold.placed_at)} by {hold.placed_by}: {hold.why}")
    if hold.released_at is not None:
        click.echo(f"  released {_moment(hold.released_at)} by {hold.released_by}: {hold.released_why}")


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
