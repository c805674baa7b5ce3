"""What everybody who sends may know of an order office, and how it is found by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from gateway.domain.folding import folded
from gateway.domain.registry.parties import Names, Office, Route, RouteKind
from gateway.domain.transit.breaker import Breaker, BreakerState


class RouteHealth(Enum):
    """How letters reach an office now, in a word that may be public."""

    WORKS = "works"  # as it should
    SLOW = "slow"  # its system is failing or paused: letters wait
    HUB = "hub"  # letters lie in the hub's own order office


@dataclass(frozen=True)
class ListedOffice:
    """An office that receives.

    Attributes:
        party_names: of the body whose office it is.
        health: of its route.
        encryption_certificate: in DER, for whoever encrypts attachments end to end.
    """

    office: Office
    party_names: Names
    health: RouteHealth
    encryption_certificate: bytes | None


def health_of(
    route: Route, breaker: Breaker, paused: bool, fallback: timedelta, now: datetime
) -> RouteHealth:
    """How an office's route is.

    Args:
        paused: whether nothing is claimed for it.
        fallback: after how long of failing the hub keeps the letters, unless the route itself says so;
            0: never.
    """
    if route.kind is not RouteKind.ADAPTER:
        return RouteHealth.HUB if route.kind is RouteKind.OFFICE else RouteHealth.WORKS
    own = route.fallback_seconds
    after = fallback if own is None else timedelta(seconds=own)
    if after and breaker.failing_since is not None and breaker.failing_since + after <= now:
        return RouteHealth.HUB
    good = breaker.state is BreakerState.CLOSED and breaker.failing_since is None and not paused
    return RouteHealth.WORKS if good else RouteHealth.SLOW


def searched(names: Mapping[str, str]) -> str:
    """All that a body or an office is called, as it is searched."""
    return "\n".join(folded(name) for name in names.values())
