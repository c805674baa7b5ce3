"""Uploaded contents that nobody used for too long are forgotten; what a letter took stays with the letter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gateway.domain.errors import GatewayFault
from gateway.exchange.clock import Ambient
from gateway.store.payloads import PayloadStore
from gateway.store.sessions import Store
from gateway.store.transit import upload_queries as queries

_AT_ONCE = 100

_log = structlog.get_logger()


@dataclass(frozen=True)
class UploadExpiry:
    """Forgets uploads.

    Attributes:
        kept: how long one stays that no request touches.
    """

    store: Store
    payloads: PayloadStore
    ambient: Ambient
    kept: timedelta

    def run(self) -> int:
        """Forget what is over; how many contents.

        Raises:
            Unavailable: the database is out for now.
        """
        since, forgotten = self.ambient.now() - self.kept, 0
        while True:
            with self.store.read() as session:
                found = queries.untouched(session, since, _AT_ONCE)
            forgotten += sum(self._forget(party, digest, since) for party, digest in found)
            if len(found) < _AT_ONCE:
                return forgotten

    def _forget(self, party: str, digest: str, since: datetime) -> bool:
        with self.store.write() as session:
            row = queries.locked(session, party, digest)
            if row is None or row.touched_at > since:  # somebody came back to it
                return False
            gone = queries.drop(session, row)
        delete(self.payloads, gone)
        return True


def delete(payloads: PayloadStore, object_ids: Iterable[str]) -> None:
    """Remove objects whose keys are gone; the sweep removes what this cannot."""
    for object_id in object_ids:
        try:
            payloads.delete(object_id)
        except GatewayFault as fault:
            _log.warning("an object was left behind", object=object_id, cause=str(fault))
