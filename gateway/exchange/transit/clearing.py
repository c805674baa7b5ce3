"""What waits for an office that has closed is passed on to its successor, each letter with a receipt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date as Day

from sqlalchemy.orm import Session

from gateway.domain.errors import Misconfigured, NotFound, Refused
from gateway.domain.transit.repairs import Decision
from gateway.domain.transit.routing_rules import MOST_HOPS
from gateway.domain.transit.states import Transport
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.chain import Overtaken
from gateway.exchange.transit.repair import Repair
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store
from gateway.store.transit import delivery_queries
from gateway.store.transit.delivery_queries import Wanted

NOT_FOUND = "WASL-REQ-005"
MOVED_MEANWHILE = "WASL-DLV-019"
WAITING = (Transport.QUEUED, Transport.WAITING, Transport.AVAILABLE, Transport.HELD)
MOST = 10_000


@dataclass(frozen=True)
class Left:
    """A letter that stays where it is, and why, as a reason's code."""

    delivery: str
    code: str


@dataclass(frozen=True)
class Cleared:
    """What became of the letters that waited.

    Attributes:
        moved: each delivery with the one that succeeds it.
    """

    successor: str
    moved: tuple[tuple[str, str], ...]
    left: tuple[Left, ...]


@dataclass(frozen=True)
class Clearing:
    """Empties closed offices.

    A letter that may have arrived, that a reader has locked, or that a worker has in its hands stays for a
    person to decide: nobody else is given what somebody may have.
    """

    store: Store
    repair: Repair
    ambient: Ambient

    def closed(self) -> tuple[str, ...]:
        """The offices that have closed, in order."""
        with self.store.read() as session:
            return tuple(one.id for one in registry.offices(session) if one.closed_on(self._day) is not None)

    @property
    def _day(self) -> Day:
        return self.ambient.now().astimezone(self.repair.chains.issuing.zone).date()

    def waiting(self, office: str) -> tuple[str, ...]:
        """The deliveries that wait for an office, oldest first in each state; at most `MOST` of each."""
        with self.store.read() as session:
            return tuple(_waiting(session, office))

    def clear(self, office: str, decision: Decision) -> Cleared:
        """Pass everything on that waits; what cannot be is left, and told.

        Raises:
            NotFound: no such office.
            Misconfigured: it has not closed yet, or nobody succeeds it.
        """
        with self.store.read() as session:
            successor = self._successor(session, office)
            waiting = list(_waiting(session, office))
        moved: list[tuple[str, str]] = []
        left: list[Left] = []
        for delivery in waiting:
            try:
                moved.append((delivery, self.repair.redirect(delivery, decision, successor)))
            except Refused as refusal:
                left.append(Left(delivery, refusal.faults[0].code))
            except Overtaken:
                left.append(Left(delivery, MOVED_MEANWHILE))
        return Cleared(successor, tuple(moved), tuple(left))

    def _successor(self, session: Session, office: str) -> str:
        day = self._day
        found = registry.office(session, office)
        if found is None:
            raise NotFound.because(NOT_FOUND)
        if found.closed_on(day) is None:
            raise Misconfigured([f"office {office}: it has not closed; see wasl office close"])
        for _ in range(MOST_HOPS):
            closing = found.closed_on(day) if found is not None else None
            if found is None or closing is None or closing.successor is None:
                break
            found = registry.office(session, closing.successor)
        if found is None or found.closed_on(day) is not None:
            raise Misconfigured([f"office {office}: nobody succeeds it; name an office for each letter"])
        return found.id


def _waiting(session: Session, office: str) -> list[str]:
    return [
        row.id
        for state in WAITING
        for row, _ in delivery_queries.listed(session, Wanted(state, office), MOST)
    ]
