"""Letters whose sender's own end has passed are ended, though no worker may come to them."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from gateway.domain.transit.states import Transport
from gateway.exchange.evidence.chain import Overtaken
from gateway.exchange.transit.attempt import place
from gateway.exchange.transit.claim import LeaseLost
from gateway.exchange.transit.letters import Letters
from gateway.exchange.transit.outcomes import Outcomes
from gateway.store.transit import delivery_queries

_log = structlog.get_logger()


@dataclass(frozen=True)
class Lapses:
    """Expires deliveries that are queued or wait for an attempt.

    A worker that claims one expires it too; this sees to those that nobody claims, because their route
    is out or full. What is held or lies ready is ended at its deadline
    (`gateway.exchange.transit.dispatch.Dispatch.give_up_held`).
    """

    letters: Letters
    outcomes: Outcomes

    def run(self, limit: int = 100) -> int:
        """End what has expired, at most ``limit``, each with its receipt; how many."""
        now = self.outcomes.chains.ambient.now()
        with self.letters.store.read() as session:
            over = delivery_queries.outlived(session, now, limit)
        return sum(self._expired(delivery) for delivery in over)

    def _expired(self, delivery: str) -> bool:
        try:
            case = self.letters.case(delivery)
            if case.row.state not in (Transport.QUEUED.value, Transport.WAITING.value):
                return False
            self.outcomes.expire(case)
        except (Overtaken, LeaseLost):
            _log.info("delivery moved while it was about to expire", delivery=delivery)
        except Exception as fault:  # noqa: BLE001 - decides nothing: it is looked at again
            _log.warning("delivery cannot be expired", delivery=delivery, cause=place(fault))
        else:
            return True
        return False
