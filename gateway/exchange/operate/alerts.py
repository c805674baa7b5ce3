"""Operators are told what waits for them: deliveries when held and before their end, stopped webhooks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway.domain.transit.notification import Template
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.outbox import About, Outbox
from gateway.exchange.transit.recall import CAME_LATE
from gateway.store.sessions import Store
from gateway.store.transit import held_queries as queries
from gateway.store.transit import webhook_queries
from gateway.store.transit.held_queries import Held
from gateway.store.transit.notice_models import OperatorNoticeRow

OPERATOR = "operator"
_AT_ONCE = 500
_NOBODY_DECIDES = frozenset({CAME_LATE})
"""Why a delivery is held that ends by itself."""


@dataclass(frozen=True)
class HeldAlerts:
    """Lays messages to operators down; each gathers what happens to one office in a span of time.

    Found by looking, not told by whoever holds: what was held before an address was given is told too, and
    the steps that hold stay as they are.

    Attributes:
        addresses: of the operators; nobody is told where there is none.
        warn: how long before the deadline.
    """

    store: Store
    ambient: Ambient
    outbox: Outbox
    addresses: tuple[str, ...]
    warn: timedelta

    def run(self) -> int:
        """Lay down what is owed; of how many holds and deadlines.

        Raises:
            Unavailable: the database is out for now.
        """
        if not self.addresses:
            return 0
        now = self.ambient.now()
        with self.store.read() as session:  # spares the write lock when there is nothing to do
            if not any(self._owed(session, now)):
                return 0
        with self.store.write() as session:
            fresh, ending = self._owed(session, now)
            self._tell(session, Template.HELD, fresh, now)
            self._tell(session, Template.HELD_ENDS, ending, now)
        return len(fresh) + len(ending)

    def _owed(self, session: Session, now: datetime) -> tuple[list[Held], list[Held]]:
        return (
            queries.newly(session, _NOBODY_DECIDES, _AT_ONCE),
            queries.ending(session, _NOBODY_DECIDES, now + self.warn, _AT_ONCE),
        )

    def _tell(self, session: Session, template: Template, held: Iterable[Held], now: datetime) -> None:
        offices = set()
        for one in held:
            queries.told(session, one, ends=template is Template.HELD_ENDS)
            offices.add(one.office)
        for office in sorted(offices):
            for address in self.addresses:
                about = About(template, office, OPERATOR, address)
                self.outbox.gathering(session, OperatorNoticeRow, about, now)


@dataclass(frozen=True)
class WebhookAlerts:
    """Lays messages to operators down about webhooks that were switched off because their address failed.

    Each failing is told once; a party that switches its own webhook off wakes nobody.

    Attributes:
        addresses: of the operators; nobody is told where there is none.
    """

    store: Store
    ambient: Ambient
    outbox: Outbox
    addresses: tuple[str, ...]

    def run(self) -> int:
        """Lay down what is owed; of how many webhooks.

        Raises:
            Unavailable: the database is out for now.
        """
        if not self.addresses:
            return 0
        with self.store.read() as session:  # spares the write lock when there is nothing to do
            if not webhook_queries.stopped_untold(session, 1):
                return 0
        now = self.ambient.now()
        with self.store.write() as session:
            owed = webhook_queries.stopped_untold(session, _AT_ONCE)
            for row in owed:
                row.stop_told = row.failing_since
            session.flush()
            for party in sorted({row.party for row in owed if not row.test}):
                for address in self.addresses:
                    about = About(Template.WEBHOOK_STOPPED, party, OPERATOR, address)
                    self.outbox.gathering(session, OperatorNoticeRow, about, now)
        return len(owed)
