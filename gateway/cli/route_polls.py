"""The command ``route polls``: what a recipient's system was last asked about letters, and answered."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

import click

from gateway.bootstrap import trying
from gateway.cli.exchange import tell_advice, tell_exchange
from gateway.cli.registry import as_json as json_option
from gateway.cli.registry import opened
from gateway.cli.route_try import office_in
from gateway.domain.lines import printable
from gateway.exchange.transit.news_kept import KeptPoll


@click.command()
@click.argument("office_id", metavar="OFFICE")
@click.option("--all", "every", is_flag=True, help="Every poll that is kept, the last one first.")
@json_option
def polls(office_id: str, every: bool, as_json: bool) -> None:
    """Show what the system of OFFICE was last asked about its letters, and what it answered.

    Secrets are left out. The last polls that failed are kept, and the last one that did not; record in
    [routes] says so.

    Example: wasl route polls B0000002-4
    """
    gateway = opened()
    office_in(gateway, office_id)
    found = trying.polls(gateway).of(office_id)
    wanted = found if every else found[:1]
    if as_json:
        click.echo(json.dumps([asdict(one) for one in wanted], default=str, ensure_ascii=False, indent=1))
    for one in () if as_json else wanted:
        for line in _told(one):
            click.echo(line)
    if not wanted:
        click.echo("no poll is kept", err=True)
        sys.exit(1)


def _told(one: KeptPoll) -> Iterator[str]:
    end = one.code or f"{one.heard} pieces of news"
    yield f"poll of {one.office}  {one.at.isoformat(timespec='seconds')}  {one.letters} letters  {end}"
    if one.code:
        yield f"  {printable(one.said or '')}"
        yield from tell_advice(one.code)
    yield from tell_exchange(one.exchange)
