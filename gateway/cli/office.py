"""Commands on order offices: ``office``, ``office close``, ``office reopen``, ``office clear``."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from gateway.bootstrap import Gateway, routing
from gateway.cli.registry import as_json, opened, show_rows
from gateway.domain.errors import Fault, Refused
from gateway.domain.evidence.reasons import explain
from gateway.domain.registry.parties import Office
from gateway.domain.transit.repairs import Decision
from gateway.domain.transit.routing_rules import Closing
from gateway.exchange.registry.names import name_in
from gateway.store.registry import queries

_NOTHING = "nothing to change"
by_option = click.option("--as", "actor", default=getpass.getuser, help="Who makes the change.")


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def office(context: click.Context, as_json: bool) -> None:
    """List the order offices; close one, and see to what waits there.

    Example: wasl office --json
    """
    if context.invoked_subcommand is None:
        show_rows(_offices(opened()), as_json)


def _offices(gateway: Gateway) -> list[dict[str, Any]]:
    today = gateway.pack.local(gateway.ambient.now()).date()
    with gateway.store.read() as session:
        found = queries.offices(session)
    return [
        {
            "id": one.id,
            "party": one.party,
            "state": "active" if one.active and one.closed_on(today) is None else "closed",
            "route": one.route.kind.value,
            "name": name_in(one.names, gateway.languages),
        }
        | _closing(one)
        for one in found
    ]


def _closing(office: Office) -> dict[str, Any]:
    if office.closing is None:
        return {}
    since, successor = office.closing.since.isoformat(), office.closing.successor
    return {"closes_at": since} | ({"successor": successor} if successor else {})


@office.command()
@click.argument("office_id", metavar="OFFICE")
@click.option("--from", "day", type=click.DateTime(["%Y-%m-%d"]), help="First day; without it, today.")
@click.option("--successor", help="The office that is in charge from then on.")
@click.option("--refuse", is_flag=True, help="Refuse its mail and name the successor; do not forward.")
@by_option
def close(office_id: str, day: datetime | None, successor: str | None, refuse: bool, actor: str) -> None:
    """Let OFFICE take nothing more from a day on; its mail goes to the successor, and senders are told.

    In a registry file: closes_at, successor and closed_mail of the office.

    Example: wasl office close B0000002-4 --from 2027-01-01 --successor B0000003-2 --as operator
    """
    if refuse and successor is None:
        raise click.UsageError("--refuse names the successor: give --successor too")
    gateway = opened()
    since = gateway.pack.local(gateway.ambient.now()).date() if day is None else day.date()
    _say(gateway.registry.close(office_id, Closing(since, successor, not refuse), actor) or [_NOTHING])
    waiting = routing.clearing(gateway).waiting(office_id)
    if waiting:
        click.echo(f"waiting there: {len(waiting)}; once it is closed: wasl office clear {office_id}")


@office.command()
@click.argument("office_id", metavar="OFFICE")
@by_option
def reopen(office_id: str, actor: str) -> None:
    """Let OFFICE take letters itself again, or still, as if nobody had closed it.

    Example: wasl office reopen B0000002-4 --as operator
    """
    _say(opened().registry.close(office_id, None, actor) or [_NOTHING])


@office.command()
@click.argument("office_id", metavar="OFFICE")
@click.option("--why", required=True, help="Why, in your own words; told to nobody outside.")
@by_option
@as_json
def clear(office_id: str, why: str, actor: str, as_json: bool) -> None:
    """Pass on to the successor what waits for OFFICE, which has closed; each sender gets a receipt.

    What may have arrived already, or what somebody has in hand, stays for you to decide.

    Example: wasl office clear B0000002-4 --why "moved to the regional office" --as operator
    """
    try:
        cleared = routing.clearing(opened()).clear(office_id, Decision(actor, why))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    except Refused as refusal:
        _say(f"wasl: {_words(fault.code)}" for fault in refusal.faults)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(asdict(cleared), ensure_ascii=False))
        return
    _say(f"{delivery}  passed on to {cleared.successor} as {after}" for delivery, after in cleared.moved)
    _say(f"{one.delivery}  stays: {_words(one.code)}" for one in cleared.left)
    click.echo(f"{len(cleared.moved)} passed on, {len(cleared.left)} left")


def _words(code: str) -> str:
    return f"{code} {explain(Fault(code), 'en')[0]}"


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
