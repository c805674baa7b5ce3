"""The commands whose parts lie in several modules, put together."""

from __future__ import annotations

from gateway.cli import (
    exchange,
    route_codes,
    route_delivery,
    route_polls,
    route_secrets,
    route_try,
    route_versions,
    route_why,
    trial_party,
)
from gateway.cli.delivery import delivery
from gateway.cli.party import party
from gateway.cli.registry import route

__all__ = ["delivery", "party", "route"]

delivery.add_command(exchange.exchange)
party.add_command(trial_party.trial)
for part in (
    *(route_why.why, route_why.explain),
    route_polls.polls,
    *(route_codes.unmapped, route_codes.map_),
    *route_versions.COMMANDS,
    route_secrets.secret,
    *(route_try.probe, route_try.preview, route_delivery.try_),
):
    route.add_command(part)
