"""What became of an attempt: the moves, the receipts they owe, and both in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy.orm import Session

from adapters.contract import Delivered
from gateway.domain.errors import DeliveryError, Fault
from gateway.domain.evidence.receipt import (
    Event,
    Handover,
    Octets,
    Outcome,
    Place,
    Receipt,
    ReceiptKind,
    Registered,
)
from gateway.domain.transit.states import OUTCOMES, Processing, Transport
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.issue import Issuing, Sealed, stated, store
from gateway.exchange.transit.claim import check_lease
from gateway.exchange.transit.letters import Case
from gateway.store.sessions import Store
from gateway.store.transit import queries
from gateway.store.transit.models import DeliveryRow

_KEPT_DETAIL = 4000
EXPIRED = "WASL-DLV-016"
OVER = "WASL-DLV-011"


@dataclass(frozen=True)
class Outcomes:
    """Ends attempts and deliveries.

    Attributes:
        owner: names the worker in events; whether its result counts is decided by the lease.
    """

    store: Store
    issuing: Issuing
    ambient: Ambient
    owner: str

    def hand_over(self, case: Case, delivered: Delivered) -> None:
        """The target has the letter: delivery receipt, registration receipt if it gave a number."""
        chain = _Chain(self, case)
        chain.add(
            ReceiptKind.DELIVERY,
            Event.CONTENT_HANDOVER,
            handover=_handover(case, delivered),
            outcome=Outcome(Transport.HANDED_OVER.value),
        )
        if delivered.register_number is not None:
            chain.add(
                ReceiptKind.REGISTRATION,
                Event.REGISTERED,
                stated_by=case.row.office_name,
                registered=Registered(
                    delivered.register_number, delivered.register_date, delivered.register_book
                ),
            )

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            row.target_reference = delivered.target_reference
            row.register_number = delivered.register_number
            queries.move(session, row, Transport.HANDED_OVER, now, self.owner)
            if delivered.register_number is not None:
                queries.process(session, row, Processing.REGISTERED, now, row.office_name)
            self._end_attempt(session, row, now, None, _text(delivered.answer))

        self._commit(case, chain, change)

    def make_available(self, case: Case, place: Place) -> None:
        """The letter lies where the office can take it; it is not handed over yet."""
        chain = _Chain(self, case)
        chain.add(ReceiptKind.AVAILABILITY, Event.CONTENT_CONSIGNMENT, place=place)

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            # what the sender gave an end is not left lying beyond it
            row.held_until = case.message.expires_at
            queries.move(session, row, Transport.AVAILABLE, now, self.owner)

        self._commit(case, chain, change)

    def wait(self, case: Case, error: DeliveryError, due: datetime, doubt: bool) -> None:
        """Another attempt is due; no receipt is owed for one that will be repeated."""

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            row.due_at, row.doubt = due, doubt
            row.failures += 1
            queries.move(session, row, Transport.WAITING, now, self.owner, error.code)
            self._end_attempt(session, row, now, error.code, error.detail)

        self._commit(case, _Chain(self, case), change)

    def hold(self, case: Case, error: DeliveryError, until: datetime, doubt: bool) -> None:
        """A person must decide before ``until``."""

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            row.held_code, row.held_until, row.doubt = error.code, until, doubt
            queries.move(session, row, Transport.HELD, now, self.owner, error.code)
            self._end_attempt(session, row, now, error.code, error.detail)

        self._commit(case, _Chain(self, case), change)

    def give_up(self, case: Case, error: DeliveryError, doubt: bool) -> None:
        """Final failure; with ``doubt`` the receipt says that the outcome is unknown."""
        chain = _Chain(self, case)
        chain.add(
            ReceiptKind.NON_DELIVERY,
            Event.CONTENT_HANDOVER_FAILURE,
            reasons=stated((Fault(error.code),)),
            outcome=Outcome(Transport.FAILED.value, decided_by=self.issuing.issuer.name, unknown=doubt),
        )

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            queries.move(session, row, Transport.FAILED, now, self.owner, error.code)
            self._end_attempt(session, row, now, error.code, error.detail)

        self._commit(case, chain, change)

    def expire(self, case: Case) -> None:
        """The sender's own time limit passed before the letter was handed over."""
        chain = _Chain(self, case)
        chain.add(
            ReceiptKind.OUTCOME,
            Event.ACCEPTANCE_REJECTION_EXPIRY,
            reasons=stated((Fault(EXPIRED),)),
            outcome=Outcome(Transport.EXPIRED.value, unknown=case.row.doubt),
        )

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            queries.move(session, row, Transport.EXPIRED, now, self.owner, EXPIRED)
            self._end_attempt(session, row, now, EXPIRED, "")

        self._commit(case, chain, change)

    def _commit(
        self,
        case: Case,
        chain: _Chain,
        change: Callable[[Session, DeliveryRow, datetime], None],
    ) -> None:
        now = self.ambient.now()
        with self.store.write() as session:
            row = session.get_one(DeliveryRow, case.row.id, with_for_update=True)
            self._check_unchanged(case, row)
            change(session, row, now)
            row.lease_owner = row.lease_until = row.sending_since = None
            for sealed, outcome in chain.sealed:
                store(session, sealed, case.message.id, row.id, outcome)
                row.chain_digest, row.chain_time = sealed.digest, sealed.receipt.event_time

    def _check_unchanged(self, case: Case, row: DeliveryRow) -> None:
        if case.row.state == Transport.DELIVERING.value:
            check_lease(row, case.row)
        if (row.state, row.chain_digest) != (case.row.state, case.row.chain_digest):
            raise Overtaken(row.id)

    def _end_attempt(
        self, session: Session, row: DeliveryRow, now: datetime, code: str | None, detail: str
    ) -> None:
        attempt = queries.open_attempt(session, row.id)
        if attempt is not None:
            attempt.ended_at, attempt.code, attempt.detail = now, code, detail[:_KEPT_DETAIL]


