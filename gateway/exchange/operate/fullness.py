"""What a person must look at of memory: workers that were full, and what kinds from outside left there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from gateway.exchange.operate.doctor import Finding, Mark
from gateway.exchange.transit.memory import MIB, Memory
from gateway.store.sessions import Store
from gateway.store.transit import worker_queries as queries

_CHECK = "memory"
_RECENT = timedelta(days=7)
_MOST_NAMED = 5


def keep_full(store: Store, owner: str, memory: Memory, now: datetime) -> None:
    """Put on record that a worker was full; what is older than a week is forgotten.

    Raises:
        Unavailable: the database is out for now.
    """
    with store.write() as session:
        queries.forget_full(session, now - _RECENT)
        queries.was_full(session, owner, now, memory.size_when_full // MIB, memory.tell_left())


def full_workers(store: Store, now: datetime) -> Iterator[Finding]:
    """Workers that began anew lately because their memory was used up, the latest first."""
    with store.read() as session:
        found = queries.full_since(session, now - _RECENT, _MOST_NAMED)
    for one in found:
        left = f"; left behind by kinds from outside: {one.left}" if one.left else ""
        when = one.at.isoformat(timespec="seconds")
        yield Finding(
            _CHECK, Mark.LOOK, f"{one.owner} was full ({one.mib} MiB) at {when}, it began anew{left}"
        )
    if not found:
        yield Finding(_CHECK, Mark.GOOD, "no worker was full")
