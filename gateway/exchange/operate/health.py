"""Whether the hub can keep its promises now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.domain.errors import GatewayFault
from gateway.exchange.evidence.issue import Issuing
from gateway.store.payloads import PayloadStore
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store
from gateway.store.transit import queries as transit
from gateway.trust.jws import sign_jws


@dataclass(frozen=True)
class Health:
    """Asks each resource whether it works."""

    store: Store
    payloads: PayloadStore
    issuing: Issuing

    def ready(self) -> Mapping[str, str]:
        """Each resource: ``ok``, or one sentence of what is wrong."""
        return {
            "database": _try(self._database),
            "payloads": _try(self._payloads),
            "seal": _try(self._seal),
        }

    def depth(self) -> dict[str, int]:
        """How many deliveries are in each transport state."""
        with self.store.read() as session:
            return transit.depth(session)

    def _database(self) -> None:
        with self.store.read() as session:
            registry.version(session)

    def _payloads(self) -> None:
        stored = self.payloads.write([b"probe"])
        self.payloads.delete(stored.object_id)

    def _seal(self) -> None:
        for sealer in (self.issuing.seals.real, self.issuing.seals.test):
            sign_jws(b"{}", sealer, "wasl-probe+json", self.issuing.ambient.now())


def _try(probe: Callable[[], None]) -> str:
    try:
        probe()
    except GatewayFault as fault:
        return str(fault)
    return "ok"
