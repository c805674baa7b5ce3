"""Letters of a route that fails for long, or is paused, are laid ready in the hub's own office."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from gateway.domain.errors import Fault, GatewayFault, Permanent
from gateway.domain.evidence.receipt import Place
from gateway.domain.registry.parties import Route, RouteKind
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.letters import Case, Letters
from gateway.exchange.transit.outcomes import OVER, Outcomes, Overtaken
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store
from gateway.store.transit import route_queries

FELL_BACK = "WASL-DLV-028"
PAUSED = "WASL-DLV-059"

_log = structlog.get_logger()


@dataclass(frozen=True)
class Fallback:
    """Looks after letters that nobody claims because their route fails or is paused.

    Attributes:
        after: how long a route fails before its letters are laid ready here, unless it says; zero: never.
    """

    store: Store
    ambient: Ambient
    letters: Letters
    outcomes: Outcomes
    after: timedelta

    def run(self, limit: int = 100) -> int:
        """End what was tried long enough, lay ready what waited long enough; how many deliveries moved.

        Args:
            limit: most deliveries of one office in one run.
        """
        now = self.ambient.now()
        with self.store.read() as session:
            failing = dict(route_queries.failing(session, now))
            paused = route_queries.paused(session)
        offices = sorted({*failing, *paused})
        return sum(self._of_office(one, failing.get(one), one in paused, now, limit) for one in offices)

    def _of_office(self, office: str, since: datetime | None, paused: bool, now: datetime, limit: int) -> int:
        """The letters of one office.

        Args:
            since: when its route began to fail; None while it does not.
        """
        with self.store.read() as session:
            found = registry.office(session, office, self.letters.retry)
            if found is None or found.route.kind is not RouteKind.ADAPTER:
                return 0
            lived = now - timedelta(seconds=found.route.retry.lifetime)
            over = route_queries.ended(session, office, lived, limit)
            after = self._after(found.route)
            due = bool(after) and (paused or (since is not None and since + after <= now))
            stranded = route_queries.stranded(session, office, now - after, limit) if due else []
        moved = sum(self._each(one, self._end) for one in over)
        lay = partial(self._lay_ready, why=Fault(PAUSED) if paused else Fault(FELL_BACK))
        return moved + sum(self._each(one, lay) for one in stranded if one not in over)

    def _after(self, route: Route) -> timedelta:
        own = route.fallback_seconds
        return self.after if own is None else timedelta(seconds=own)

    def _each(self, delivery: str, step: Callable[[Case], None]) -> bool:
        try:
            step(self.letters.case(delivery))
        except Overtaken:
            _log.info("delivery moved meanwhile", delivery=delivery)
        except GatewayFault as fault:
            _log.warning("delivery cannot be moved now", delivery=delivery, cause=str(fault))
        else:
            return True
        return False

    def _end(self, case: Case) -> None:
        expires = case.expires_at
        if expires is not None and expires <= self.ambient.now():
            self.outcomes.expire(case)
        else:
            self.outcomes.give_up(case, Permanent(OVER), case.row.doubt)

    def _lay_ready(self, case: Case, why: Fault) -> None:
        if case.row.doubt:  # the system may have it: nobody else is given it
            raise Overtaken(case.row.id)
        self.outcomes.make_available(case, Place.HUB_OFFICE, why)
