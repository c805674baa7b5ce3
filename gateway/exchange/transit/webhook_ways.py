"""Webhooks as receivers of their parties' feeds: nothing is passed over, whatever they answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.domain.errors import DeliveryError
from gateway.domain.transit.retry import RetrySchedule
from gateway.domain.transit.webhook import Wanted
from gateway.exchange.transit.webhook_calls import WebhookCalls
from gateway.store.evidence.feed_queries import Told
from gateway.store.registry import queries as registry
from gateway.store.transit.webhook_models import WebhookRow


@dataclass(frozen=True)
class WebhookWays:
    """The ways to the addresses of all webhooks; ``retry`` is one for all."""

    calls: WebhookCalls
    retry: RetrySchedule
    rows: type[WebhookRow] = WebhookRow

    def way(self, session: Session, row: WebhookRow) -> WebhookWay | None:
        """As `gateway.exchange.transit.push.Ways.way`; a party that was closed is told nothing more."""
        party = registry.party(session, row.party)
        if party is None or not party.active:
            return None
        return WebhookWay(self, row.id, row.party, wanted_of(row))

    def passes_over(
        self, session: Session, row: WebhookRow, told: Told, error: DeliveryError, now: datetime
    ) -> bool:
        """Never: a webhook that does not take an event is told it again, until it is switched off."""
        return False


@dataclass(frozen=True)
class WebhookWay:
    """The way to one webhook's address."""

    ways: WebhookWays
    subscription: str
    party: str
    wanted: Wanted

    @property
    def retry(self) -> RetrySchedule:
        return self.ways.retry

    def wants(self, told: Told) -> bool:
        """Whether the subscription asks for this event."""
        return self.wanted.wants(told.receipt.kind, told.office, told.test)

    def tell(self, told: Told, keep: Callable[[], None]) -> DeliveryError | None:
        """As `gateway.exchange.transit.push.Way.tell`."""
        keep()
        occurrence = self.ways.calls.occurrence(self.party, told)
        return self.ways.calls.call(self.wanted.url, self.subscription, occurrence).error


def wanted_of(row: WebhookRow) -> Wanted:
    """What a stored subscription asks for."""
    return Wanted(row.url, tuple(row.kinds), tuple(row.offices), row.test)
