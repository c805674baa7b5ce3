"""Content that no accepted letter owns is removed: what a crash left beside a commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from gateway.exchange.clock import Ambient
from gateway.store.payloads import PayloadStore
from gateway.store.sessions import Store
from gateway.store.transit.models import Payload


@dataclass(frozen=True)
class Sweep:
    """Removes orphaned payload files.

    Attributes:
        grace: how old a file must be; longer than any upload may last.
    """

    store: Store
    payloads: PayloadStore
    ambient: Ambient
    grace: timedelta = timedelta(days=1)

    def run(self) -> int:
        """Remove what nobody owns; how many objects were removed."""
        before = self.ambient.now() - self.grace
        self.payloads.sweep_temp(before)
        removed = 0
        for stored in self.payloads.list_objects():
            if stored.modified < before and not self._owned(stored.object_id):
                self.payloads.delete(stored.object_id)
                removed += 1
        return removed

    def _owned(self, object_id: str) -> bool:
        with self.store.read() as session:
            payload = session.get(Payload, object_id)
            # a purge that was interrupted leaves files whose key is gone
            return payload is not None and payload.wrapped_key is not None
