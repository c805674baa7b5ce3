"""Receipts of one delivery, each citing the one before it, committed together with what they attest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict, Fault, Refused
from gateway.domain.evidence.receipt import Event, Receipt, ReceiptKind
from gateway.domain.evidence.timelimit import TimeLimits, stated_limit
from gateway.domain.transit.states import OUTCOMES, Transport
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.issue import JWS, XML, Issuing, stated
from gateway.exchange.evidence.owed import Owed, store
from gateway.exchange.transit.claim import LeaseLost, holds
from gateway.exchange.transit.letters import Case
from gateway.store.evidence import queries as evidence
from gateway.store.rows import gathering
from gateway.store.sessions import Store
from gateway.store.together import Together
from gateway.store.transit import delivery_rows
from gateway.store.transit.clocks import clock_from_json, clock_to_json
from gateway.store.transit.models import DeliveryRow
from gateway.wire.receipts import read_kept_receipt

NOT_NOW = "WASL-DLV-019"

Change = Callable[[Session, DeliveryRow, datetime], None]
"""Changes a delivery's row at a moment, in the transaction that stores its receipts."""

_OF_THE_LETTER = (
    "test",
    "directory_version",
    "reference",
    "message_id",
    "sender",
    "on_behalf_of",
    "signer",
    "authenticated_by",
    "submitted_at",
    "received",
    "subject",
    "attachments",
)
"""What every later receipt repeats from the acceptance."""


class Overtaken(Exception):
    """The delivery moved while somebody was looking at it: look again."""


class Chain:
    """The receipts that are about to follow those a delivery has.

    Attributes:
        at: the moment of the next receipt; a clock that was set back must not make time run
            backwards along the chain.
        clock: the delivery's time limit as it will be.
    """

    def __init__(self, issuing: Issuing, limits: TimeLimits, case: Case, now: datetime) -> None:
        self._issuing, self._limits, self._case = issuing, limits, case
        self._last = case.row.chain_digest
        self.at = max(now, case.row.chain_time)
        self.before = clock_from_json(case.row.clock)
        self.clock = self.before
        self.owed: list[Owed] = []

    def add(self, kind: ReceiptKind, event: Event, *, ends: bool = False, **content: Any) -> Receipt:
        """Seal the next receipt.

        Args:
            ends: it is the one transport outcome of the delivery.
            content: what this receipt states besides what all of the letter's receipts do.

        Raises:
            Unavailable: the seal cannot be used now.
        """
        accepted = self._case.acceptance
        receipt = self._issuing.make(
            kind,
            event,
            self.at,
            recipient=self._case.addressee,
            predecessor=self._last,
            **{name: getattr(accepted, name) for name in _OF_THE_LETTER},
            **content,
        )
        sealed = self._issuing.seal(receipt, _format(self._case))
        self.owed.append(Owed(sealed, self._case.message.id, self._case.row.id, ends))
        self._last = sealed.digest
        return receipt

    def tell_limit(self, *reasons: Fault) -> bool:
        """Add the receipt of the time limit, if it changed or nobody was told yet; whether one was owed."""
        clock = replace(self._limits.measured(self.clock), told=True)
        if clock == self.before:
            return False
        self.add(
            ReceiptKind.TIME_LIMIT,
            Event.TIME_LIMIT,
            time_limit=stated_limit(clock),
            reasons=stated(reasons),
        )
        self.clock = clock
        return True


@dataclass(frozen=True)
class Step:
    """What is to happen to one delivery, and the receipts that attest it."""

    case: Case
    chain: Chain
    change: Change
    first: Change | None
    at: datetime

    def take(self, session: Session, row: DeliveryRow) -> None:
        """Change the delivery's locked row.

        Raises:
            Exception: the change is not possible; something of it may have been written.
        """
        if self.first is not None:
            self.first(session, row, self.at)
        self.change(session, row, self.at)
        row.lease_owner = row.lease_until = row.sending_since = None
        for owed in self.chain.owed[-1:]:
            row.chain_digest, row.chain_time = owed.sealed.digest, owed.sealed.receipt.event_time
        if self.chain.clock != self.chain.before:
            row.clock = clock_to_json(self.chain.clock)