class Overtaken(Exception):
    """The delivery moved while somebody was looking at it: look again."""


class _Chain:
    """Receipts of one delivery, each citing the one before it."""

    def __init__(self, outcomes: Outcomes, case: Case) -> None:
        self._issuing, self._case = outcomes.issuing, case
        self._last_digest, self._last_time = case.row.chain_digest, case.row.chain_time
        self._now = outcomes.ambient.now()
        self.sealed: list[tuple[Sealed, bool]] = []

    def add(self, kind: ReceiptKind, event: Event, **content: Any) -> None:
        accepted = self._case.acceptance
        # a clock that was set back must not make time run backwards along the chain
        at = max(self._now, self._last_time)
        receipt = self._issuing.make(
            kind,
            event,
            at,
            recipient=replace(self._case.addressee, delivery=self._case.row.id),
            predecessor=self._last_digest,
            **_about_letter(accepted),
            **content,
        )
        sealed = self._issuing.seal(receipt, _format(self._case))
        state = content["outcome"].state if "outcome" in content else ""
        self.sealed.append((sealed, state in {outcome.value for outcome in OUTCOMES}))
        self._last_digest, self._last_time = sealed.digest, at


def _about_letter(accepted: Receipt) -> dict[str, Any]:
    """What every later receipt repeats from the acceptance."""
    names = (
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
    return {name: getattr(accepted, name) for name in names}


def _format(case: Case) -> str:
    return "application/xml" if case.message.media_type == "application/xml" else "application/jose"


def _handover(case: Case, delivered: Delivered) -> Handover:
    answer = delivered.answer
    return Handover(
        target_reference=delivered.target_reference,
        answer=Octets(sha256(answer).hexdigest(), delivered.answer_media_type, len(answer)),
        digests_confirmed=delivered.digests_confirmed,
    )


def _text(answer: bytes) -> str:
    return answer[:_KEPT_DETAIL].decode("utf-8", "replace").replace("\0", "")
