"""Commands by which an operator looks at deliveries and repairs them: ``delivery``."""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import click

from gateway.bootstrap import lifecycle
from gateway.cli.delivery_text import tell_file, tell_line
from gateway.cli.registry import opened
from gateway.domain.transit.repairs import Decision
from gateway.domain.transit.resend import Resend
from gateway.domain.transit.states import Transport
from gateway.exchange.transit.repair import Repair
from gateway.store.transit.delivery_queries import Wanted

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

as_json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
why_option = click.option("--why", required=True, help="Why, in your own words; told to nobody outside.")
by_option = click.option("--by", "actor", default=getpass.getuser, help="Who decides it.")


class Age(click.ParamType[timedelta]):
    """A duration such as ``30m``, ``2h`` or ``3d``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> timedelta:
        """The duration.

        Raises:
            BadParameter: it is none.
        """
        found = re.fullmatch(r"(\d{1,5})([mhd])", str(value))
        if found is None:
            self.fail("a number and m, h or d, such as 2h", param, context)
        return timedelta(**{_UNITS[found[2]]: int(found[1])})


class Moment(click.ParamType[datetime]):
    """A moment with its zone, as ISO 8601 writes it."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> datetime:
        """The moment in UTC.

        Raises:
            BadParameter: it is none, or says no zone.
        """
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("a moment such as 2026-03-01T12:00+01:00", param, context)
        if moment.tzinfo is None:
            self.fail("the moment names no zone: end it with Z or +01:00", param, context)
        return moment.astimezone(UTC)


@click.group()
def delivery() -> None:
    """Look at deliveries and decide about those that are stuck; for the operator, at the hub's home.

    Example: wasl delivery list --state HELD
    """


