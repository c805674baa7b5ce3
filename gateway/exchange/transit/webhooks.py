"""What parties decide about their webhooks: made, changed, tried, told again, and given up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from gateway.domain.errors import Conflict, NotFound, Refused
from gateway.domain.identifiers import uuid7
from gateway.domain.transit.pushing import Pushing, begun_anew, stopped
from gateway.domain.transit.webhook import PING, Occurrence, Wanted
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.feed import Feed, cursor_after, position_of
from gateway.exchange.transit.webhook_calls import Said, WebhookCalls
from gateway.exchange.transit.webhook_ways import wanted_of
from gateway.store.sessions import Store
from gateway.store.transit import push_queries, webhook_queries
from gateway.store.transit.webhook_models import WebhookRow
from gateway.store.turns import take_turn

NOT_FOUND = "WASL-REQ-005"
SAME_ADDRESS = "WASL-WHK-002"
TOO_MANY = "WASL-WHK-003"

_log = structlog.get_logger()


@dataclass(frozen=True)
class Webhook:
    """One subscription as its party and operators see it.

    Attributes:
        state: of `gateway.domain.transit.pushing.Pushing`; STOPPED: switched off, by its party or because its
            address failed for the whole lifetime.
        cursor: behind which of the feed's events it goes on; None: at the beginning.
        code, said: why the next event was not taken the last time.
        told: events that were taken, ever.
    """

    id: str
    party: str
    wanted: Wanted
    state: str
    since: datetime
    cursor: str | None
    told: int
    failures: int
    failing_since: datetime | None
    due_at: datetime
    last_success: datetime | None
    code: str | None
    said: str | None

    @property
    def active(self) -> bool:
        return self.state != Pushing.STOPPED.value


@dataclass(frozen=True)
class Pinged:
    """What an address said to a ping, and how long that took."""

    said: Said
    took: timedelta


@dataclass(frozen=True)
class Webhooks:
    """Every party's own webhooks; to everybody else they do not exist.

    Each verb that names one raises NotFound where it is not the party's.

    Attributes:
        most: that a party may have.
    """

    store: Store
    ambient: Ambient
    feed: Feed
    calls: WebhookCalls
    most: int

    def create(self, party: str, wanted: Wanted) -> tuple[Webhook, bool]:
        """A new subscription from now on, and True; a repeat gets the one that there is, and False.

        Raises:
            Refused: the hub does not call this address, or the party has too many.
            Conflict: the party has another subscription for it.
        """
        self.calls.check(wanted.url)
        settled, now = self.feed.settle(), self.ambient.now()
        with self.store.write() as session:
            take_turn(session, "webhooks", party)
            there = webhook_queries.of_party(session, party)
            for row in there:
                if row.url == wanted.url:
                    if wanted_of(row) != wanted:
                        raise Conflict.because(SAME_ADDRESS, "url")
                    return _webhook(session, row), False
            if len(there) >= self.most:
                raise Refused.because(TOO_MANY, expected=str(self.most))
            row = WebhookRow(
                id=uuid7(self.ambient.random_bytes, int(now.timestamp() * 1000)),
                party=party,
                position=settled,
                since=now,
                due_at=now,
            )
            _keep(row, wanted)
            session.add(row)
            session.flush()
            return _webhook(session, row), True

    def all_of(self, party: str) -> tuple[Webhook, ...]:
        """A party's subscriptions, the oldest first.

        Raises:
            Unavailable: the database cannot be read now.
        """
        with self.store.read() as session:
            return tuple(_webhook(session, row) for row in webhook_queries.of_party(session, party))

    def every(self) -> tuple[Webhook, ...]:
        """The subscriptions of all parties, for operators.

        Raises:
            Unavailable: the database cannot be read now.
        """
        with self.store.read() as session:
            return tuple(_webhook(session, row) for row in webhook_queries.every(session))

    def one(self, party: str, webhook: str) -> Webhook:
        """One subscription."""
        with self.store.read() as session:
            return _webhook(session, _own(session.get(WebhookRow, webhook), party))

    def change(
        self, party: str, webhook: str, change: Callable[[Wanted], Wanted], active: bool | None = None
    ) -> Webhook:
        """Ask for something else, or elsewhere; the events that follow are the next ones as before.

        Args:
            active: False switches it off; True lets it go on now, with its whole lifetime again.

        Raises:
            Refused: the hub does not call the address.
            Conflict: the party has another subscription for it.
        """
        before = self.one(party, webhook).wanted
        if change(before).url != before.url:
            self.calls.check(change(before).url)
        with self.store.write() as session:
            take_turn(session, "webhooks", party)
            row = self._locked(session, party, webhook)
            wanted = change(wanted_of(row))
            for other in webhook_queries.of_party(session, party):
                if other.url == wanted.url and other.id != row.id:
                    raise Conflict.because(SAME_ADDRESS, "url")
            moved = wanted.url != row.url
            _keep(row, wanted)
            if active is not None or (moved and row.state != Pushing.STOPPED.value):
                self._switch(row, active is not False)
            session.flush()
            return _webhook(session, row)

    def switch(self, webhook: str, on: bool, actor: str) -> None:
        """Let any party's subscription go on, or switch it off, as an operator decides.

        Raises:
            NotFound: there is none of that identifier.
        """
        with self.store.write() as session:
            row = push_queries.locked(session, WebhookRow, webhook)
            if row is None:
                raise NotFound.because(NOT_FOUND)
            self._switch(row, on)
        _log.warning("webhook switched", webhook=webhook, on=on, by=actor)

    def delete(self, party: str, webhook: str) -> None:
        """Give a subscription up; a call that is under way ends, and nothing of it is kept."""
        with self.store.write() as session:
            session.delete(self._locked(session, party, webhook))

    def replay(self, party: str, webhook: str, after: str | None) -> Webhook:
        """Tell again what follows a cursor of the feed, or all of it; it goes on at once.

        Raises:
            Refused: the cursor is none that was given to this party.
        """
        with self.store.write() as session:
            row = self._locked(session, party, webhook)
            row.position = 0 if after is None else position_of(session, party, after)
            self._switch(row, True)
            session.flush()
            return _webhook(session, row)

    def ping(self, party: str, webhook: str) -> Pinged:
        """Call the address now with an event that is none, and wait for what it says.

        How often that may be asked is for the door to bound.

        Raises:
            Unavailable: the seal or the database is out.
        """
        wanted, began = self.one(party, webhook).wanted, self.ambient.now()
        name = uuid7(self.ambient.random_bytes, int(began.timestamp() * 1000))
        said = self.calls.call(wanted.url, webhook, Occurrence(name, PING, began, wanted.test))
        return Pinged(said, self.ambient.now() - began)

    def _switch(self, row: WebhookRow, on: bool) -> None:
        """A worker that has it just now keeps nothing of what it hears."""
        turn = begun_anew if on else stopped
        push_queries.keep_progress(row, turn(push_queries.progress_of(row), self.ambient.now()))
        row.waiting_since = row.code = row.said = row.lease = row.lease_until = None

    @staticmethod
    def _locked(session: Session, party: str, webhook: str) -> WebhookRow:
        return _own(push_queries.locked(session, WebhookRow, webhook), party)


def _own(row: WebhookRow | None, party: str) -> WebhookRow:
    if row is None or row.party != party:
        raise NotFound.because(NOT_FOUND)
    return row


def _keep(row: WebhookRow, wanted: Wanted) -> None:
    row.url, row.test = wanted.url, wanted.test
    row.kinds, row.offices = list(wanted.kinds), list(wanted.offices)


def _webhook(session: Session, row: WebhookRow) -> Webhook:
    last = webhook_queries.last_told(session, row)
    return Webhook(
        id=row.id,
        party=row.party,
        wanted=wanted_of(row),
        state=row.state,
        since=row.since,
        cursor=None if last is None else cursor_after(row.party, last),
        told=row.told,
        failures=row.failures,
        failing_since=row.failing_since,
        due_at=row.due_at,
        last_success=row.last_success_at,
        code=row.code,
        said=row.said,
    )
