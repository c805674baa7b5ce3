"""Builds what explains where letters go, and what empties offices that have closed."""

from __future__ import annotations

from gateway.bootstrap import Gateway, lifecycle
from gateway.exchange.transit.clearing import Clearing
from gateway.exchange.transit.explaining import Explaining


def explaining(gateway: Gateway) -> Explaining:
    """What answers the operator's question why."""
    judge = gateway.services.checking.judge
    overview = lifecycle.overview(gateway)
    return Explaining(gateway.store, overview, judge, gateway.ambient, gateway.languages)


def clearing(gateway: Gateway) -> Clearing:
    """What passes on letters that wait for a closed office."""
    return Clearing(gateway.store, lifecycle.repair(gateway), gateway.ambient)
