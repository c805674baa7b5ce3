"""What became of an attempt, or of a letter that lay ready: moves, and the receipts they owe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy.orm import Session

from adapters.contract import Delivered
from gateway.domain.errors import Conflict, DeliveryError, Fault
from gateway.domain.evidence.receipt import (
    Event,
    Handover,
    Octets,
    Outcome,
    Place,
    ReceiptKind,
    Registered,
)
from gateway.domain.transit.grounds import check_ground
from gateway.domain.transit.states import (
    NUMBER_COMES_LATE,
    SENT_AGAIN,
    TRANSPORT_MOVES,
    Notice,
    Processing,
    Transport,
)
from gateway.exchange.evidence.chain import Chain, Chains, Overtaken, not_now
from gateway.exchange.evidence.issue import stated
from gateway.exchange.transit.letters import Case
from gateway.exchange.transit.recall import recall
from gateway.store.transit import queries
from gateway.store.transit.models import DeliveryRow

__all__ = ["EXPIRED", "OVER", "Outcomes", "Overtaken"]

_KEPT_DETAIL = 4000
EXPIRED = "WASL-DLV-016"
OVER = "WASL-DLV-011"
MAY_HAVE_ARRIVED = "WASL-DLV-020"
RESENT_FROM = frozenset({Transport.HELD, Transport.WAITING, Transport.AVAILABLE})
GIVEN_UP = frozenset({Transport.FAILED.value, Transport.EXPIRED.value})

Tell = Callable[[Session, Case, datetime], None]
"""Lets people be told, in the open transaction, that a letter lies ready since then."""


@dataclass(frozen=True)
class Outcomes:
    """Ends attempts and deliveries.

    Attributes:
        owner: names the worker in events; whether its result counts is decided by the lease.
        tell: called in the transaction by which mail starts to lie in the hub's own office.
    """

    chains: Chains
    owner: str
    tell: Tell | None = None

    def hand_over(self, case: Case, delivered: Delivered, said: str = "") -> None:
        """The target has the letter: delivery receipt, registration receipt if it gave a number.

        Args:
            said: of its answer, what the attempt keeps for people.
        """
        registered = None
        if delivered.register_number is not None:
            registered = Registered(
                delivered.register_number, delivered.register_date, delivered.register_book
            )
        self._end_well(case, _handover(case, delivered), registered, said)

    def acknowledge(self, case: Case, by: str, registered: Registered | None = None) -> None:
        """The recipient took the letter where it lay ready, and may have registered it at once.

        After the letter was given up or expired this is a late handover.

        Args:
            by: the unit that acknowledges, never a person.

        Raises:
            Conflict: the letter neither lies ready nor was given up.
        """
        handover = Handover(digests_confirmed=False, acknowledged_by=by, possible_duplicate=case.resent)
        if case.row.state in GIVEN_UP:
            self.hand_over_late(case, handover, registered)
        elif case.row.state != Transport.AVAILABLE.value:
            raise not_now(case.row.state)
        else:
            self._end_well(case, handover, registered, "")

    def _end_well(self, case: Case, handover: Handover, registered: Registered | None, answer: str) -> None:
        chain = self.chains.follow(case)
        chain.add(
            ReceiptKind.DELIVERY,
            Event.CONTENT_HANDOVER,
            ends=True,
            handover=handover,
            outcome=Outcome(Transport.HANDED_OVER.value),
        )
        attest_registration(self.chains, case, chain, registered)
        chain.tell_limit()

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            row.target_reference = handover.target_reference
            queries.move(session, row, Transport.HANDED_OVER, now, self.owner)
            register(session, row, registered, now)
            end_attempt(session, row, now, None, answer)

        self.chains.commit(case, chain, change, together=True)

    def hand_over_late(self, case: Case, handover: Handover, registered: Registered | None = None) -> None:
        """The recipient has a letter that was given up or expired: told beside the outcome, once.

        Raises:
            Conflict: it was not given up, or a late handover is on record already.
        """
        if case.row.state not in GIVEN_UP or self.chains.handed_over(case):
            raise not_now(case.row.state)
        chain = self.chains.follow(case)
        chain.add(
            ReceiptKind.OUTCOME,
            Event.LATE_HANDOVER,
            handover=handover,
            stated_by=case.row.office_name,
            outcome=Outcome(case.row.state),
        )
        attest_registration(self.chains, case, chain, registered)
        chain.tell_limit()

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            row.target_reference = handover.target_reference
            queries.notice(session, row, Notice.LATE_HANDOVER, now, self.owner)
            recall(session, row, now, self.owner)
            register(session, row, registered, now)

        self.chains.commit(case, chain, change)

    def make_available(self, case: Case, place: Place, why: Fault | None = None) -> None:
        """The letter lies where the office can take it; it is not handed over yet.

        Args:
            why: it lies there instead of on the office's own route.
        """
        chain = self.chains.follow(case)
        reasons = stated((why,) if why else ())
        chain.add(ReceiptKind.AVAILABILITY, Event.CONTENT_CONSIGNMENT, place=place, reasons=reasons)
        chain.tell_limit()

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            # what the sender gave an end is not left lying beyond it
            row.held_until = case.expires_at
            queries.move(session, row, Transport.AVAILABLE, now, self.owner, why.code if why else None)
            end_attempt(session, row, now, None, "")
            if place is Place.HUB_OFFICE and self.tell is not None:
                self.tell(session, case, now)

        self.chains.commit(case, chain, change, together=True)

    def fail_to_make_available(self, case: Case, error: DeliveryError) -> None:
        """The letter could not be laid ready for its recipient and is given up."""
        chain = self.chains.follow(case)
        reasons = stated((Fault(error.code),))
        chain.add(ReceiptKind.AVAILABILITY, Event.CONTENT_CONSIGNMENT_FAILURE, reasons=reasons)
        self._fail(case, chain, error, case.row.doubt)

    def wait(self, case: Case, error: DeliveryError, due: datetime, doubt: bool) -> None:
        """Another attempt is due; no receipt is owed for one that will be repeated."""

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            row.due_at, row.doubt = due, doubt
            row.failures += 1
            queries.move(session, row, Transport.WAITING, now, self.owner, error.code)
            end_attempt(session, row, now, error.code, error.detail)

        self.chains.commit(case, self.chains.follow(case), change, together=True)

    def hold(self, case: Case, error: DeliveryError, until: datetime, doubt: bool) -> None:
        """A person must decide before ``until``."""

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            row.held_code, row.held_until, row.doubt = error.code, until, doubt
            queries.move(session, row, Transport.HELD, now, self.owner, error.code)
            end_attempt(session, row, now, error.code, error.detail)

        self.chains.commit(case, self.chains.follow(case), change, together=True)

    def resend(self, case: Case) -> None:
        """A person decided to try again now; after doubt, what is handed over may be a duplicate.

        Raises:
            Conflict: it is neither held, nor waits for an attempt, nor lies ready.
        """
        if Transport(case.row.state) not in RESENT_FROM:
            raise not_now(case.row.state)

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            row.due_at = max(now, case.message.not_before or now)
            row.held_code = row.held_until = None
            row.failures = 0
            queries.move(session, row, Transport.QUEUED, now, self.owner, SENT_AGAIN if row.doubt else None)

        self.chains.commit(case, self.chains.follow(case), change)

    def give_up(self, case: Case, error: DeliveryError, doubt: bool) -> None:
        """Final failure; with ``doubt`` the receipt says that the outcome is unknown."""
        self._fail(case, self.chains.follow(case), error, doubt)

    def _fail(self, case: Case, chain: Chain, error: DeliveryError, doubt: bool) -> None:
        attest_failure(self.chains, chain, error, doubt)

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            row.doubt = doubt
            queries.move(session, row, Transport.FAILED, now, self.owner, error.code)
            end_attempt(session, row, now, error.code, error.detail)

        self.chains.commit(case, chain, change, together=True)

    def expire(self, case: Case) -> None:
        """The sender's own time limit passed before the letter was handed over."""
        outcome = Outcome(Transport.EXPIRED.value, unknown=case.row.doubt)
        self._end(case, Event.ACCEPTANCE_REJECTION_EXPIRY, outcome, Fault(EXPIRED))

    def refuse(self, case: Case, ground: Fault, by: str) -> None:
        """The recipient does not take the letter.

        Args:
            ground: one of `gateway.domain.transit.grounds.GROUNDS`.
            by: the unit that refuses, never a person.

        Raises:
            Refused: no such ground.
            Conflict: the letter does not lie with the recipient.
        """
        if case.row.state != Transport.AVAILABLE.value:
            raise not_now(case.row.state)
        outcome = Outcome(Transport.REFUSED.value, decided_by=by)
        self._end(case, Event.CONSIGNMENT_REJECTION, outcome, check_ground(ground), case.row.office_name)

    def decline(self, case: Case, ground: Fault) -> None:
        """The recipient's system answered that the recipient does not take the letter.

        Args:
            ground: one of `gateway.domain.transit.grounds.GROUNDS`.

        Raises:
            Refused: no such ground.
        """
        name = case.row.office_name
        outcome = Outcome(Transport.REFUSED.value, decided_by=name)
        self._end(case, Event.CONSIGNMENT_REJECTION, outcome, check_ground(ground), name)

    def cancel(self, case: Case, by: str) -> None:
        """The sender takes the letter back.

        Args:
            by: the party that sent it.

        Raises:
            Conflict: it has an outcome already, or may have arrived.
        """
        if Transport.CANCELLED not in TRANSPORT_MOVES[Transport(case.row.state)]:
            raise not_now(case.row.state)
        outcome = Outcome(Transport.CANCELLED.value, decided_by=by)
        self._end(case, Event.CANCELLED, outcome, None, before=check_not_sent)

    def _end(
        self,
        case: Case,
        event: Event,
        outcome: Outcome,
        reason: Fault | None,
        stated_by: str | None = None,
        before: Callable[[DeliveryRow], None] | None = None,
    ) -> None:
        """End a delivery that was not handed over.

        Args:
            before: checks the row as it is in the transaction.
        """
        code = reason.code if reason else None
        chain = self.chains.follow(case)
        chain.add(
            ReceiptKind.OUTCOME,
            event,
            ends=True,
            outcome=outcome,
            reasons=stated((reason,) if reason else ()),
            stated_by=stated_by,
        )

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            if before is not None:
                before(row)
            queries.move(session, row, Transport(outcome.state), now, self.owner, code)
            end_attempt(session, row, now, code, "")

        self.chains.commit(case, chain, change)


