"""A letter whose delivery ended without arriving is sent anew: a successor owes what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict, Fault
from gateway.domain.evidence.receipt import Event, Outcome, ReceiptKind
from gateway.domain.transit.resend import Resend, check_grounds, new_end
from gateway.domain.transit.states import SENT_ANEW, Notice, Transport
from gateway.exchange.evidence.chain import Chains, not_now
from gateway.exchange.evidence.issue import stated
from gateway.exchange.transit.letters import Case
from gateway.exchange.transit.outcomes import GIVEN_UP, MAY_HAVE_ARRIVED
from gateway.exchange.transit.succession import Succession, Way
from gateway.store.transit import queries
from gateway.store.transit.models import DeliveryRow

MAYBE_TWICE = "WASL-DLV-052"
SUCCEEDED = "WASL-DLV-056"


@dataclass(frozen=True)
class Resending:
    """Makes successors of deliveries that failed, expired, or were refused by the wrong office.

    Attributes:
        owner: names in events who does it.
    """

    chains: Chains
    succession: Succession
    owner: str

    def resend(self, case: Case, wish: Resend, by: str) -> str:
        """Send a letter anew; its ended delivery stays as it is and gets a receipt that names the successor.

        Args:
            by: the hub, or the unit, that decides.

        Returns:
            The identifier of the successor delivery.

        Raises:
            Refused: nobody receives there, the letter was there before, it had three successors already, the
                end is none or past.
            Conflict: the delivery has not ended, or the recipient has the letter; it has a successor; it may
                have arrived and nobody said that this is a possible duplicate.
            Gone: the letter's content was purged.
        """
        self._check(case, wish)
        chain = self.chains.follow(case)
        way = self._way(case, wish, chain.at)
        chain.add(
            ReceiptKind.OUTCOME,
            Event.RESENT,
            outcome=Outcome(
                case.row.state,
                decided_by=by,
                successor=way.successor,
                unknown=way.doubt and case.row.state in GIVEN_UP,
            ),
            reasons=stated((Fault(SENT_ANEW),) if way.doubt else ()),
        )

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            queries.notice(session, row, Notice.RESENT, now, self.owner, way.why)
            self.succession.begin(session, case, chain, way, now)

        self.chains.commit(case, chain, change)
        return way.successor

    def _check(self, case: Case, wish: Resend) -> None:
        if case.row.state == Transport.REFUSED.value:
            check_grounds(self._grounds(case))
        elif case.row.state not in GIVEN_UP or self.chains.handed_over(case):
            raise not_now(case.row.state)
        earlier = [one.outcome for one in self.chains.attested(case, Event.RESENT)]
        if earlier:
            raise Conflict.because(SUCCEEDED, found=earlier[0].successor if earlier[0] else None)
        doubt = self._doubt(case)
        if doubt and not wish.possible_duplicate:
            raise Conflict.because(MAYBE_TWICE)
        if doubt and wish.office not in (None, case.row.office):
            # two offices could have it then
            raise Conflict.because(MAY_HAVE_ARRIVED)

    def _grounds(self, case: Case) -> tuple[str, ...]:
        refusals = self.chains.attested(case, Event.CONSIGNMENT_REJECTION)
        return tuple(reason.code for one in refusals for reason in one.reasons)

    def _way(self, case: Case, wish: Resend, at: datetime) -> Way:
        due = max(at, case.message.not_before or at)
        ends_at = new_end(wish, case.expires_at, due)
        refused = case.row.state == Transport.REFUSED.value
        office = wish.office or case.row.office
        unit = case.row.unit if office == case.row.office else None
        way = self.succession.way(case, office, unit, at, same_office=not refused)
        doubt = self._doubt(case)
        return replace(way, ends_at=ends_at, doubt=doubt, why=SENT_ANEW if doubt else None)

    def _doubt(self, case: Case) -> bool:
        """Whether the recipient may have it: by its row, or, of older versions, by its receipts."""
        ends = (Event.CONTENT_HANDOVER_FAILURE, Event.ACCEPTANCE_REJECTION_EXPIRY)
        told = [one.outcome for event in ends for one in self.chains.attested(case, event)]
        return case.row.doubt or any(one is not None and one.unknown for one in told)
