"""What played recipients do by themselves: decide about what is held in doubt, acknowledge what ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from adapters.contract import Adapter, Plays
from gateway.domain.errors import Conflict, GatewayFault
from gateway.domain.evidence.receipt import Registered
from gateway.domain.registry.parties import Office, RouteKind
from gateway.domain.transit.repairs import Decision
from gateway.domain.transit.states import Transport
from gateway.exchange.evidence.chain import Overtaken
from gateway.exchange.transit.outcomes import GIVEN_UP, Outcomes
from gateway.exchange.transit.repair import Repair
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store
from gateway.store.transit import played_queries as queries

_DECIDED = Decision("bot", "played: the letter is sent again")
_HELD = frozenset({Transport.HELD.value})

_log = structlog.get_logger()


@dataclass
class Playing:
    """Lets bots go on by the same verbs that people and systems have.

    Attributes:
        adapters: every installed kind, by name.
    """

    store: Store
    outcomes: Outcomes
    repair: Repair
    adapters: Mapping[str, Adapter]
    _kept: tuple[int, tuple[Office, ...]] | None = None

    def run(self, limit: int = 100) -> int:
        """Do what is due, at most ``limit`` letters of an office in each way; how many letters moved.

        Raises:
            Unavailable: the database cannot be read now.
        """
        return sum(self._of(office, limit) for office in self._played())

    def _played(self) -> tuple[Office, ...]:
        """Offices for tests with a route of an adapter; looked for again only after the registry changed."""
        with self.store.read() as session:
            version = registry.version(session)
            if self._kept is not None and self._kept[0] == version:
                return self._kept[1]
            routes = [one for one in registry.offices(session) if one.route.kind is RouteKind.ADAPTER]
        found = tuple(one for one in routes if one.active and one.route.test_only)
        self._kept = version, found
        return found

    def _of(self, office: Office, limit: int) -> int:
        adapter, options = self.adapters.get(office.route.adapter), office.route.options
        if not isinstance(adapter, Plays) or adapter.check_options(options):
            return 0
        moved = 0
        for delivery, since in self._resting(office, _HELD, limit):
            if adapter.decides(options, since):
                moved += self._done(delivery, lambda one: self.repair.requeue(one, _DECIDED, True))
        for delivery, since in self._resting(office, GIVEN_UP, limit):
            number = adapter.acknowledges(options, delivery, since)
            if number is not None:
                moved += self._done(delivery, lambda one, number=number: self._acknowledge(one, number))
        return moved

    def _resting(self, office: Office, states: frozenset[str], limit: int) -> Iterator[tuple[str, timedelta]]:
        now = self._now()
        with self.store.read() as session:
            found = queries.resting(session, office.id, states, limit)
        yield from ((delivery, now - at) for delivery, at in found)

    def _acknowledge(self, delivery: str, number: str) -> None:
        case = self.repair.letters.case(delivery)
        registered = Registered(number, self._now().date(), None)
        self.outcomes.acknowledge(case, case.row.office_name, registered)

    def _done(self, delivery: str, step: Callable[[str], None]) -> bool:
        try:
            step(delivery)
        except (Overtaken, Conflict):
            _log.info("played delivery moved meanwhile", delivery=delivery)
        except GatewayFault as fault:
            _log.warning("played delivery cannot be moved now", delivery=delivery, cause=str(fault))
        else:
            return True
        return False

    def _now(self) -> datetime:
        return self.outcomes.chains.ambient.now()
