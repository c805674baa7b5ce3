"""What the recipient does with a letter that it has: each step is a move and a receipt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.domain.errors import Fault
from gateway.domain.evidence.receipt import Event, Outcome, ReceiptKind, Registered
from gateway.domain.transit.grounds import check_ground
from gateway.domain.transit.states import NUMBER_COMES_LATE, PROCESSING_MOVES, Processing
from gateway.exchange.evidence.chain import Chain, Chains, not_now
from gateway.exchange.evidence.issue import stated
from gateway.exchange.transit.letters import Case
from gateway.exchange.transit.outcomes import attest_registration, register
from gateway.store.transit import queries
from gateway.store.transit.models import DeliveryRow


@dataclass(frozen=True)
class Handling:
    """Records what recipients state of their work.

    All of it is their claim: receipts name the office as ``statedBy``, and ``stated_at``, where it is
    given, as the time that it claims.
    """

    chains: Chains

    def register(self, case: Case, registered: Registered, stated_at: datetime | None = None) -> None:
        """The letter has a number in the recipient's register; it may come when work has begun already.

        Raises:
            Conflict: it was not handed over, has a number, was passed on or closed.
        """
        if not takes_number(case):
            check_step(self.chains, case, Processing.REGISTERED)
        chain = self.chains.follow(case)
        attest_registration(self.chains, case, chain, registered, stated_at)
        chain.tell_limit()

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            register(session, row, registered, now)

        self.chains.commit(case, chain, change, together=True)

    def begin_work(self, case: Case, stated_at: datetime | None = None) -> None:
        """The recipient works on it, or does so again: what it waited for came.

        Raises:
            Conflict: it was not handed over, or the recipient is further already.
        """
        self._progress(case, Processing.IN_PROGRESS, stated_at)

    def await_sender(self, case: Case, stated_at: datetime | None = None) -> None:
        """The recipient asked the sender to complete the letter; the first time, this may stop the clock.

        Raises:
            Conflict: it was not handed over, or the recipient is further already.
        """
        self._progress(case, Processing.AWAITING_SENDER, stated_at)

    def close(self, case: Case, stated_at: datetime | None = None) -> None:
        """The recipient is through with it.

        Raises:
            Conflict: it was not handed over, or is closed already.
        """
        self._progress(case, Processing.CLOSED, stated_at)

    def _progress(self, case: Case, to: Processing, stated_at: datetime | None) -> None:
        check_step(self.chains, case, to)
        chain = self.chains.follow(case)
        chain.add(
            ReceiptKind.PROGRESS,
            Event.PROGRESS,
            stated_by=case.row.office_name,
            stated_time=stated_at,
            progress=to.value,
        )
        _let_run(chain, to)
        self._commit(case, chain, to)

    def answer(
        self, case: Case, reference: str, by: str | None = None, stated_at: datetime | None = None
    ) -> None:
        """The recipient answered.

        Args:
            reference: the hub's reference of the answering letter.
            by: the unit that answered, never a person.

        Raises:
            Conflict: it was not handed over, or the recipient is further already.
        """
        outcome = Outcome(Processing.ANSWERED.value, decided_by=by, answer=reference)
        self._conclude(case, Event.ANSWERED, outcome, None, stated_at)

    def decline(
        self, case: Case, ground: Fault, by: str | None = None, stated_at: datetime | None = None
    ) -> None:
        """The recipient, having the letter, declines to act on it.

        Args:
            ground: one of `gateway.domain.transit.grounds.GROUNDS`.
            by: the unit that declined, never a person.

        Raises:
            Refused: no such ground.
            Conflict: it was not handed over, or the recipient is further already.
        """
        outcome = Outcome(Processing.DECLINED.value, decided_by=by)
        self._conclude(case, Event.CONSIGNMENT_REJECTION, outcome, check_ground(ground), stated_at)

    def _conclude(
        self, case: Case, event: Event, outcome: Outcome, ground: Fault | None, stated_at: datetime | None
    ) -> None:
        to = Processing(outcome.state)
        check_step(self.chains, case, to)
        chain = self.chains.follow(case)
        chain.add(
            ReceiptKind.OUTCOME,
            event,
            stated_by=case.row.office_name,
            stated_time=stated_at,
            outcome=outcome,
            reasons=stated((ground,) if ground else ()),
        )
        self._commit(case, chain, to, ground.code if ground else None)

    def _commit(self, case: Case, chain: Chain, to: Processing, why: str | None = None) -> None:
        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            queries.process(session, row, to, now, row.office_name, why)

        self.chains.commit(case, chain, change, together=True)


def takes_number(case: Case) -> bool:
    """Whether a register number would be the first, of a letter that its recipient is further with."""
    late = Processing(case.row.processing) in NUMBER_COMES_LATE
    return late and case.row.register_number is None


def check_step(chains: Chains, case: Case, to: Processing) -> None:
    """Check that the recipient has the letter and can go on to ``to``.

    Raises:
        Conflict: it cannot.
    """
    if not chains.handed_over(case):
        raise not_now(case.row.state)
    if to not in PROCESSING_MOVES[Processing(case.row.processing)]:
        raise not_now(case.row.processing)


def _let_run(chain: Chain, to: Processing) -> None:
    """Stop the clock while the sender is awaited, and let it run again when work goes on."""
    if to is Processing.AWAITING_SENDER:
        chain.clock = chain.clock.completion_requested(chain.at)
        chain.tell_limit()
    elif to is Processing.IN_PROGRESS:
        chain.clock = chain.clock.completed(chain.at)
        chain.tell_limit()
