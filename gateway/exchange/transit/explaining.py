"""Why each delivery of a letter went where it went, from what was kept; and where a letter would go now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.domain.errors import NotFound
from gateway.domain.identifiers import read_reference
from gateway.domain.transit.envelope import Envelope
from gateway.exchange.clock import Ambient
from gateway.exchange.registry.names import name_in
from gateway.exchange.transit.decisions import decision_record
from gateway.exchange.transit.judge import Judge
from gateway.exchange.transit.overview import NOT_FOUND, Decided, Event, Overview
from gateway.store.sessions import Store
from gateway.store.transit import queries


@dataclass(frozen=True)
class Explained:
    """One delivery, and all that had a part in where it went.

    Attributes:
        decision: what rules and closures said before it was accepted (`decision_record`); None where there
            was nothing to decide.
        events: what happened to it since, oldest first.
        decisions: what operators decided of it.
        succeeds, successor: the delivery before it, and the one that owes its outcome now.
    """

    delivery: str
    office: str
    name: str
    state: str
    held_code: str | None
    decision: Mapping[str, Any] | None
    events: tuple[Event, ...]
    decisions: tuple[Decided, ...]
    succeeds: str | None
    successor: str | None

    @property
    def addressed(self) -> str:
        """The office that the sender meant, or to which it was passed on later."""
        return self.decision["hops"][0]["office"] if self.decision is not None else self.office


@dataclass(frozen=True)
class Foretold:
    """Where one recipient's letter would go.

    Attributes:
        decision: as in `Explained`.
    """

    recipient: int
    addressed: str
    office: str
    name: str
    notices: tuple[str, ...]
    decision: Mapping[str, Any] | None


@dataclass(frozen=True)
class Explaining:
    """Answers the operator's question why; writes nothing.

    Attributes:
        languages: of the country, for names.
    """

    store: Store
    overview: Overview
    judge: Judge
    ambient: Ambient
    languages: tuple[str, ...]

    def why(
        self, reference: str, office: str | None = None, delivery: str | None = None
    ) -> tuple[Explained, ...]:
        """Every delivery of an accepted letter, in the order of its recipients, successors last.

        Args:
            office: only those that it receives, or that were addressed to it.
            delivery: only this one.

        Raises:
            NotFound: no letter of this reference, or no such delivery of it.
        """
        with self.store.read() as session:
            message = queries.accepted_by_reference(session, read_reference(reference) or "")
            rows = [] if message is None else queries.deliveries(session, message.id)
            kept = [(row.id, row.routing) for row in rows]
        told = [self._explained(name, routing) for name, routing in kept if delivery in (None, name)]
        found = tuple(one for one in told if office in (None, one.office, one.addressed))
        if not found:
            raise NotFound.because(NOT_FOUND)
        return found

    def _explained(self, delivery: str, routing: Mapping[str, Any] | None) -> Explained:
        file = self.overview.show(delivery)
        return Explained(
            delivery=delivery,
            office=file.line.office,
            name=file.line.name,
            state=file.line.state,
            held_code=file.line.held_code,
            decision=routing,
            events=file.events,
            decisions=file.decisions,
            succeeds=file.succeeds,
            successor=file.successor,
        )

    def read(self, octets: bytes, media_type: str, signed: bool) -> Envelope:
        """The envelope in a file: what its signature covers, or all of a draft that nobody signed.

        Raises:
            Refused: as intake would.
            Unavailable: it cannot be judged now.
        """
        if not signed:
            return self.judge.draft(octets, media_type)
        with self.store.read() as session:
            found = self.judge.authenticate(session, octets, media_type, self.ambient.now())
            return self.judge.read(found)

    def foretell(self, envelope: Envelope, at: datetime | None = None) -> tuple[Foretold, ...]:
        """Where a letter would go, by the code that decides when it comes.

        Args:
            at: as if it came at that moment, aware; None: now.

        Raises:
            Refused: recipients that cannot be reached, all of them.
        """
        with self.store.read() as session:
            to, version = self.judge.destinations(session, envelope, at or self.ambient.now())
        return tuple(
            Foretold(
                recipient=number,
                addressed=one.addressed.id,
                office=one.office.id,
                name=name_in(one.office.names, self.languages),
                notices=one.notices,
                decision=None if one.decision is None else decision_record(one.decision, version),
            )
            for number, one in enumerate(to)
        )
