"""Commands on code tables: which values have no entry, and giving one its entry."""

from __future__ import annotations

import getpass
import json
from typing import Any

import click

from gateway.bootstrap import Gateway, lifecycle
from gateway.cli.registry import opened, show_rows
from gateway.domain.errors import Refused
from gateway.domain.registry.tables import no_entry
from gateway.domain.transit.repairs import Decision
from gateway.exchange.transit.attempt import NO_ENTRY
from gateway.store.transit import unmapped_queries


@click.command()
@click.argument("office_id", metavar="[OFFICE]", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def unmapped(office_id: str | None, as_json: bool) -> None:
    """List the values that letters had and code tables have not, of OFFICE or of all.

    `held` counts the letters that wait for an entry; the others went with the entry * of their table.
    What a mapping looks up may be people's own words: the list is not for everybody. A value goes with the
    content of the last letter that had it.

    Example: wasl route unmapped B0000002-4
    """
    gateway = opened()
    show_rows(_values(gateway, office_id), as_json)


def _values(gateway: Gateway, office: str | None) -> list[dict[str, Any]]:
    with gateway.store.read() as session:
        return [
            {
                "office": row.office,
                "table": row.table,
                "value": row.value,
                "count": row.count,
                "held": len(_held(gateway, row.office, row.table, row.value)),
                "first_seen": row.first_seen.isoformat(timespec="seconds"),
                "last_seen": row.last_seen.isoformat(timespec="seconds"),
                "reference": row.reference,
            }
            for row in unmapped_queries.values(session, office)
        ]


def _held(gateway: Gateway, office: str, table: str, value: str) -> list[str]:
    with gateway.store.read() as session:
        return unmapped_queries.held_for(session, office, NO_ENTRY, no_entry(table, value))


@click.command(name="map")
@click.argument("office_id", metavar="OFFICE")
@click.argument("table")
@click.argument("value")
@click.argument("code")
@click.option("--as", "actor", default=getpass.getuser, help="Who makes the change.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def map_(office_id: str, table: str, value: str, code: str, actor: str, as_json: bool) -> None:
    """Let VALUE be CODE in the code table TABLE of OFFICE, and send the letters that are held for it.

    VALUE may be *, which stands for whatever has no entry.

    Example: wasl route map B0000002-4 types complaint RECL --as operator
    """
    gateway = opened()
    made = gateway.registry.map_code(office_id, table, value, code, actor)
    sent, left = _sent_again(gateway, office_id, table, value, Decision(actor, f"{table}: {value} is {code}"))
    if as_json:
        click.echo(json.dumps({"changes": made, "sent_again": sent, "left": left}, ensure_ascii=False))
        return
    for line in made or ["nothing to change"]:
        click.echo(line)
    for delivery in sent:
        click.echo(f"sent again {delivery}")
    for delivery, why in left.items():
        click.echo(f"left held {delivery}: {why}")


def _sent_again(
    gateway: Gateway, office: str, table: str, value: str, decision: Decision
) -> tuple[list[str], dict[str, str]]:
    """The deliveries that are tried again, and those that are not, with the reason's code."""
    repair, sent, left = lifecycle.repair(gateway), [], {}
    for delivery in _held(gateway, office, table, value):
        try:
            repair.requeue(delivery, decision)
        except Refused as refused:  # it may have arrived by an earlier attempt, or somebody was quicker
            left[delivery] = str(refused)
        else:
            sent.append(delivery)
    return sent, left
