"""What lies ready for an office is read, locked, acknowledged, refused or passed on by that office."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gateway.domain.content import Kind
from gateway.domain.errors import Fault, NotFound, Refused
from gateway.domain.evidence.receipt import Registered
from gateway.domain.lines import is_line
from gateway.domain.transit.states import Processing, Transport
from gateway.exchange.evidence.chain import Chains, not_now
from gateway.exchange.evidence.notices import Notices
from gateway.exchange.transit.again import look_again
from gateway.exchange.transit.inbox_content import Content, opened
from gateway.exchange.transit.inbox_list import Entry, entries
from gateway.exchange.transit.letters import Case, Letters
from gateway.exchange.transit.locks import check_free
from gateway.exchange.transit.outcomes import Outcomes
from gateway.exchange.transit.processing import Handling
from gateway.exchange.transit.redirecting import Redirecting
from gateway.store.registry import queries as registry
from gateway.store.transit import queries
from gateway.store.transit.models import DeliveryRow

NOT_FOUND = "WASL-REQ-005"
BAD_VALUE = "WASL-REQ-010"
_LONGEST_NAME = 120
_LONGEST_NUMBER, _LONGEST_BOOK = 120, 80


@dataclass(frozen=True)
class Reader:
    """Who reads, as a door has authenticated it.

    Attributes:
        party: directory identifier; it reads the mail of its own offices only.
        unit: the unit that stands in receipts, never a person; None: the office itself.
        name: whose locks these are, of at most 120 characters: a client or an account; stays in the hub.

    Raises:
        Refused: unit or name is empty, too long, or no line of text.
    """

    party: str
    unit: str | None
    name: str

    def __post_init__(self) -> None:
        if self.unit is not None:
            _check_line(self.unit, "unit", Kind.LINE.max_length)
        _check_line(self.name, "name", _LONGEST_NAME)


@dataclass(frozen=True)
class Whereabouts:
    """Where a letter is on both of its tracks.

    Attributes:
        name: of the office, as receipts state it.
    """

    delivery: str
    office: str
    name: str
    state: str
    processing: str
    register_number: str | None


@dataclass(frozen=True)
class Inbox:
    """The inbox of every office, for its own party.

    To everybody else its letters do not exist. A client that got no answer may ask for the same again:
    nothing is done twice, and a refusal then tells by its state what was done. Each verb raises NotFound
    where the letter is not the reader's, Conflict where it is not possible there or another reader has
    locked it.

    Attributes:
        lock_for: how long a lock holds.
    """

    letters: Letters
    chains: Chains
    outcomes: Outcomes
    notices: Notices
    handling: Handling
    redirecting: Redirecting
    lock_for: timedelta

    def peek(self, by: Reader, office: str, after: str | None = None, limit: int = 50) -> tuple[Entry, ...]:
        """What lies ready for an office and was not acknowledged, in a fixed order; nothing is attested.

        A letter may come to lie before ``after`` later on: begin anew without it from time to time.

        Args:
            after: the last delivery of the page before.
            limit: of the page, 1 to 100.

        Raises:
            NotFound: no such office of that party.
        """
        with self.letters.store.read() as session:
            found = registry.office(session, office)
            if found is None or found.party != by.party:
                raise NotFound.because(NOT_FOUND)
            return entries(session, office, by.party, after, limit, self._now())

    def whereabouts(self, delivery: str, party: str) -> Whereabouts:
        """Where one of a party's own letters is; nothing is attested.

        Raises:
            NotFound: it has no such letter.
        """
        with self.letters.store.read() as session:
            found = queries.standing(session, delivery)
        if found is None or found.party != party:
            raise NotFound.because(NOT_FOUND)
        return Whereabouts(
            found.id,
            found.office,
            found.office_name,
            found.state,
            found.processing,
            found.register_number,
        )

    def lock(self, delivery: str, by: Reader) -> datetime:
        """Keep other readers off; the same reader renews it in the same way.

        Returns:
            When the lock runs out.
        """
        with self.letters.store.write() as session:
            row = self._locked_row(session, delivery, by)
            if row.state != Transport.AVAILABLE.value:
                raise not_now(row.state)
            row.lock_owner, row.lock_until = by.name, self._now() + self.lock_for
            return row.lock_until

    def unlock(self, delivery: str, by: Reader) -> None:
        """Give the lock back; without one nothing happens."""
        with self.letters.store.write() as session:
            row = self._locked_row(session, delivery, by)
            row.lock_owner = row.lock_until = None

    def content(self, delivery: str, by: Reader) -> Content:
        """Envelope and attachments; a unit's first look is attested before anything is given out.

        Raises:
            Gone: the content was purged.
            Unavailable: content or seal are out for now; nothing was attested.
        """

        def read() -> Content:
            case, chains = self._begin(delivery, by)
            self._must_have(case)
            content = opened(self.letters, case)
            replace(self.notices, chains=chains, owner=by.name).opened(case, _unit(case, by))
            return content

        return look_again(read)

    def acknowledge(self, delivery: str, by: Reader, registered: Registered | None = None) -> None:
        """Take the letter over, and state the number that it was registered under, if it was.

        A repeat changes nothing; one that brings the number that was missing registers it. After the
        letter expired or was given up this is a late handover.

        Raises:
            Refused: the number is none.
            Conflict: besides, it has another number, or another outcome.
        """
        _check_registered(registered)

        def act() -> None:
            case, chains = self._begin(delivery, by)
            if not chains.handed_over(case):
                outcomes = replace(self.outcomes, chains=chains, owner=by.name)
                outcomes.acknowledge(case, _unit(case, by), registered)
            elif registered is not None and registered.number != case.row.register_number:
                replace(self.handling, chains=chains).register(case, registered)

        look_again(act)

    def progress(self, delivery: str, by: Reader, to: Processing, stated_at: datetime | None = None) -> None:
        """State that work goes on, waits for the sender, or is over, as the office claims it.

        A repeat of where the letter is changes nothing.

        Args:
            to: IN_PROGRESS, AWAITING_SENDER or CLOSED.

        Raises:
            Refused: a state that is reached in another way.
        """

        def act() -> None:
            case, chains = self._begin(delivery, by)
            handling = replace(self.handling, chains=chains)
            steps: dict[Processing, Callable[[Case, datetime | None], None]] = {
                Processing.IN_PROGRESS: handling.begin_work,
                Processing.AWAITING_SENDER: handling.await_sender,
                Processing.CLOSED: handling.close,
            }
            if to not in steps:
                raise Refused.because(BAD_VALUE, "state")
            if case.row.processing != to.value:
                steps[to](case, stated_at)

        look_again(act)

    def refuse(self, delivery: str, by: Reader, ground: Fault) -> None:
        """Do not take the letter; or, having it, decline to act on it.

        Args:
            ground: one of `gateway.domain.transit.grounds.GROUNDS`.

        Raises:
            Refused: no such ground.
        """

        def act() -> None:
            case, chains = self._begin(delivery, by)
            if chains.handed_over(case):
                replace(self.handling, chains=chains).decline(case, ground, _unit(case, by))
            else:
                replace(self.outcomes, chains=chains, owner=by.name).refuse(case, ground, _unit(case, by))

        look_again(act)

    def redirect(self, delivery: str, by: Reader, office: str, ground: Fault | None = None) -> str:
        """Pass the letter on to another office.

        Returns:
            The identifier of the successor delivery.

        Raises:
            Refused: nobody receives there, or the letter was there before.
            Gone: the content was purged.
        """

        def act() -> str:
            case, chains = self._begin(delivery, by)
            self._must_have(case)
            redirecting = replace(self.redirecting, chains=chains, owner=by.name)
            return redirecting.redirect(case, office, _unit(case, by), ground)

        return look_again(act)

    def _now(self) -> datetime:
        return self.chains.ambient.now()

    def _begin(self, delivery: str, by: Reader) -> tuple[Case, Chains]:
        """The reader's own delivery, and a chain that no lock of another reader lets grow."""
        try:
            case = self.letters.case(delivery)
        except LookupError as error:
            raise NotFound.because(NOT_FOUND) from error
        _check_own(case.row, by.party)
        check_free(case.row, self._now(), by.name)

        def first(_: Session, row: DeliveryRow, now: datetime) -> None:
            check_free(row, now, by.name)

        return case, replace(self.chains, first=first)

    def _must_have(self, case: Case) -> None:
        """Check that the letter lies with the recipient or was handed over."""
        if case.row.state != Transport.AVAILABLE.value and not self.chains.handed_over(case):
            raise not_now(case.row.state)

    def _locked_row(self, session: Session, delivery: str, by: Reader) -> DeliveryRow:
        row = session.get(DeliveryRow, delivery, with_for_update=True)
        own = _check_own(row, by.party)
        check_free(own, self._now(), by.name)
        return own


def _unit(case: Case, by: Reader) -> str:
    return by.unit or case.row.office_name


def _check_own(row: DeliveryRow | None, party: str) -> DeliveryRow:
    if row is None or row.party != party:
        raise NotFound.because(NOT_FOUND)
    return row


def _check_registered(registered: Registered | None) -> None:
    if registered is not None:
        _check_line(registered.number, "registerNumber", _LONGEST_NUMBER)
        if registered.book is not None:
            _check_line(registered.book, "registerBook", _LONGEST_BOOK)


def _check_line(text: str, where: str, longest: int) -> None:
    if not text.strip() or len(text) > longest or not is_line(text):
        raise Refused.because(BAD_VALUE, where)
