"""Time limits that run: the one extension, and the ends that move when a holiday is announced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict, Fault, Refused
from gateway.domain.evidence.timelimit import Clock
from gateway.domain.transit.states import Notice, Processing, Transport
from gateway.exchange.evidence.chain import Chain, Chains, Overtaken
from gateway.exchange.transit.letters import Case, Letters
from gateway.store.transit import queries
from gateway.store.transit.clocks import clock_from_json
from gateway.store.transit.models import DeliveryRow

NO_EXTENSION = "WASL-DLV-042"
NEEDS_TIME = "WASL-DLV-043"
CALENDAR_CHANGED = "WASL-DLV-044"

_OVER = frozenset(
    one.value for one in (Processing.ANSWERED, Processing.DECLINED, Processing.REDIRECTED, Processing.CLOSED)
)
_log = structlog.get_logger()


@dataclass(frozen=True)
class Limits:
    """Keeps the clocks of deliveries.

    Start, pause and resumption come with the steps of the recipient's work
    (`gateway.exchange.transit.processing`); this is what comes besides.

    Attributes:
        owner: names in events who did it.
    """

    chains: Chains
    letters: Letters
    owner: str

    def extend(self, case: Case, why: str) -> None:
        """The recipient takes the one extension that its procedure allows.

        Args:
            why: its reason, in its own words, one line; it stands in the receipt.

        Raises:
            Refused: no reason was given.
            Conflict: the procedure has none, it was taken already, no clock was started, its end has
                passed, or the letter was answered.
        """
        if not why.strip():
            raise Refused.because(NO_EXTENSION)
        chain = self.chains.follow(case)
        today = self.chains.limits.today(chain.at)
        if not self._open(case) or not chain.clock.may_extend(today):
            raise Conflict.because(NO_EXTENSION)
        chain.clock = chain.clock.extended()
        chain.tell_limit(Fault(NEEDS_TIME, found=why))
        self._commit(case, chain, Notice.EXTENDED, NEEDS_TIME)

    def reckon(self) -> int:
        """Reckon the ends of all running clocks anew; how many moved, each told by a receipt.

        Run when the calendar was changed, for instance at a restart after a holiday was announced.
        """
        return sum(self._reckon(delivery) for delivery in self._moved())

    def _moved(self) -> list[str]:
        with self.chains.store.read() as session:
            clocks = queries.clocks(session, _OVER)
            return [delivery for delivery, kept in clocks if self._moves(clock_from_json(kept))]

    def _moves(self, clock: Clock) -> bool:
        """Whether its end, if that had not passed, is another by today's calendar."""
        limits = self.chains.limits
        today = limits.today(self.chains.ambient.now())
        running = clock.told and clock.end is not None and clock.end >= today
        return running and limits.measured(clock) != clock

    def _reckon(self, delivery: str) -> bool:
        try:
            case = self.letters.case(delivery)
            chain = self.chains.follow(case)
            if not self._open(case) or not chain.tell_limit(Fault(CALENDAR_CHANGED)):
                return False
            self._commit(case, chain, Notice.RECKONED, CALENDAR_CHANGED)
        except Overtaken:
            _log.info("delivery moved while its time limit was reckoned", delivery=delivery)
        except Exception as fault:  # noqa: BLE001 - one delivery's trouble is not the others'; reckoned again
            _log.warning("time limit cannot be reckoned", delivery=delivery, cause=type(fault).__name__)
        else:
            return True
        return False

    def _open(self, case: Case) -> bool:
        """Whether the recipient has the letter, or it lies ready, and has not been dealt with."""
        there = case.row.state == Transport.AVAILABLE.value or self.chains.handed_over(case)
        return there and case.row.processing not in _OVER

    def _commit(self, case: Case, chain: Chain, notice: Notice, why: str) -> None:
        def change(session: Session, row: DeliveryRow, now: datetime) -> None:
            queries.notice(session, row, notice, now, self.owner, why)

        self.chains.commit(case, chain, change)