@delivery.command(name="list")
@click.option("--state", type=click.Choice([one.value for one in Transport]), help="Only in this state.")
@click.option("--office", help="Only to this office.")
@click.option("--older-than", type=Age(), help="Only accepted longer ago than that: 30m, 2h, 3d.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, help="At most so many.")
@as_json_option
def list_(
    state: str | None, office: str | None, older_than: timedelta | None, limit: int, as_json: bool
) -> None:
    """List deliveries, oldest first.

    Example: wasl delivery list --state HELD --older-than 2h
    """
    gateway = opened()
    before = None if older_than is None else gateway.ambient.now() - older_than
    wanted = Wanted(Transport(state) if state else None, office, before)
    found = lifecycle.overview(gateway).list(wanted, limit)
    for one in found:
        click.echo(_json(asdict(one)) if as_json else tell_line(one))
    if not as_json and len(found) == limit:
        click.echo(f"… the first {limit}; there may be more", err=True)


@delivery.command()
@click.argument("name", metavar="ID")
@as_json_option
def show(name: str, as_json: bool) -> None:
    """Show all that is kept about the delivery ID, why it is held, and what may be decided.

    Example: wasl delivery show 01890a5d-ac96-774b-bcce-b302099a8057
    """
    found = lifecycle.overview(opened()).show(name)
    if as_json:
        click.echo(_json(asdict(found)))
        return
    for line in tell_file(found):
        click.echo(line)


@delivery.command()
@click.argument("name", metavar="ID")
@why_option
@click.option(
    "--possible-duplicate",
    is_flag=True,
    help="Send although it may have arrived; every handover that follows says so.",
)
@by_option
@as_json_option
def requeue(name: str, why: str, possible_duplicate: bool, actor: str, as_json: bool) -> None:
    """Try the delivery ID now.

    Example: wasl delivery requeue 01890a5d-ac96-774b-bcce-b302099a8057 --why "their server is up again"
    """
    _decide(name, actor, why, as_json, lambda repair, how: repair.requeue(name, how, possible_duplicate))


@delivery.command()
@click.argument("name", metavar="ID")
@why_option
@click.option("--until", type=Moment(), help="By when somebody decides; then it is given up.")
@by_option
@as_json_option
def hold(name: str, why: str, until: datetime | None, actor: str, as_json: bool) -> None:
    """Stop the delivery ID until somebody decides; with --until, take more time for one that is held.

    Example: wasl delivery hold 01890a5d-ac96-774b-bcce-b302099a8057 --why "asked the town hall"
    """
    _decide(name, actor, why, as_json, lambda repair, how: repair.hold(name, how, until))


@delivery.command()
@click.argument("name", metavar="ID")
@why_option
@by_option
@as_json_option
def release(name: str, why: str, actor: str, as_json: bool) -> None:
    """Let the delivery ID go on that an operator stopped.

    Example: wasl delivery release 01890a5d-ac96-774b-bcce-b302099a8057 --why "the town hall agrees"
    """
    _decide(name, actor, why, as_json, lambda repair, how: repair.release(name, how))


@delivery.command()
@click.argument("name", metavar="ID")
@click.option("--to", "office", required=True, help="Identifier of the office that is to have it.")
@why_option
@by_option
@as_json_option
def redirect(name: str, office: str, why: str, actor: str, as_json: bool) -> None:
    """Pass the delivery ID on to another office.

    Example: wasl delivery redirect 01890a5d-ac96-774b-bcce-b302099a8057 --to B0000002-4 --why "merged"
    """
    _decide(name, actor, why, as_json, lambda repair, how: repair.redirect(name, how, office))


@delivery.command()
@click.argument("name", metavar="ID")
@why_option
@by_option
@as_json_option
def cancel(name: str, why: str, actor: str, as_json: bool) -> None:
    """Take the delivery ID back as its sender asked; --why tells where that wish is on record.

    Example: wasl delivery cancel 01890a5d-ac96-774b-bcce-b302099a8057 --why "the sender's call, ticket 12"
    """
    _decide(name, actor, why, as_json, lambda repair, how: repair.cancel(name, how))


@delivery.command()
@click.argument("name", metavar="ID")
@why_option
@by_option
@as_json_option
def fail(name: str, why: str, actor: str, as_json: bool) -> None:
    """Give the delivery ID up; its sender gets a receipt of non-delivery.

    Example: wasl delivery fail 01890a5d-ac96-774b-bcce-b302099a8057 --why "the office was dissolved"
    """
    _decide(name, actor, why, as_json, lambda repair, how: repair.fail(name, how))


@delivery.command()
@click.argument("name", metavar="ID")
@why_option
@click.option("--to", "office", help="Identifier of another office that is to have it.")
@click.option("--until", type=Moment(), help="The new end, where the sender's own has passed.")
@click.option("--no-end", "endless", is_flag=True, help="It has no end any more.")
@click.option(
    "--possible-duplicate",
    is_flag=True,
    help="Send although it may have arrived; every handover that follows says so.",
)
@by_option
@as_json_option
def resend(
    name: str,
    why: str,
    office: str | None,
    until: datetime | None,
    endless: bool,
    possible_duplicate: bool,
    actor: str,
    as_json: bool,
) -> None:
    """Send anew the delivery ID that failed, expired, or was refused by the wrong office.

    Its outcome stays as it is; a delivery that succeeds it owes an outcome of its own.

    Example: wasl delivery resend 01890a5d-ac96-774b-bcce-b302099a8057 --why "their system was mended"
    """
    wish = Resend(office, possible_duplicate, until, endless)
    _decide(name, actor, why, as_json, lambda repair, how: repair.resend(name, how, wish))


def _decide(
    name: str, actor: str, why: str, as_json: bool, act: Callable[[Repair, Decision], str | None]
) -> None:
    """Carry a decision out and tell where the delivery is then; 1 when the answer is no."""
    try:
        decision = Decision(actor, why)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    gateway = opened()
    successor = act(lifecycle.repair(gateway), decision)
    state = lifecycle.overview(gateway).show(name).line.state
    if as_json:
        click.echo(_json({"id": name, "state": state, "successor": successor}))
    else:
        click.echo(f"{name}  {state}" + (f"  successor {successor}" if successor else ""))


def _json(found: dict[str, Any]) -> str:
    return json.dumps(found, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return str(value.value)
    raise TypeError(type(value).__name__)
