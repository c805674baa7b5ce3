"""Claims, breakers and the fallback, built from settings."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.domain.transit.breaker import BreakerRule
from gateway.domain.transit.sharing import Shares
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.claim import Claims
from gateway.exchange.transit.fallback import Fallback
from gateway.exchange.transit.letters import Letters
from gateway.exchange.transit.outcomes import Outcomes
from gateway.exchange.transit.routes import Routes
from gateway.exchange.transit.setback import Setback
from gateway.settings import Settings
from gateway.store.sessions import Store

if TYPE_CHECKING:
    from gateway.bootstrap import Gateway


def shares(settings: Settings) -> Shares:
    """How a worker's places are shared."""
    routes = settings.routes
    return Shares(
        places=settings.worker.threads,
        route=routes.route_share,
        unproven=routes.unproven_share,
        bulk=routes.bulk_share,
        patience=timedelta(seconds=routes.bulk_patience_seconds),
        concurrency=routes.concurrency,
        per_minute=routes.per_minute,
    )


def claims(gateway: Gateway, owner: str) -> Claims:
    """Claims in the name of ``owner``."""
    worker = gateway.settings.worker
    return Claims(
        gateway.store,
        gateway.ambient,
        owner,
        timedelta(seconds=worker.lease_seconds),
        shares=shares(gateway.settings),
        retry=gateway.settings.retry.schedule,
        most_lost=worker.lost_leases,
        longest=timedelta(seconds=worker.longest_seconds),
    )


def routes(settings: Settings, store: Store, ambient: Ambient) -> Routes:
    """The breakers of all routes."""
    own = settings.routes
    rule = BreakerRule(
        own.breaker_failures, own.breaker_first_seconds, own.breaker_factor, own.breaker_cap_seconds
    )
    return Routes(store, ambient, rule)


def fallback(gateway: Gateway, letters: Letters, outcomes: Outcomes) -> Fallback:
    """The job that lays letters ready here when their route fails for long."""
    after = timedelta(seconds=gateway.settings.routes.fallback_seconds)
    return Fallback(gateway.store, gateway.ambient, letters, outcomes, after)


def setback(gateway: Gateway) -> Setback:
    """The job that makes due what a clock which was ahead put off."""
    settings = gateway.settings
    rest = max(settings.routes.breaker_cap_seconds, settings.worker.lease_seconds)
    return Setback(gateway.store, gateway.ambient, settings.retry.schedule, timedelta(seconds=rest))
