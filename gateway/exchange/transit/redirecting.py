"""A letter is passed on to another office: a successor delivery owes what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.domain.errors import Fault
from gateway.domain.evidence.receipt import Event, Outcome, ReceiptKind
from gateway.domain.transit.grounds import check_ground
from gateway.domain.transit.states import TRANSPORT_MOVES, Processing, Transport
from gateway.exchange.evidence.chain import Chains, not_now
from gateway.exchange.evidence.issue import stated
from gateway.exchange.transit.letters import Case
from gateway.exchange.transit.outcomes import check_not_sent
from gateway.exchange.transit.processing import check_step
from gateway.exchange.transit.succession import Succession
from gateway.store.sessions import Store
from gateway.store.transit import queries
from gateway.store.transit.models import DeliveryRow


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

    @property
    def succession(self) -> Succession:
        """What adds the successor."""
        return Succession(self.store, self.chains, self.owner, self.languages)

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
        way = self.succession.way(case, office, unit, chain.at)
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
            self.succession.begin(session, case, chain, way, now)

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
