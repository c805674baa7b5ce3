"""Builds what operators try routes with, and what keeps exchanges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.domain.transit.exchange import Record
from gateway.exchange.transit.exchanges import Exchanges

if TYPE_CHECKING:
    from gateway.bootstrap import Gateway


def exchanges(gateway: Gateway) -> Exchanges:
    """What keeps exchanges, as the settings want it."""
    record = Record(gateway.settings.routes.record)
    return Exchanges(gateway.store, gateway.payloads, gateway.ambient, record)
