"""Commands on parties: who is registered, and how far their own systems and webhooks were told."""

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
from gateway.bootstrap.telling import push_repair
from gateway.cli.registry import as_json, opened, show_rows
from gateway.domain.errors import NotFound
from gateway.exchange.registry.names import name_in
from gateway.exchange.transit.push_repair import PushRepair, Told
from gateway.exchange.transit.webhooks import Webhook, Webhooks
from gateway.store.registry import queries


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def party(context: click.Context, as_json: bool) -> None:
    """List the registered parties.

    Example: wasl party --json
    """
    if context.invoked_subcommand is not None:
        return
    show_rows(_parties(opened()), as_json)


def _parties(gateway: Gateway) -> list[dict[str, Any]]:
    with gateway.store.read() as session:
        return [
            {
                "id": party.id,
                "kind": party.kind.value,
                "state": "active" if party.active else "closed",
                "name": name_in(party.names, gateway.languages),
            }
            for party in queries.parties(session)
        ]


@party.command()
@click.argument("name", metavar="[PARTY]", required=False)
@as_json
def receipts(name: str | None, as_json: bool) -> None:
    """Show how far senders' own systems were told their receipts; for PARTY, which ones it refused too.

    Example: wasl party receipts A0000901-U
    """
    repair = push_repair(opened())
    found = [one for one in repair.list() if name in (None, one.party)]
    untold = _or_no(lambda: repair.untold(name)) if name else ()
    if as_json:
        members = [asdict(one) for one in found]
        if name:
            members[0]["untold"] = [asdict(one) for one in untold]
        click.echo(json.dumps(members, default=datetime.isoformat, ensure_ascii=False, indent=1))
        return
    for one in found:
        _tell(one)
    for passed in untold:
        why = f"passed over by {passed.passed_by}" if passed.passed_by else "refused"
        said = " ".join(filter(None, (passed.code, passed.said)))
        click.echo(
            f"  {passed.receipt_id}  {passed.kind}  {why} {passed.at:%Y-%m-%d %H:%M}Z  {said}".rstrip()
        )


def _tell(one: Told) -> None:
    click.echo(f"{one.party}  {one.state}  {one.told} told, {one.refused} not taken")
    if one.oldest is not None:
        click.echo(f"  next {one.next_receipt or '-'} of {one.oldest:%Y-%m-%d %H:%M}Z")
    if one.failing_since is not None:
        click.echo(
            f"  fails since {one.failing_since:%Y-%m-%d %H:%M}Z ({one.failures} times), "
            f"next try {one.due_at:%Y-%m-%d %H:%M}Z: {one.code} {one.said or ''}".rstrip()
        )


@party.command()
@click.argument("name", metavar="PARTY")
@click.option("--from", "first", metavar="RECEIPT", help="Tell this receipt and all that follow it again.")
@click.option("--skip", metavar="RECEIPT", help="Pass over this receipt, which must be the next one.")
@click.option("--by", "actor", default=getpass.getuser, help="Who decides it.")
def push(name: str, first: str | None, skip: str | None, actor: str) -> None:
    """Tell PARTY's own system its receipts now, from where it stopped.

    Example: wasl party push A0000901-U
    """
    if first and skip:
        raise click.UsageError("either --from or --skip")
    repair = push_repair(opened())
    _or_no(lambda: _decide(repair, name, first, skip, actor))
    _tell(next(one for one in repair.list() if one.party == name))


def _decide(repair: PushRepair, name: str, first: str | None, skip: str | None, actor: str) -> None:
    if first:
        repair.again_from(name, first, actor)
    elif skip:
        repair.pass_over(name, skip, actor)
    else:
        repair.go_on(name, actor)


_NO_RECEIPT = "no such party with a system of its own, or not such a receipt"


def _or_no(act: Callable[[], Any], otherwise: str = _NO_RECEIPT) -> Any:
    """What comes of it; ends with 1, saying what there is not, where there is no such thing."""
    try:
        return act()
    except NotFound:
        click.echo(f"wasl: {otherwise}", err=True)
        sys.exit(1)


@party.command()
@click.argument("name", metavar="[PARTY]", required=False)
@click.option("--disable", "off", metavar="ID", help="Switch this webhook off.")
@click.option(
    "--enable", "on", metavar="ID", help="Let this webhook go on now, with its whole lifetime again."
)
@click.option("--by", "actor", default=getpass.getuser, help="Who decides it.")
@as_json
def webhooks(name: str | None, off: str | None, on: str | None, actor: str, as_json: bool) -> None:
    """Show the webhooks of all parties or of PARTY, and switch one off or on.

    Example: wasl party webhooks A0000901-U
    """
    if on and off:
        raise click.UsageError("either --enable or --disable")
    hooks = opened().services.webhooks
    if on or off:
        _or_no(lambda: hooks.switch(on or off or "", bool(on), actor), "no such webhook")
    show_hooks(hooks, name, as_json)


def show_hooks(hooks: Webhooks, name: str | None, as_json: bool) -> None:
    """The webhooks of a party or of all."""
    found = [one for one in hooks.every() if name in (None, one.party)]
    if as_json:
        members = [asdict(one) for one in found]
        click.echo(json.dumps(members, default=datetime.isoformat, ensure_ascii=False, indent=1))
        return
    for one in found:
        _hook(one)


def _hook(one: Webhook) -> None:
    click.echo(f"{one.party}  {one.id}  {one.state}  {one.told} told  {one.wanted.url}")
    if one.failing_since is not None:
        due = f", next try {one.due_at:%Y-%m-%d %H:%M}Z" if one.active else ""
        said = " ".join(filter(None, (one.code, one.said)))
        click.echo(f"  fails since {one.failing_since:%Y-%m-%d %H:%M}Z ({one.failures} times){due}: {said}")
