"""A letter that leaves for somebody else's care: another hub, or plain e-mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.domain.errors import Fault, Permanent
from gateway.domain.evidence.receipt import Event, Notified, ReceiptKind, Relay
from gateway.domain.transit.states import TRANSPORT_MOVES, Notice, Transport
from gateway.exchange.evidence.chain import Chain, Chains, not_now
from gateway.exchange.evidence.issue import stated
from gateway.exchange.transit.letters import Case
from gateway.exchange.transit.outcomes import attest_failure, end_attempt
from gateway.store.transit import queries
from gateway.store.transit.models import DeliveryRow

REFUSED_THERE = "WASL-DLV-025"
NO_ANSWER = "WASL-DLV-026"


@dataclass(frozen=True)
class Relays:
    """Attests what became of letters on their way through others.

    What another hub took, or a mail server, rests ``AVAILABLE`` here: it lies elsewhere, and its outcome
    is still owed. An acknowledgment, a refusal or the sender's own end decides it.

    Attributes:
        owner: names the worker in events.
    """

    chains: Chains
    owner: str

    def relayed(self, case: Case, relay: Relay, stated_at: datetime | None = None) -> None:
        """Another hub took charge (EN 319 522-1, RelayAcceptance).

        Args:
            relay: the hub, its reference, its receipt by digest.

        Raises:
            Conflict: the letter is not being delivered.
        """
        chain = self._follow(case)
        chain.add(
            ReceiptKind.RELAY, Event.RELAY_ACCEPTANCE, relay=relay, stated_by=relay.hub, stated_time=stated_at
        )
        self._rest(case, chain, Notice.RELAYED, relay.reference)

    def relay_refused(self, case: Case, relay: Relay, detail: str = "") -> None:
        """Another hub refused it for good: the delivery failed (EN 319 522-1, RelayRejection).

        Args:
            detail: what it said; kept with the attempt, in no receipt.

        Raises:
            Conflict: the letter is not being delivered.
        """
        self._fail(case, Event.RELAY_REJECTION, relay, Permanent(REFUSED_THERE, detail), case.row.doubt)

    def relay_failed(self, case: Case, relay: Relay, doubt: bool, detail: str = "") -> None:
        """Another hub did not answer and is not asked again (EN 319 522-1, RelayFailure).

        Args:
            doubt: it may have the letter.
            detail: what was seen; kept with the attempt, in no receipt.

        Raises:
            Conflict: the letter is not being delivered.
        """
        self._fail(case, Event.RELAY_FAILURE, relay, Permanent(NO_ANSWER, detail), doubt)

    def mailed(self, case: Case, channel: str = "email", times: int = 1) -> None:
        """The letter was handed to plain e-mail: no delivery (EN 319 522-1, RelayToNonERDS).

        Raises:
            Conflict: the letter is neither being delivered nor lies ready.
        """
        ready = case.row.state == Transport.AVAILABLE.value
        chain = self.chains.follow(case) if ready else self._follow(case)
        chain.add(ReceiptKind.MAILED, Event.RELAY_TO_NON_ERDS, notified=Notified(channel, times))
        self._rest(case, chain, Notice.MAILED, None)

    def _follow(self, case: Case) -> Chain:
        if case.row.state != Transport.DELIVERING.value:
            raise not_now(case.row.state)
        return self.chains.follow(case)

    def _rest(self, case: Case, chain: Chain, notice: Notice, target_reference: str | None) -> None:
        chain.tell_limit()

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            queries.notice(session, row, notice, now, self.owner)
            if Transport.AVAILABLE in TRANSPORT_MOVES[Transport(row.state)]:
                row.held_until = case.expires_at
                row.target_reference = target_reference or row.target_reference
                queries.move(session, row, Transport.AVAILABLE, now, self.owner)
            # what others hold cannot be called back, and may have arrived
            row.doubt = True
            end_attempt(session, row, now, None, "")

        self.chains.commit(case, chain, change)

    def _fail(self, case: Case, event: Event, relay: Relay, error: Permanent, doubt: bool) -> None:
        chain = self._follow(case)
        chain.add(ReceiptKind.RELAY, event, relay=relay, reasons=stated((Fault(error.code),)))
        attest_failure(self.chains, chain, error, doubt)

        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            row.doubt = doubt
            queries.move(session, row, Transport.FAILED, now, self.owner, error.code)
            end_attempt(session, row, now, error.code, error.detail)

        self.chains.commit(case, chain, change)