def end_attempt(session: Session, row: DeliveryRow, now: datetime, code: str | None, detail: str) -> None:
    """Close the attempt that was started, if there is one, with what the other side said."""
    # U+0000 is no text for PostgreSQL, and no reason to lose an outcome
    queries.end_attempt(session, row.id, now, code, detail[:_KEPT_DETAIL].replace("\0", ""))


def attest_failure(chains: Chains, chain: Chain, error: DeliveryError, doubt: bool) -> None:
    """Add the non-delivery receipt, which is the delivery's outcome."""
    chain.add(
        ReceiptKind.NON_DELIVERY,
        Event.CONTENT_HANDOVER_FAILURE,
        ends=True,
        reasons=stated((Fault(error.code),)),
        outcome=Outcome(Transport.FAILED.value, decided_by=chains.issuing.issuer.name, unknown=doubt),
    )


def attest_registration(
    chains: Chains, case: Case, chain: Chain, registered: Registered | None, at: datetime | None = None
) -> None:
    """Add the registration receipt, if there is a number; it may start the clock.

    Args:
        at: when the recipient registered, as it claims.
    """
    if registered is None:
        return
    chain.add(
        ReceiptKind.REGISTRATION,
        Event.REGISTERED,
        stated_by=case.row.office_name,
        stated_time=at,
        registered=registered,
    )
    deposited = case.acceptance.submitted_at or case.row.accepted_at
    chain.clock = chain.clock.registered(chains.limits.registration(registered.date, deposited, chain.at))


def register(session: Session, row: DeliveryRow, registered: Registered | None, now: datetime) -> None:
    """Note a register number, if there is one, and move the processing track unless it is further already."""
    if registered is None:
        return
    row.register_number = registered.number
    if Processing(row.processing) in NUMBER_COMES_LATE:
        queries.notice(session, row, Notice.NUMBERED, now, row.office_name)
    else:
        queries.process(session, row, Processing.REGISTERED, now, row.office_name)


def check_not_sent(row: DeliveryRow) -> None:
    """Check that the recipient cannot have the letter.

    Raises:
        Conflict: an attempt was ambiguous, sending has begun, or the recipient opened it.
    """
    if row.doubt or row.sending_since is not None:
        raise Conflict.because(MAY_HAVE_ARRIVED)


def _handover(case: Case, delivered: Delivered) -> Handover:
    answer = delivered.answer
    return Handover(
        target_reference=delivered.target_reference,
        answer=Octets(sha256(answer).hexdigest(), delivered.answer_media_type, len(answer)),
        digests_confirmed=delivered.digests_confirmed,
        possible_duplicate=case.resent,
    )
