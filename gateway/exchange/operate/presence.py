"""Signs of life: each worker process says every few seconds that it is there."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from gateway.domain.errors import GatewayFault
from gateway.exchange.clock import Ambient
from gateway.store.sessions import Store
from gateway.store.transit import worker_queries as queries

EVERY_SECONDS = 15.0
"""Between two signs of life."""
ALIVE = timedelta(seconds=6 * EVERY_SECONDS)
"""So long after its last sign a worker counts as there."""
_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Presence:
    """One worker's sign of life.

    Attributes:
        owner: names the worker, as its leases do.
        since: when it started.
    """

    store: Store
    ambient: Ambient
    owner: str
    since: datetime = field(compare=False)

    def beat(self) -> None:
        """Say that this worker is there; who said nothing for a day is forgotten.

        Raises:
            Unavailable: the database is out for now.
        """
        now = self.ambient.now()
        with self.store.write() as session:
            queries.seen(session, self.owner, self.since, now)
            queries.forget(session, now - _KEPT)

    def __enter__(self) -> Self:
        """The worker runs for the length of the block; its signs of life are given by `beat`."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            with contextlib.suppress(GatewayFault):  # silence says the same a little later
                self.leave()

    def leave(self) -> None:
        """Say that this worker ends as it should.

        Raises:
            Unavailable: the database is out for now.
        """
        with self.store.write() as session:
            queries.gone(session, self.owner)
