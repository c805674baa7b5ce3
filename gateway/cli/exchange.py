"""The command ``delivery exchange``: what attempts sent and were answered, as it was recorded."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict

import click

from gateway.bootstrap import trying
from gateway.cli.registry import as_json as json_option
from gateway.cli.registry import opened
from gateway.domain.errors import NotFound
from gateway.domain.evidence.operators import advice
from gateway.domain.lines import printable
from gateway.domain.transit.exchange import MOST_CALLS, Call, Exchange
from gateway.exchange.transit.exchanges import KeptAttempt


@click.command()
@click.argument("name", metavar="REFERENCE")
@click.option("--attempt", "number", type=click.IntRange(1), help="Only this attempt; the last by default.")
@click.option("--all", "every", is_flag=True, help="Every attempt.")
@json_option
def exchange(name: str, number: int | None, every: bool, as_json: bool) -> None:
    """Show what was sent to the recipient's system and what it answered: secrets and files left out.

    REFERENCE is a letter's, or a delivery's identifier. Which attempts are kept: record in [routes].

    Example: wasl delivery exchange 7K3M-Q9XT-V2H --attempt 1
    """
    try:
        found = trying.exchanges(opened()).of(name)
    except NotFound:
        click.echo(f"wasl: {name} is no letter and no delivery", err=True)
        sys.exit(1)
    wanted = [one for one in found if number in (None, one.number)]
    if number is None and not every:
        last = {one.delivery: one for one in wanted}
        wanted = list(last.values())
    if as_json:
        click.echo(json.dumps([asdict(one) for one in wanted], default=str, ensure_ascii=False, indent=1))
    for one in () if as_json else wanted:
        for line in tell_attempt(one):
            click.echo(line)
    if not wanted:
        click.echo("no such attempt" if number else "no attempt was made yet", err=True)
        sys.exit(1)


def tell_attempt(one: KeptAttempt) -> Iterator[str]:
    """An attempt with its calls, line by line."""
    end = "under way" if one.ended_at is None else one.code or "taken"
    yield f"attempt {one.number} at {one.delivery}  {one.started_at.isoformat(timespec='seconds')}  {end}"
    if one.code:
        yield from tell_advice(one.code)
    if one.exchange is None:
        yield "  what was exchanged was not kept"
        return
    yield from tell_exchange(one.exchange)


def tell_exchange(exchange: Exchange) -> Iterator[str]:
    """Calls and their answers, line by line."""
    for at, call in enumerate(exchange.calls):
        if exchange.more and at == MOST_CALLS // 2:
            yield f"  … {exchange.more} calls in between were not kept"
        yield from tell_call(call)


def tell_advice(code: str) -> Iterator[str]:
    """Cause and next action of a failure, for who runs the hub."""
    words = advice(code, "en")
    if words is not None:
        yield f"  cause: {words.cause}"
        yield f"  next: {words.action}"


def tell_call(call: Call) -> Iterator[str]:
    """A call and its answer, line by line."""
    yield f"  +{call.at_ms} ms  {call.method} {printable(call.url)}"
    yield from _part(call.headers, call.body, call.octets, "> ")
    if call.error is not None:
        yield f"  after {call.took_ms} ms: {printable(call.error)}"
    if call.status is not None:
        yield f"  after {call.took_ms} ms: HTTP {call.status}"
        yield from _part(call.answer_headers, call.answer, call.answer_octets or 0, "< ")
    elif call.answer:
        yield f"  after {call.took_ms} ms: {printable(call.answer)}"


def _part(headers: Mapping[str, str], body: str, octets: int, sign: str) -> Iterator[str]:
    for name, value in headers.items():
        yield f"  {sign}{printable(name)}: {printable(value)}"
    for line in body.splitlines():
        yield f"  {sign}  {printable(line)}"
    if octets:
        yield f"  {sign}({octets} octets)"
