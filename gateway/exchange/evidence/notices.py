"""What is attested of a delivery without moving it: the recipient was told, opened it, said to take it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.domain.errors import Fault
from gateway.domain.evidence.receipt import Event, Notified, Outcome, ReceiptKind
from gateway.domain.transit.states import Notice, Transport
from gateway.exchange.evidence.chain import Chain, Chains, check_resting, not_now
from gateway.exchange.evidence.issue import stated
from gateway.exchange.transit.letters import Case
from gateway.store.transit import queries
from gateway.store.transit.models import DeliveryRow

NOT_TOLD = "WASL-DLV-023"


@dataclass(frozen=True)
class Notices:
    """Attests what happens around a letter that lies ready or has its outcome.

    Attributes:
        owner: names in events who saw it.
    """

    chains: Chains
    owner: str

    def notified(self, case: Case, channel: str, times: int = 1) -> None:
        """The recipient was told.

        Args:
            channel: ``email``, ``sms``, ``webhook``, …
            times: how often that was tried, from 1.

        Raises:
            Conflict: the letter is still on its way.
        """
        check_resting(case)
        chain = self.chains.follow(case)
        chain.add(ReceiptKind.NOTIFICATION, Event.CONSIGNMENT_NOTIFICATION, notified=Notified(channel, times))
        self._commit(case, chain, Notice.NOTIFIED)

    def not_notified(self, case: Case, channel: str, times: int = 1) -> None:
        """The recipient could not be told on this channel, and it will not be tried again.

        Raises:
            Conflict: the letter is still on its way.
        """
        check_resting(case)
        chain = self.chains.follow(case)
        chain.add(
            ReceiptKind.NOTIFICATION,
            Event.CONSIGNMENT_NOTIFICATION_FAILURE,
            notified=Notified(channel, times),
            reasons=stated((Fault(NOT_TOLD, found=channel),)),
        )
        self._commit(case, chain, Notice.NOT_NOTIFIED, NOT_TOLD)

    def opened(self, case: Case, unit: str) -> bool:
        """A unit of the recipient read the content; attested once for each unit.

        From then on the letter may have arrived: the sender cannot cancel it any more, and if it
        expires, whether it was taken is unknown.

        Returns:
            Whether this is the first time.

        Raises:
            Conflict: the letter does not lie with the recipient.
        """
        check_resting(case)
        # the first look at what lies ready leaves doubt behind: without doubt nobody looked
        looked_at = case.row.doubt or case.row.state != Transport.AVAILABLE.value
        if looked_at and unit in self._readers(case):
            return False
        chain = self.chains.follow(case)
        chain.add(ReceiptKind.ACCESS, Event.CONTENT_ACCESS_TRACKING, accessed_by=unit)
        self._commit(case, chain, Notice.OPENED)
        return True

    def _readers(self, case: Case) -> set[str | None]:
        return {one.accessed_by for one in self.chains.attested(case, Event.CONTENT_ACCESS_TRACKING)}

    def accept(self, case: Case, by: str) -> None:
        """The recipient said that it will take the letter; handing it over is still to come.

        Args:
            by: the unit that says so, never a person.

        Raises:
            Conflict: the letter does not lie ready, or that was said already.
        """
        accepted = self.chains.attested(case, Event.CONSIGNMENT_ACCEPTANCE)
        if case.row.state != Transport.AVAILABLE.value or accepted:
            raise not_now(case.row.state)
        chain = self.chains.follow(case)
        chain.add(
            ReceiptKind.OUTCOME,
            Event.CONSIGNMENT_ACCEPTANCE,
            stated_by=case.row.office_name,
            outcome=Outcome(case.row.state, decided_by=by),
        )
        self._commit(case, chain, Notice.ACCEPTED)

    def _commit(self, case: Case, chain: Chain, notice: Notice, why: str | None = None) -> None:
        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            if notice is Notice.OPENED and row.state == Transport.AVAILABLE.value:
                row.doubt = True
            queries.notice(session, row, notice, now, self.owner, why)

        self.chains.commit(case, chain, change, together=True)
