"""A letter is passed on to another office: a successor delivery owes what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.domain.errors import Fault, Gone
from gateway.domain.evidence.receipt import Event, Outcome, ReceiptKind
from gateway.domain.identifiers import uuid7
from gateway.domain.registry.parties import Office, Party
from gateway.domain.transit.grounds import check_ground
from gateway.domain.transit.redirect import check_fits, check_redirect, lineage
from gateway.domain.transit.states import TRANSPORT_MOVES, Processing, Transport
from gateway.exchange.evidence.chain import Chain, Chains, not_now
from gateway.exchange.evidence.issue import stated
from gateway.exchange.registry.names import name_in
from gateway.exchange.transit.letters import PURGED, Case
from gateway.exchange.transit.outcomes import check_not_sent
from gateway.exchange.transit.processing import check_step
from gateway.store.evidence import queries as evidence
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store
from gateway.store.transit import queries
from gateway.store.transit.clocks import clock_to_json
from gateway.store.transit.models import DeliveryRow, Message
from gateway.wire.receipts import read_receipt_json


@dataclass(frozen=True)
class _Way:
    """Where a delivery goes: the successor's identifier, its office and party, its place among deliveries."""

    successor: str
    office: Office
    party: Party
    unit: str | None


@dataclass(frozen=True)
class Redirecting:
    """Passes deliveries on.

    Attributes:
        owner: names in events who does it.
        languages: of the country, for names in receipts.
    """

    store: Store
    chains: Chains
    owner: str
    languages: tuple[str, ...]

    def redirect(
        self, case: Case, office: str, by: str, ground: Fault | None = None, unit: str | None = None
    ) -> str:
        """Pass a delivery on; before it was handed over this ends it, afterwards it ends the handling.

        The successor's chain is rooted in the acceptance like any other; what links the two is the
        redirect's receipt, which names the successor and is older than all that the successor brings.

        Args:
            office: identifier of the office that is to have the letter.
            by: the unit, or the hub, that decides.
            ground: why, one of `gateway.domain.transit.grounds.GROUNDS`.
            unit: the unit inside that office.

        Returns:
            The identifier of the successor delivery.

        Raises:
            Refused: nobody receives there, it was there before, it was passed on three times already.
            Conflict: the delivery has another outcome, or may just be arriving.
            Gone: the letter's content was purged.
        """
        handed_over = self._check_state(case)
        chain = self.chains.follow(case)
        way = self._way(case, office, unit, chain.at)
        chain.add(
            ReceiptKind.OUTCOME,
            Event.REDIRECTED,
            ends=not handed_over,
            stated_by=case.row.office_name if handed_over else None,
            outcome=Outcome(Transport.REDIRECTED.value, decided_by=by, successor=way.successor),
            reasons=stated((check_ground(ground),) if ground else ()),
        )
        code = ground.code if ground else None

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            if handed_over:
                queries.process(session, row, Processing.REDIRECTED, now, row.office_name, code)
            else:
                if row.state != Transport.AVAILABLE.value:  # who has it ready may have opened it
                    check_not_sent(row)
                queries.move(session, row, Transport.REDIRECTED, now, self.owner, code)
            self._begin(session, case, chain, way, now)

        self.chains.commit(case, chain, change)
        return way.successor

    def _check_state(self, case: Case) -> bool:
        """Whether the recipient has the letter.

        Raises:
            Conflict: it cannot be passed on from where it is.
        """
        if self.chains.handed_over(case):
            check_step(self.chains, case, Processing.REDIRECTED)
            return True
        if Transport.REDIRECTED not in TRANSPORT_MOVES[Transport(case.row.state)]:
            raise not_now(case.row.state)
        return False

    def _way(self, case: Case, office_id: str, unit: str | None, at: datetime) -> _Way:
        with self.store.read() as session:
            office = registry.office(session, office_id)
            party = registry.party(session, office.party) if office is not None else None
            before = _offices_before(session, case)
        office, party = check_redirect(office_id, office, party, before)
        check_fits(office, case.message.test, sum(one.size for one in case.acceptance.attachments))
        successor = uuid7(self.chains.ambient.random_bytes, int(at.timestamp() * 1000))
        return _Way(successor, office, party, unit)

    def _begin(self, session: Session, case: Case, chain: Chain, way: _Way, now: datetime) -> None:
        """Add the successor; its chain begins at the acceptance, and not before the redirect's time."""
        message = session.get_one(Message, case.message.id, with_for_update=True, populate_existing=True)
        if message.purged_at is not None:  # there is nothing left to pass on
            raise Gone.because(PURGED, time=message.purged_at.isoformat())
        row = DeliveryRow(
            id=way.successor,
            message=case.message.id,
            ordinal=len(queries.deliveries(session, case.message.id)),
            office=way.office.id,
            party=way.party.id,
            office_name=name_in(way.office.names, self.languages),
            unit=way.unit,
            notices=[],
            lane=case.row.lane,
            due_at=max(now, case.message.not_before or now),
            accepted_at=now,
            clock=clock_to_json(chain.clock.passed_on()),
            chain_digest=evidence.first_receipt(session, case.message.id).content_digest,
            chain_time=chain.at,
        )
        session.add(row)
        session.flush()
        queries.begin(session, row, now, self.owner)


def _offices_before(session: Session, case: Case) -> list[str]:
    """The offices on the delivery's line, its own last, as the redirects' receipts tell it."""
    offices = {row.id: row.office for row in queries.deliveries(session, case.message.id)}
    successor_of: dict[str, str] = {}
    for row in evidence.attesting(session, case.message.id, Event.REDIRECTED.value):
        outcome = read_receipt_json(row.content).outcome
        if row.delivery is not None and outcome is not None and outcome.successor is not None:
            successor_of[row.delivery] = outcome.successor
    return [offices[delivery] for delivery in lineage(case.row.id, successor_of)]
