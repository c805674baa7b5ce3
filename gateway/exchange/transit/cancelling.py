"""A sender takes a letter back: every delivery that can still be cancelled is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.domain.errors import Conflict, Fault, NotFound
from gateway.domain.evidence.receipt import Event
from gateway.domain.identifiers import read_reference
from gateway.domain.transit.states import Transport
from gateway.exchange.transit.again import look_again
from gateway.exchange.transit.letters import Letters
from gateway.exchange.transit.outcomes import Outcomes
from gateway.store.evidence import queries as evidence
from gateway.store.sessions import Store
from gateway.store.transit import queries

NOT_FOUND = "WASL-REQ-005"


@dataclass(frozen=True)
class Cancellation:
    """What the wish came to for one delivery.

    Attributes:
        receipt: identifier of the receipt that attests the cancellation; None if it was refused.
        refusal: why it was not cancelled.
    """

    delivery: str
    office: str
    name: str
    state: str
    receipt: str | None
    refusal: Fault | None


@dataclass(frozen=True)
class Cancelling:
    """Takes letters back for the parties that sent them.

    Attributes:
        outcomes: ends deliveries; events name the party.
    """

    store: Store
    letters: Letters
    outcomes: Outcomes

    def cancel(self, reference: str, party: str, delivery: str | None = None) -> tuple[Cancellation, ...]:
        """Cancel what can still be cancelled; a repeat finds it cancelled and gets the same receipts.

        Args:
            delivery: only this delivery; None for all of the letter's.

        Raises:
            NotFound: no such letter of that party, or no such delivery of the letter.
            Conflict: none could be cancelled; one fault for each.
            Unavailable: the seal cannot be used now; what was cancelled until then stays so.
        """
        deliveries = self._deliveries(reference, party, delivery)
        refusals = {one: self._refusal(one, party) for one in deliveries}
        if all(refusals.values()):
            raise Conflict(fault for fault in refusals.values() if fault is not None)
        return tuple(self._told(one, refusal) for one, refusal in refusals.items())

    def _deliveries(self, reference: str, party: str, delivery: str | None) -> Sequence[str]:
        with self.store.read() as session:
            message = queries.accepted_by_reference(session, read_reference(reference) or "")
            if message is None or message.party != party:
                raise NotFound.because(NOT_FOUND)
            known = [row.id for row in queries.deliveries(session, message.id)]
        if delivery is None:
            return known
        if delivery not in known:
            raise NotFound.because(NOT_FOUND)
        return [delivery]

    def _refusal(self, delivery: str, party: str) -> Fault | None:
        """Cancel one delivery; why not, if it cannot be."""
        try:
            look_again(lambda: self._cancel(delivery, party))
        except Conflict as conflict:
            return conflict.faults[0]
        return None

    def _cancel(self, delivery: str, party: str) -> None:
        case = self.letters.case(delivery)
        if case.row.state == Transport.CANCELLED.value:
            return
        sender = case.acceptance.sender
        replace(self.outcomes, owner=party).cancel(case, sender.name if sender is not None else party)

    def _told(self, delivery: str, refusal: Fault | None) -> Cancellation:
        case = self.letters.case(delivery)
        with self.store.read() as session:
            attesting = evidence.attesting(session, case.message.id, Event.CANCELLED.value)
        receipts = [one.receipt_id for one in attesting if one.delivery == delivery]
        row = case.row
        return Cancellation(
            row.id,
            row.office,
            row.office_name,
            row.state,
            receipts[0] if refusal is None and receipts else None,
            refusal,
        )
