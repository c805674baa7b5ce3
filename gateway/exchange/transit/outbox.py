"""Notifications are laid in the outbox here, in the transaction that commits what they tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import count

from sqlalchemy.orm import Session

from gateway.domain.transit.notification import EMAIL, Pace, Telling, Template
from gateway.exchange.transit.letters import Case
from gateway.store.transit import notice_queries as queries
from gateway.store.transit.notice_models import NotificationRow
from gateway.store.transit.notice_queries import Row


@dataclass(frozen=True)
class About:
    """What one person is told of one office, or of one party, and as whom."""

    template: Template
    office: str
    role: str
    address: str


@dataclass(frozen=True)
class Outbox:
    """Lays notifications down for those who send them (`gateway.exchange.transit.tell`).

    Attributes:
        language: in which readers are told.
    """

    pace: Pace
    language: str

    def mail_waits(self, session: Session, case: Case, now: datetime) -> None:
        """Mail starts to lie in the hub's own office: its readers are told, once in each span of time."""
        if case.office is None or case.message.test:  # a test wakes nobody
            return
        for role, address in sorted(case.office.reader_addresses.items()):
            about = About(Template.MAIL_WAITS, case.office.id, role, address)
            row = self.gathering(session, NotificationRow, about, now)
            queries.join(session, row, case.row.id)

    def gathering(self, session: Session, rows: type[Row], about: About, now: datetime) -> Row:
        """A person's message that still gathers: of this span, or of the next one not begun yet."""
        for span in count(self.pace.span(now)):
            key = _key(about, span)
            found = queries.by_key(session, rows, key)
            if found is None:
                due = self.pace.due(span, now)
                row = rows(
                    key=key,
                    template=about.template.value,
                    channel=EMAIL,
                    office=about.office,
                    role=about.role,
                    address=about.address,
                    language=self.language,
                    first_due=due,
                    due_at=due,
                    created_at=now,
                )
                found = queries.add(session, row) or queries.by_key(session, rows, key)
            if found is not None and found.state == Telling.WAITING.value:
                return found
        raise AssertionError("there is always a later span")


def _key(about: About, span: int) -> str:
    """One person, one office, one span, as a name that tells nobody the address."""
    said = (about.template.value, about.office, about.address.lower(), str(span))
    return sha256("\0".join(said).encode()).hexdigest()
