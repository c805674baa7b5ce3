"""What operators decide about deliveries is carried out, once, and kept with their names and reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict, NotFound, Permanent, Refused
from gateway.domain.transit.repairs import STOPPED, Decision, Verb, allows
from gateway.domain.transit.resend import Resend
from gateway.domain.transit.states import Notice, Transport
from gateway.exchange.evidence.chain import Chains, Overtaken, not_now
from gateway.exchange.transit.again import look_again
from gateway.exchange.transit.letters import Case, Letters
from gateway.exchange.transit.locks import check_free
from gateway.exchange.transit.outcomes import Outcomes
from gateway.exchange.transit.redirecting import Redirecting
from gateway.exchange.transit.resending import MAYBE_TWICE, Resending
from gateway.store.transit import delivery_queries, queries
from gateway.store.transit.models import DecisionRow, DeliveryRow

NOT_FOUND = "WASL-REQ-005"
NO_MOMENT = "WASL-REQ-010"
GIVEN_UP = "WASL-DLV-051"
_LONGEST_HOLD = timedelta(days=366)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Repair:
    """Carries out decisions about single deliveries.

    Of two operators who decide at the same time one is told that the other was quicker; a letter that a
    reader has locked, or that a worker has in its hands, is left alone.

    Attributes:
        hold_for: how long a letter that an operator stops is held, unless an end is given.
    """

    letters: Letters
    chains: Chains
    outcomes: Outcomes
    redirecting: Redirecting
    hold_for: timedelta

    def requeue(self, delivery: str, decision: Decision, possible_duplicate: bool = False) -> None:
        """Try to deliver now, but not before the sender wants it delivered.

        Args:
            possible_duplicate: send even though the letter may have arrived; every handover that follows
                says so.

        Raises:
            NotFound: no such delivery.
            Conflict: not from where it is; it may have arrived; a reader has it; somebody was quicker.
        """

        def act(case: Case, chains: Chains) -> None:
            if case.row.doubt and not possible_duplicate:
                raise Conflict.because(MAYBE_TWICE)
            replace(self.outcomes, chains=chains, owner=decision.by).resend(case)

        self._decide(delivery, Verb.REQUEUE, decision, act)

    def hold(self, delivery: str, decision: Decision, until: datetime | None = None) -> None:
        """Keep a letter from being sent until somebody decides; one that is held gets a later deadline.

        When the deadline passes without a decision, the letter is given up like any held one.

        Args:
            until: the deadline, aware; never beyond the end that the sender gave. A letter that is held
                already needs one.

        Raises:
            NotFound: no such delivery.
            Refused: the deadline is past, or more than a year away.
            Conflict: not from where it is; somebody was quicker.
        """

        def act(case: Case, chains: Chains) -> None:
            end = self._deadline(case, until)
            if case.row.state != Transport.HELD.value:
                outcomes = replace(self.outcomes, chains=chains, owner=decision.by)
                outcomes.hold(case, Permanent(STOPPED), end, case.row.doubt)
            elif until is None or end == case.row.held_until:
                raise not_now(case.row.state)
            else:
                _prolong(case, chains, end, decision.by)

        self._decide(delivery, Verb.HOLD, decision, act)

    def release(self, delivery: str, decision: Decision) -> None:
        """Let a letter that an operator stopped go on as it would have.

        Nothing is decided about doubt: a letter that may have arrived is held again.

        Raises:
            NotFound: no such delivery.
            Conflict: no operator stopped it; somebody was quicker.
        """

        def act(case: Case, chains: Chains) -> None:
            def change(session: Session, row: DeliveryRow, now: datetime) -> None:
                row.held_code = row.held_until = None
                queries.move(session, row, Transport.QUEUED, now, decision.by)

            chains.commit(case, chains.follow(case), change)

        self._decide(delivery, Verb.RELEASE, decision, act)

    def redirect(self, delivery: str, decision: Decision, office: str) -> str:
        """Pass a letter that was not handed over on to another office; the hub stands as who decided.

        Returns:
            The identifier of the successor delivery.

        Raises:
            NotFound: no such delivery.
            Refused: nobody receives there, or the letter was there before.
            Conflict: not from where it is; it may have arrived; somebody was quicker.
            Gone: the letter's content was purged.
        """

        def act(case: Case, chains: Chains) -> str:
            redirecting = replace(self.redirecting, chains=chains, owner=decision.by)
            return redirecting.redirect(case, office, self._hub)

        return self._decide(delivery, Verb.REDIRECT, decision, act)

    def cancel(self, delivery: str, decision: Decision) -> None:
        """Take a letter back for its sender, whose wish the decision's reason tells where to find.

        The receipt names the hub as who decided.

        Raises:
            NotFound: no such delivery.
            Conflict: not from where it is; it may have arrived; somebody was quicker.
        """

        def act(case: Case, chains: Chains) -> None:
            replace(self.outcomes, chains=chains, owner=decision.by).cancel(case, self._hub)

        self._decide(delivery, Verb.CANCEL, decision, act)

    def fail(self, delivery: str, decision: Decision) -> None:
        """Give a letter up; where it may have arrived, the receipt says that the outcome is unknown.

        Raises:
            NotFound: no such delivery.
            Conflict: not from where it is; somebody was quicker.
        """

        def act(case: Case, chains: Chains) -> None:
            outcomes = replace(self.outcomes, chains=chains, owner=decision.by)
            outcomes.give_up(case, Permanent(GIVEN_UP), case.row.doubt)

        self._decide(delivery, Verb.FAIL, decision, act)

    def resend(self, delivery: str, decision: Decision, wish: Resend) -> str:
        """Send anew what failed, expired, or was refused by the wrong office; its outcome stays.

        Returns:
            The identifier of the successor delivery.

        Raises:
            NotFound: no such delivery.
            Refused: nobody receives there, the letter was there before, the end is none.
            Conflict: not from where it is; it has a successor; it may have arrived; somebody was quicker.
            Gone: the letter's content was purged.
        """

        def act(case: Case, chains: Chains) -> str:
            succession = replace(self.redirecting.succession, chains=chains, owner=decision.by)
            return Resending(chains, succession, decision.by).resend(case, wish, self._hub)

        return self._decide(delivery, Verb.RESEND, decision, act)

    @property
    def _hub(self) -> str:
        return self.chains.issuing.issuer.name

    def _decide(
        self, delivery: str, verb: Verb, decision: Decision, act: Callable[[Case, Chains], Result]
    ) -> Result:
        seen, case = self._look(delivery)
        if not allows(verb, Transport(case.row.state), case.row.held_code):
            raise not_now(case.row.state)

        def first(session: Session, row: DeliveryRow, now: datetime) -> None:
            check_free(row, now)
            if delivery_queries.last_event(session, delivery) != seen:
                raise Overtaken(delivery)
            session.add(
                DecisionRow(delivery=delivery, verb=verb.value, at=now, by=decision.by, why=decision.why)
            )

        return look_again(lambda: act(case, replace(self.chains, first=first)), looks=1)

    def _look(self, delivery: str) -> tuple[int, Case]:
        """The delivery, and which event was its last; a later one only makes the decision void."""
        with self.letters.store.read() as session:
            if session.get(DeliveryRow, delivery) is None:
                raise NotFound.because(NOT_FOUND)
            seen = delivery_queries.last_event(session, delivery)
        return seen, self.letters.case(delivery)

    def _deadline(self, case: Case, until: datetime | None) -> datetime:
        now = self.chains.ambient.now()
        end = until or now + self.hold_for
        if not now < end <= now + _LONGEST_HOLD:
            raise Refused.because(NO_MOMENT, "until")
        return min(end, case.expires_at or end)


def _prolong(case: Case, chains: Chains, end: datetime, by: str) -> None:
    def change(session: Session, row: DeliveryRow, now: datetime) -> None:
        row.held_until = end
        queries.notice(session, row, Notice.PROLONGED, now, by)

    chains.commit(case, chains.follow(case), change)
