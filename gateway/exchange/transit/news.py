"""What a recipient's system says later of letters that it took becomes moves and receipts.

A number that comes by poll, by the system's own call or by an acknowledgment ends in the same verbs
(`gateway.exchange.transit.processing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from functools import partial

import structlog
from sqlalchemy.orm import Session

from adapters.contract import News
from gateway.domain.errors import Fault, NotFound, Refused
from gateway.domain.evidence.receipt import Event
from gateway.domain.transit import news as rules
from gateway.domain.transit.news import ABSURD, CONTRADICTS, UNKNOWN, Said
from gateway.domain.transit.states import OUTCOMES, PROCESSING_MOVES, Processing, Transport
from gateway.exchange.evidence.chain import NOT_NOW, not_now
from gateway.exchange.transit.again import OVERTAKEN, look_again
from gateway.exchange.transit.exchanges_tape import Tape
from gateway.exchange.transit.letters import Case, Letters
from gateway.exchange.transit.line import successors
from gateway.exchange.transit.outcomes import GIVEN_UP, Outcomes
from gateway.exchange.transit.processing import Handling, takes_number
from gateway.store.sessions import Store
from gateway.store.transit import news_queries as queries
from gateway.store.transit.models import DeliveryRow

_LONGEST_NAME = 500
_MOST_FOLLOWED = 10
_GOES_ON = frozenset({Processing.IN_PROGRESS, Processing.AWAITING_SENDER})

_log = structlog.get_logger()


class Result(Enum):
    """What became of one piece of news."""

    TAKEN = "taken"  # something followed from it, with its receipt
    KNOWN = "known"  # nothing new
    LATER = "later"  # the letter is still on its way there; it is to be said again
    REFUSED = "refused"  # it cannot be believed


_BELIEVED = frozenset({Result.TAKEN, Result.KNOWN})


@dataclass(frozen=True)
class Told:
    """What became of one piece of news.

    Attributes:
        delivery: the letter that is meant; None where the office has none such.
        fault: why it was not believed, or is to be said again.
    """

    result: Result
    delivery: str | None
    fault: Fault | None = None


@dataclass(frozen=True)
class LaterNews:
    """Takes news of an office's letters, each piece by itself; what is said again changes nothing.

    What cannot be believed is put on record for the operator (`wasl delivery show`, `wasl doctor`), and
    moves nothing.
    """

    letters: Letters
    handling: Handling
    outcomes: Outcomes

    @property
    def store(self) -> Store:
        return self.letters.store

    def take(self, office: str, news: Sequence[News]) -> tuple[Told, ...]:
        """Do what follows from each piece of news of one office's system, in their order.

        Raises:
            Unavailable: the database or the seal is out for now; what was done so far stays.
        """
        told = tuple(self._take(office, one) for one in news)
        self._note(office, told)
        return told

    def _take(self, office: str, news: News) -> Told:
        meant: str | None = None
        try:
            row = self._meant(office, news)
            meant = row.id
            if _is_known(row, news):
                return Told(Result.KNOWN, meant)
            return Told(look_again(partial(self._follow, meant, news)), meant)
        except Refused as refusal:
            return _refused(refusal, meant)

    def _meant(self, office: str, news: News) -> DeliveryRow:
        """The delivery that the news is of; none of another office is ever found.

        Raises:
            NotFound: the office has no such letter.
        """
        with self.store.read() as session:
            found = _named(session, office, news)
            if found is None:
                raise NotFound.because(UNKNOWN)
            return _latest(session, found)

    def _follow(self, delivery: str, news: News) -> Result:
        case = self.letters.case(delivery)
        said = self._said(case, news)
        if not self.handling.chains.handed_over(case):
            return self._before_handover(case, said)
        moved = self._register(case, said)
        if moved:
            case = self.letters.case(delivery)
        return Result.TAKEN if self._go_on(case, said) or moved else Result.KNOWN

    def _said(self, case: Case, news: News) -> Said:
        since, now = case.row.accepted_at, self._now()
        registered = rules.registered(
            news.register_number, news.register_date, news.register_book, since, now
        )
        to, ground = rules.progress(news.progress, news.ground)
        return Said(registered, to, ground, rules.moment(news.at, since, now))

    def _before_handover(self, case: Case, said: Said) -> Result:
        """A letter that was given up is there after all; one that is under way is to be told of again.

        Raises:
            Refused: neither.
        """
        row = case.row
        if row.state in GIVEN_UP and row.doubt and said.registered is not None:
            self.outcomes.acknowledge(case, row.office_name, said.registered)
            return Result.TAKEN
        if Transport(row.state) not in OUTCOMES and row.state != Transport.AVAILABLE.value:
            raise not_now(row.state)
        raise Refused.because(CONTRADICTS, found=row.state)

    def _register(self, case: Case, said: Said) -> bool:
        """Attest the register number, if there is one and none is on record; whether it was.

        Raises:
            Refused: another one is on record.
        """
        before, registered = case.row.register_number, said.registered
        if registered is None or registered.number == before:
            return False
        first = Processing.REGISTERED in PROCESSING_MOVES[_processing(case)] or takes_number(case)
        if before is not None or not first:
            on_record = before or case.row.processing
            raise Refused.because(CONTRADICTS, "registerNumber", expected=on_record, found=registered.number)
        self.handling.register(case, registered, said.at)
        return True

    def _go_on(self, case: Case, said: Said) -> bool:
        """Attest what is done with the letter, where that is new; whether it was.

        Raises:
            Refused: the letter is further already.
        """
        at, to = _processing(case), said.to
        if to is None or to is at or to is Processing.REGISTERED or self._is_old(case, said):
            return False
        if to not in PROCESSING_MOVES[at]:
            raise Refused.because(CONTRADICTS, "progress", expected=at.value, found=to.value)
        if said.ground is not None:
            self.handling.decline(case, said.ground, case.row.office_name, said.at)
        elif to is Processing.CLOSED:
            self.handling.close(case, said.at)
        elif to is Processing.AWAITING_SENDER:
            self.handling.await_sender(case, said.at)
        else:
            self.handling.begin_work(case, said.at)
        return True

    def _is_old(self, case: Case, said: Said) -> bool:
        """Whether news of this moment or of a later one came before, so that a repeat moves nothing back.

        Only between work and waiting the table of moves leads both ways.
        """
        if said.at is None or said.to not in _GOES_ON or _processing(case) not in _GOES_ON:
            return False
        attested = self.handling.chains.attested(case, Event.PROGRESS)
        return any(one.stated_time is not None and one.stated_time >= said.at for one in attested)

    def _note(self, office: str, told: Sequence[Told]) -> None:
        """Keep for the operator what was not believed, the latest of each letter; believed news clears it."""
        wrong = {one.delivery or "": one.fault for one in told if one.fault and one.result is Result.REFUSED}
        believed = {one.delivery for one in told if one.result in _BELIEVED and one.delivery} - wrong.keys()
        with self.store.read() as session:
            over = queries.troubled(session, office, believed)
        if not wrong and not over:
            return
        now = self._now()
        with self.store.write() as session:
            for name, fault in sorted(wrong.items()):
                said = _sentence(fault)
                _log.warning("news not believed", office=office, delivery=name, code=fault.code, said=said)
                queries.note_trouble(session, office, name, now, fault.code, said)
            queries.forget_troubles(session, office, over)

    def _now(self) -> datetime:
        return self.handling.chains.ambient.now()


def without_secrets(news: News, tape: Tape) -> News:
    """The same news; what a system repeats of our credentials is no register entry, and goes on no record."""

    def name(told: str | None) -> str | None:
        return tape.hide_in_name(told) if isinstance(told, str) else told

    def word(told: str | None) -> str | None:
        return tape.hide(told) if isinstance(told, str) else told

    return replace(
        news,
        register_number=name(news.register_number),
        register_book=name(news.register_book),
        progress=word(news.progress),
        ground=word(news.ground),
    )


def _named(session: Session, office: str, news: News) -> DeliveryRow | None:
    """The delivery that is named; None where the names are of no letter of that office, or of several."""
    names = (news.delivery_id, news.reference, news.target_reference)
    if not all(_plain(name) for name in names if name):
        return None
    of_reference = queries.by_reference(session, office, news.reference) if news.reference else []
    if news.delivery_id:
        row = session.get(DeliveryRow, news.delivery_id)
        agrees = not news.reference or row in of_reference
        return row if row is not None and row.office == office and agrees else None
    if news.reference:
        return _only(of_reference) or _only([row for row in of_reference if _has(row)])
    if news.target_reference:
        return _only(queries.by_target_reference(session, office, news.target_reference))
    return None


def _only(rows: Sequence[DeliveryRow]) -> DeliveryRow | None:
    return rows[0] if len(rows) == 1 else None


def _has(row: DeliveryRow) -> bool:
    return row.state == Transport.HANDED_OVER.value


def _is_known(row: DeliveryRow, news: News) -> bool:
    """Whether all of it is on record: lists that name every letter each time cost a look, and no more."""
    number, progress = news.register_number, news.progress
    if progress is None and news.ground is not None:
        progress = Processing.DECLINED.value
    if not _has(row) or number != (row.register_number if number else None):
        return False
    beside = number is not None or (news.register_date is None and news.register_book is None)
    registered = progress == Processing.REGISTERED.value and row.register_number is not None
    there = progress == row.processing != Processing.NONE.value
    return beside and (progress is None or there or registered)


def _latest(session: Session, row: DeliveryRow) -> DeliveryRow:
    """The delivery by which the office has the letter.

    A letter that is sent anew keeps the name that it was first sent under: the last of the line at the
    same office is meant, unless one before it arrived.
    """
    if _has(row):
        return row
    line, name = successors(session, row.message), row.id
    for _ in range(_MOST_FOLLOWED):
        after = session.get(DeliveryRow, line.get(name, ""))
        if after is None or after.office != row.office:
            break
        if _has(after):
            return after
        name = after.id
    return row


def _plain(name: str) -> bool:
    """Whether a text can be a name at all: no database is asked for others."""
    return len(name) <= _LONGEST_NAME and name.isprintable()


def _processing(case: Case) -> Processing:
    return Processing(case.row.processing)


def _refused(refusal: Refused, meant: str | None) -> Told:
    fault = refusal.faults[0]
    if fault.code in (NOT_NOW, OVERTAKEN):
        return Told(Result.LATER, meant, fault)
    own = {UNKNOWN, CONTRADICTS, ABSURD}
    if fault.code not in own:
        fault = Fault(CONTRADICTS, fault.where, found=fault.found)
    return Told(Result.REFUSED, meant, fault)


def _sentence(fault: Fault) -> str:
    """What was not believed, in one line for the operator."""
    parts = [fault.where or "", f"said {fault.found}" if fault.found else ""]
    parts.append(f"on record {fault.expected}" if fault.expected else "")
    return ", ".join(part for part in parts if part)[:500]
