"""A delivery that succeeds another is added: its chain begins at the acceptance, like any other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.domain.errors import Gone
from gateway.domain.identifiers import uuid7
from gateway.domain.registry.parties import Office, Party
from gateway.domain.transit.redirect import check_fits, check_open, check_redirect, lineage
from gateway.exchange.evidence.chain import Chain, Chains
from gateway.exchange.registry.names import name_in
from gateway.exchange.transit.letters import PURGED, Case
from gateway.exchange.transit.line import successors
from gateway.store.evidence import queries as evidence
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store
from gateway.store.transit import queries
from gateway.store.transit.clocks import clock_to_json
from gateway.store.transit.models import DeliveryRow, Message


@dataclass(frozen=True)
class Way:
    """Where a successor goes.

    Attributes:
        ends_at: when the sender's end comes for it; None where there is none.
        doubt: the recipient may have the letter by the delivery before.
        why: the reason of its first event, a code.
    """

    successor: str
    office: Office
    party: Party
    unit: str | None
    ends_at: datetime | None
    doubt: bool = False
    why: str | None = None


@dataclass(frozen=True)
class Succession:
    """Adds successors.

    Attributes:
        owner: names in events who does it.
        languages: of the country, for names in receipts.
    """

    store: Store
    chains: Chains
    owner: str
    languages: tuple[str, ...]

    def way(
        self, case: Case, office_id: str, unit: str | None, at: datetime, same_office: bool = False
    ) -> Way:
        """The way to an office.

        Args:
            same_office: the delivery's own office may have it again.

        Raises:
            Refused: nobody receives there, it was there before, it was passed on three times already.
        """
        with self.store.read() as session:
            office = registry.office(session, office_id)
            party = registry.party(session, office.party) if office is not None else None
            before = _offices_before(session, case)
        office, party = check_redirect(office_id, office, party, before, same_office)
        check_open(office, at.astimezone(self.chains.issuing.zone).date())
        check_fits(office, case.message.test, sum(one.size for one in case.acceptance.attachments))
        successor = uuid7(self.chains.ambient.random_bytes, int(at.timestamp() * 1000))
        return Way(successor, office, party, unit, case.expires_at)

    def begin(self, session: Session, case: Case, chain: Chain, way: Way, now: datetime) -> None:
        """Add the successor; its chain begins at the acceptance, and not before its predecessor's last time.

        Raises:
            Gone: the letter's content was purged.
        """
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
            own_end=True,
            expires_at=way.ends_at,
            doubt=way.doubt,
            clock=clock_to_json(chain.clock.passed_on()),
            chain_digest=evidence.first_receipt(session, case.message.id).content_digest,
            chain_time=chain.at,
        )
        session.add(row)
        session.flush()
        queries.begin(session, row, now, self.owner, way.why)


def _offices_before(session: Session, case: Case) -> list[str]:
    """The offices on the delivery's line, its own last."""
    offices = {row.id: row.office for row in queries.deliveries(session, case.message.id)}
    return [offices[one] for one in lineage(case.row.id, successors(session, case.message.id))]
