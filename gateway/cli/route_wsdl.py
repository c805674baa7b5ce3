"""What a document system offers, to choose a route's operation from: ``wasl route operations``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import groupby
from typing import Any

import click

from adapters.contract import Adapter
from adapters.describing import Describes, Offer, Parameter
from gateway.bootstrap import Gateway, build, contexts
from gateway.cli.process import settings_from_environment
from gateway.domain.registry.parties import Route, RouteKind
from gateway.store.registry import queries


@click.command(name="operations")
@click.argument("url", required=False)
@click.option(
    "--office", "office_id", metavar="ID", help="Ask at the route of this office, as its options say."
)
@click.option("--kind", help="The kind of system at URL; needed where several kinds describe themselves.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def operations(url: str | None, office_id: str | None, kind: str | None, as_json: bool) -> None:
    """List what the document system at URL, or behind an office's route, can be asked.

    Nothing is called there but its description, by the hub's guarded way out. A mapping uses the names
    as they stand here; * is required, + may stand several times.

    Example: wasl route operations https://courrier.example/service?wsdl
    """
    if (url is None) == (office_id is None):
        raise click.UsageError("name a URL, or an office by --office")
    gateway = build(settings_from_environment())
    route = _of_office(gateway, office_id) if office_id is not None else _at(gateway, url or "", kind)
    adapter = gateway.adapters.get(route.adapter)
    if not isinstance(adapter, Describes):
        raise click.BadParameter(f"systems of kind {route.adapter or '-'} do not describe themselves")
    found = adapter.describe(contexts(gateway)(route))
    click.echo(
        json.dumps([asdict(offer) for offer in found], ensure_ascii=False, indent=1)
        if as_json
        else "\n".join(_lines(found))
    )


def _of_office(gateway: Gateway, office_id: str) -> Route:
    with gateway.store.read() as session:
        for office in queries.offices(session):
            if office.id == office_id:
                return office.route
    raise click.BadParameter(f"{office_id} is not registered")


def _at(gateway: Gateway, url: str, kind: str | None) -> Route:
    able: Mapping[str, Adapter] = {
        name: adapter for name, adapter in gateway.adapters.items() if isinstance(adapter, Describes)
    }
    if kind is None and len(able) != 1:
        raise click.UsageError(f"name a kind by --kind: {', '.join(sorted(able)) or 'none is installed'}")
    name = kind if kind is not None else next(iter(able))
    adapter = able.get(name)
    options: Mapping[str, Any] = adapter.described_at(url) if isinstance(adapter, Describes) else {}
    return Route(RouteKind.ADAPTER, name, options)


def _lines(found: tuple[Offer, ...]) -> Iterator[str]:
    for (service, port, protocol, url), offers in groupby(
        found, key=lambda offer: (offer.service, offer.port, offer.protocol, offer.url)
    ):
        yield f"{service}  {port}  {protocol}  {url}"
        for offer in offers:
            yield f"  {offer.operation}"
            yield from _indented(offer.takes, 4)
            if offer.headers:
                yield "    headers"
                yield from _indented(offer.headers, 6)
            if offer.answers:
                yield "    answers"
                yield from _indented(offer.answers, 6)


def _indented(parameters: tuple[Parameter, ...], depth: int) -> Iterator[str]:
    for one in parameters:
        marks = ("*" if one.required else "") + ("+" if one.many else "")
        yield f"{' ' * depth}{one.name}{marks}  {one.type}".rstrip()
        yield from _indented(one.parameters, depth + 2)
