"""Telling people: what is due is sent from the outbox, and receipts say who was told or could not be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

import structlog

from gateway.clients.mail import Mailer
from gateway.domain.errors import Conflict, DeliveryError, Permanent, Temporary
from gateway.domain.evidence.receipt import Event
from gateway.domain.transit.notification import Pace, Telling, Template
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.chain import Overtaken
from gateway.exchange.evidence.notices import Notices
from gateway.exchange.transit.letters import Case, Letters
from gateway.exchange.transit.tell_words import Wording
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store
from gateway.store.transit import notice_queries as queries
from gateway.store.transit.notice_models import MessageRow, NotificationRow, OperatorNoticeRow

INTERNAL = "WASL-HUB-001"
_LEASE = timedelta(minutes=10)
"""Far longer than one message can take."""
_AT_ONCE = 100
_LONGEST_RUN = timedelta(minutes=1)
"""A mail system that hangs must not keep a worker from ending; what is left is sent in the next run."""

_log = structlog.get_logger()


@dataclass(frozen=True)
class Notice:
    """A notification as it was claimed."""

    id: int
    lease: str
    template: Template
    key: str
    address: str
    language: str
    office: str
    attempts: int
    first_due: datetime


@dataclass(frozen=True)
class Sending:
    """Sends messages to operators, who get no receipts."""

    rows: ClassVar[type[MessageRow]] = OperatorNoticeRow
    """Where the messages lie."""

    store: Store
    ambient: Ambient
    mailer: Mailer
    wording: Wording
    pace: Pace

    def run(self) -> int:
        """Send what is due; how many messages were handed on.

        Raises:
            Unavailable: the database is out for now.
        """
        sent, until = 0, self.ambient.now() + _LONGEST_RUN
        for _ in range(_AT_ONCE):
            if self.ambient.now() > until:
                break
            notice = self._claim()
            if notice is None:
                break
            sent += self._tell(notice)
        return sent

    def _claim(self) -> Notice | None:
        now = self.ambient.now()
        with self.store.read() as session:  # spares the write lock when there is nothing to do
            if not queries.due(session, self.rows, now, 1):
                return None
        with self.store.write() as session:
            return next((self._take(row, now) for row in queries.due(session, self.rows, now, 1)), None)

    def _take(self, row: MessageRow, now: datetime) -> Notice:
        if row.state == Telling.SENDING.value:
            queries.move(row, Telling.WAITING)
        queries.move(row, Telling.SENDING)
        lease = self.ambient.random_bytes(16).hex()
        row.lease, row.lease_until, row.attempts = lease, now + _LEASE, row.attempts + 1
        return Notice(
            id=row.id,
            lease=lease,
            template=Template(row.template),
            key=row.key,
            address=row.address,
            language=row.language,
            office=row.office,
            attempts=row.attempts,
            first_due=row.first_due,
        )

    def _tell(self, notice: Notice) -> bool:
        error = self._trouble(notice)
        self._settle(notice, error)
        return error is None

    def _trouble(self, notice: Notice) -> DeliveryError | None:
        """What kept the message from being handed on, no transaction open; None when nothing did."""
        with self.store.read() as session:
            about = registry.office(session, notice.office) or registry.party(session, notice.office)
        names = {} if about is None else about.names
        try:
            mail = self.wording.mail(
                notice.template, notice.key, notice.address, notice.language, notice.office, names
            )
            self.mailer.send(mail, self.ambient.now())
        except DeliveryError as error:
            return error
        except Exception as error:  # noqa: BLE001 - decides nothing: it is tried again as after any failure
            _log.warning("notification cannot be sent", notification=notice.id, cause=type(error).__name__)
            return Temporary(INTERNAL)
        return None

    def _settle(self, notice: Notice, error: DeliveryError | None) -> None:
        now = self.ambient.now()
        with self.store.write() as session:
            row = session.get_one(self.rows, notice.id, with_for_update=True)
            if row.lease != notice.lease:
                return
            row.lease = row.lease_until = None
            row.code = error.code if error is not None else None
            again = self._again(notice, error, now) if error is not None else None
            if again is not None:
                row.due_at = again
                queries.move(row, Telling.WAITING)
                return
            row.ended_at = now
            queries.move(row, Telling.SENT if error is None else Telling.FAILED)
        if error is not None:
            # no address: it belongs to a person
            _log.warning(
                "nobody told",
                notification=notice.id,
                office=notice.office,
                code=error.code,
                said=error.detail,
            )

    def _again(self, notice: Notice, error: DeliveryError, now: datetime) -> datetime | None:
        if isinstance(error, Permanent):
            return None
        # after doubt too: told twice is better than not at all, and both copies have one Message-ID
        return self.pace.retry.next_attempt(now, notice.first_due, notice.attempts, self.ambient.chance())


@dataclass(frozen=True)
class Teller(Sending):
    """Sends messages to readers, and makes the receipts that say so.

    Attributes:
        letters: reads the deliveries back that a receipt is owed for.
    """

    rows = NotificationRow

    letters: Letters
    notices: Notices

    def run(self) -> int:
        """Send what is due and make the receipts that are owed; how many messages were handed on.

        Raises:
            Unavailable: the database is out for now.
        """
        sent = super().run()
        self.attest()
        return sent

    def attest(self) -> int:
        """Make the receipts that ended notifications owe; for how many deliveries that was settled."""
        with self.store.read() as session:
            owed = queries.unattested(session, _AT_ONCE)
        return sum(self._attested(delivery) for delivery in owed)

    def _attested(self, delivery: str) -> bool:
        try:
            self._attest(delivery)
        except Overtaken:
            _log.info("delivery moved while it was attested who was told", delivery=delivery)
        except Exception as fault:  # noqa: BLE001 - one delivery's trouble is not the others'; tried again
            _log.warning("notice cannot be attested", delivery=delivery, cause=type(fault).__name__)
        else:
            return True
        return False

    def _attest(self, delivery: str) -> None:
        with self.store.read() as session:
            told = queries.telling_of(session, delivery)
        ended = [one for one in told if one.ended_at is not None]
        sent = [one for one in ended if one.state == Telling.SENT.value]
        case = self.letters.case(delivery)
        try:
            if sent:
                self._receipt(case, sent[0])
            else:
                self._receipt_of_failure(case, ended[-1])
        except Conflict:
            _log.info("the letter lies there no more; nothing is attested", delivery=delivery)
        with self.store.write() as session:
            queries.attest(session, delivery, [one.id for one in ended])

    def _receipt(self, case: Case, row: NotificationRow) -> None:
        # one for each way of telling: a crash before the mark, or a second reader, must not make another
        if not self._on_record(case, Event.CONSIGNMENT_NOTIFICATION, row.channel):
            self.notices.notified(case, row.channel, row.attempts)

    def _receipt_of_failure(self, case: Case, row: NotificationRow) -> None:
        if not self._on_record(case, Event.CONSIGNMENT_NOTIFICATION_FAILURE, row.channel):
            self.notices.not_notified(case, row.channel, row.attempts)

    def _on_record(self, case: Case, event: Event, channel: str) -> bool:
        found = self.notices.chains.attested(case, event)
        return any(one.notified is not None and one.notified.channel == channel for one in found)
