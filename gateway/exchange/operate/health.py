"""Whether the hub can keep its promises now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.domain.errors import GatewayFault, Unavailable
from gateway.exchange.evidence.issue import Issuing
from gateway.exchange.evidence.ledger import Ledger
from gateway.exchange.evidence.selfcheck import last_check
from gateway.exchange.evidence.stamping import TimestampLag
from gateway.exchange.operate.flow import Watch
from gateway.exchange.operate.reach import Reach
from gateway.store.payloads import PayloadStore
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store
from gateway.store.transit import queries as transit
from gateway.trust.jws import sign_jws


def no_broker() -> None:
    """There is none to be asked."""


@dataclass(frozen=True)
class Health:
    """Asks each resource whether it works.

    Attributes:
        broker: asks the broker, if there is one; without it letters are late, not lost.
    """

    store: Store
    payloads: PayloadStore
    issuing: Issuing
    ledger: Ledger
    timestamps: TimestampLag
    watch: Watch
    reach: Reach
    broker: Callable[[], None] = no_broker

    def ready(self) -> Mapping[str, str]:
        """Each resource: ``ok``, or one sentence of what is wrong."""
        return {
            "database": _try(self._database),
            "payloads": _try(self._payloads),
            "seal": _try(self._seal),
            "ledger": _try(self.ledger.must_stand),
        }

    def warnings(self) -> Mapping[str, str]:
        """What a person must look at and what keeps no letter out, by resource; empty when all is well."""
        found = {"timestamps": _try(self.timestamps.must_be_small), "evidence": _try(self._evidence)}
        found["broker"] = _try(self.broker)
        return {name: said for name, said in found.items() if said != "ok"} | self._flow()

    def _flow(self) -> dict[str, str]:
        try:
            return {**self.watch.warnings(), **self.reach.warnings()}
        except GatewayFault as fault:
            return {"figures": str(fault)}

    def _evidence(self) -> None:
        last = last_check(self.store)
        if last is not None and last.findings:
            raise Unavailable(f"the self-check found {last.findings} faults; wasl ledger verify names them")

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
