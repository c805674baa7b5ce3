"""What a person must look at of closed offices: letters that still wait there."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.exchange.operate.doctor import Finding, Mark
from gateway.exchange.transit.clearing import MOST, Clearing

_CHECK = "closed offices"
_MOST_NAMED = 20


def closed_offices(clearing: Clearing) -> Iterator[Finding]:
    """Offices that have closed while letters still wait for them, the fullest first."""
    waiting = {office: len(clearing.waiting(office)) for office in clearing.closed()}
    full = sorted((office for office in waiting if waiting[office]), key=lambda one: (-waiting[one], one))
    for office in full[:_MOST_NAMED]:
        many = f"{waiting[office]}{' or more' if waiting[office] >= MOST else ''}"
        said = f"{office}: has closed, and {many} of its letters still wait: wasl office clear {office}"
        yield Finding(_CHECK, Mark.LOOK, said)
    if len(full) > _MOST_NAMED:
        yield Finding(_CHECK, Mark.LOOK, f"and {len(full) - _MOST_NAMED} more in which letters wait")
    if waiting and not full:
        yield Finding(_CHECK, Mark.GOOD, f"{len(waiting)}, nothing waits in any")
