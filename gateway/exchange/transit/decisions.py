"""Why a letter goes where it goes, as it is kept with the delivery."""

from __future__ import annotations

from typing import Any

from gateway.domain.transit.routing_passage import Asked, Decision, Found, Hop


def decision_record(decision: Decision, version: int | None) -> dict[str, Any]:
    """A decision as plain values; what does not apply is left out.

    Args:
        version: of the directory that was asked.
    """
    return {
        "version": version,
        "day": decision.day.isoformat(),
        "hops": [_hop(one) for one in decision.hops],
    }


def _hop(hop: Hop) -> dict[str, Any]:
    found: dict[str, Any] = {"office": hop.office.id}
    if hop.asked:
        found["rules"] = [_asked(one) for one in hop.asked]
    if hop.closed is not None:
        found["closed"] = hop.closed.isoformat()
    if hop.to is not None:
        found["to"] = hop.to.id
    return found


def _asked(asked: Asked) -> dict[str, Any]:
    told: dict[str, Any] = {"id": asked.rule.id, "fits": asked.fits}
    if asked.found:
        told["found"] = [_found(one) for one in asked.found]
    if asked.cannot is not None:
        told |= {"to": asked.rule.to, "cannot": asked.cannot}
    return told


def _found(found: Found) -> dict[str, Any]:
    told: dict[str, Any] = {"field": found.field, "good": found.good}
    return told | ({"values": list(found.values)} if found.shown else {})