def take(session: Session, steps: Sequence[Step]) -> list[Exception | None]:
    """Take steps of different deliveries in the open transaction, one after the other.

    Their rows are read and written past the session: no step may look them up.

    Returns:
        For each step what it was refused for, before anything of it was written.

    Raises:
        Exception: a change is not possible.
    """
    with gathering(session):
        rows = delivery_rows.locked(session, [step.case.row.id for step in steps])
        faults = _taken(session, rows, steps)
        delivery_rows.write(session, rows.values())
    return faults


def take_alone(session: Session, step: Step) -> Exception | None:
    """Take a step that may look at its own row, or others, by the session; else as `take`."""
    # written once at the end: each look-up in between would write what changed so far
    with session.no_autoflush, gathering(session):
        row = session.get_one(DeliveryRow, step.case.row.id, with_for_update=True)
        [fault] = _taken(session, {row.id: row}, [step])
    return fault


def _taken(
    session: Session, rows: Mapping[str, DeliveryRow], steps: Sequence[Step]
) -> list[Exception | None]:
    faults: list[Exception | None] = []
    owed: list[Owed] = []
    for step in steps:
        row = rows[step.case.row.id]
        fault = _changed(step.case, row)
        if fault is None:
            step.take(session, row)
            owed += step.chain.owed
        faults.append(fault)
    store(session, owed)
    return faults


@dataclass(frozen=True)
class Chains:
    """Makes deliveries' receipts and commits them.

    Attributes:
        first: done to the delivery's locked row in each transaction, before the change: what is to be
            checked or noted together with it.
        together: makes the steps of several deliveries at once.
    """

    store: Store
    issuing: Issuing
    ambient: Ambient
    limits: TimeLimits
    first: Change | None = None
    together: Together[Step] | None = None

    def follow(self, case: Case) -> Chain:
        """The chain of a delivery, to be continued."""
        return Chain(self.issuing, self.limits, case, self.ambient.now())

    def commit(self, case: Case, chain: Chain, change: Change, together: bool = False) -> None:
        """Make a change and store the receipts that attest it, in one transaction; both or neither.

        Args:
            together: others' changes may be made in the same transaction; not for a change that looks at,
                or touches, another delivery than its own.

        Raises:
            Overtaken: the delivery is not as it was seen any more.
            LeaseLost: it was being delivered and somebody else does that by now.
            ForbiddenMove: the table of states has no such move.
        """
        step = Step(case, chain, change, self.first, self.ambient.now())
        if together and self.together is not None:
            self.together.do(step)
            return
        with self.store.write() as session:
            fault = take_alone(session, step)
        if fault is not None:
            raise fault

    def attested(self, case: Case, event: Event) -> list[Receipt]:
        """The receipts of this delivery that attest ``event``, in order."""
        with self.store.read() as session:
            rows = evidence.attesting(session, case.message.id, event.value)
        return [read_kept_receipt(row.content) for row in rows if row.delivery == case.row.id]

    def handed_over(self, case: Case) -> bool:
        """Whether the recipient has the letter: handed over, be it after its time."""
        if case.row.state == Transport.HANDED_OVER.value:
            return True
        given_up = case.row.state in (Transport.FAILED.value, Transport.EXPIRED.value)
        return given_up and bool(self.attested(case, Event.LATE_HANDOVER))


def _changed(case: Case, row: DeliveryRow) -> Overtaken | LeaseLost | None:
    """What is to be said of a delivery that is not as it was seen."""
    if case.row.state == Transport.DELIVERING.value:
        if not holds(row, case.row):
            return LeaseLost(row.id)
    elif (row.attempts, row.doubt) != (case.row.attempts, case.row.doubt):
        # it was tried meanwhile and is back where it was, which leaves no receipt
        return Overtaken(row.id)
    same = (row.state, row.chain_digest) == (case.row.state, case.row.chain_digest)
    return None if same else Overtaken(row.id)


def check_resting(case: Case) -> None:
    """Check that no attempt at a delivery can be under way: nobody continues a chain behind a worker's back.

    Raises:
        Conflict: it is not available, and has no outcome either.
    """
    if Transport(case.row.state) not in OUTCOMES | {Transport.AVAILABLE}:
        raise not_now(case.row.state)


def not_now(state: str) -> Refused:
    """The refusal of what is not possible in this state."""
    return Conflict.because(NOT_NOW, found=state)


def _format(case: Case) -> str:
    return XML if case.message.media_type == XML else JWS
