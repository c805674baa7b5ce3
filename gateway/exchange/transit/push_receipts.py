"""The senders' own systems as receivers of their receipts, by the way that each party declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from adapters.contract import Adapter, Context
from gateway.domain.errors import DeliveryError, Permanent
from gateway.domain.registry.parties import ReceiptRoute
from gateway.domain.transit.retry import RetrySchedule
from gateway.exchange.evidence.fetch import Receipts
from gateway.exchange.transit.attempt import OPERATORS_MEND
from gateway.exchange.transit.push_notice import notice_of
from gateway.exchange.transit.push_way import tell
from gateway.store.evidence.feed_queries import Told
from gateway.store.registry import queries as registry
from gateway.store.transit import push_queries as queries
from gateway.store.transit.push_models import PushRefusal, PushRow


@dataclass(frozen=True)
class SenderSystems:
    """The ways to the systems that parties declare for their receipts.

    Attributes:
        adapters: every installed kind, by name.
        contexts: builds what an adapter may use.
        retry: when a failed call is repeated, but for what a party's own declaration says.
    """

    receipts: Receipts
    adapters: Mapping[str, Adapter]
    contexts: Callable[[ReceiptRoute], Context]
    retry: RetrySchedule
    rows: type[PushRow] = PushRow

    def way(self, session: Session, row: PushRow) -> SenderSystem | None:
        """As `gateway.exchange.transit.push.Ways.way`."""
        declared = registry.party(session, row.party, self.retry)
        if declared is None or declared.receipts is None:
            return None
        return SenderSystem(self, declared.receipts)

    def passes_over(
        self, session: Session, row: PushRow, told: Told, error: DeliveryError, now: datetime
    ) -> bool:
        """As `gateway.exchange.transit.push.Ways.passes_over`; what an operator mends concerns all."""
        if not isinstance(error, Permanent) or error.code in OPERATORS_MEND:
            return False
        said = {"at": now, "code": error.code, "said": error.detail}
        queries.refuse(session, PushRefusal(party=row.party, receipt=told.receipt.id, **said))
        row.refused += 1
        return True


@dataclass(frozen=True)
class SenderSystem:
    """One party's own system."""

    systems: SenderSystems
    route: ReceiptRoute

    @property
    def retry(self) -> RetrySchedule:
        return self.route.retry

    def wants(self, told: Told) -> bool:
        """Whether the party declared that it is told this receipt."""
        return self.route.wants(told.receipt.kind, told.test)

    def tell(self, told: Told, keep: Callable[[], None]) -> DeliveryError | None:
        """As `gateway.exchange.transit.push.Way.tell`."""
        notice = notice_of(told, self.systems.receipts)
        context = self.systems.contexts(self.route)
        return tell(self.systems.adapters.get(self.route.adapter), notice, context, keep)
