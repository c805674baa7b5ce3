"""Builds what keeps the values that code tables have no entry for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.exchange.transit.unmapped import Unmapped

if TYPE_CHECKING:
    from gateway.bootstrap import Gateway


def unmapped(gateway: Gateway) -> Unmapped:
    """The list of one process; what it counted is written by whoever dispatches."""
    return Unmapped(gateway.store, gateway.ambient)
