"""A party's own feed: every receipt of its letters, in an order in which nothing is ever passed over."""

from __future__ import annotations

import hmac
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy.orm import Session

from gateway.domain.errors import Refused
from gateway.store.evidence import feed_queries as queries
from gateway.store.evidence.models import ReceiptRow
from gateway.store.sessions import Store

BAD_PARAMETER = "WASL-REQ-010"
MOST = 500
"""Events in one answer."""
_WINDOW, _WINDOWS = 100_000, 20
"""Receipts of all parties that are looked through in one step, and steps in one answer."""
_LOOKS, _PAUSE_S = 20, 0.01
"""How often, and how far apart, is looked whether those who were writing have ended."""
_CURSOR = re.compile(r"[A-Za-z0-9_-]{32}")
_NUMBER, _CHECK = 8, 16
"""Octets of a cursor: the number of a receipt, and a check that only who was given it can know."""


@dataclass(frozen=True)
class Told:
    """One receipt as the feed tells it; ``reference`` is None for a submission that was refused."""

    receipt_id: str
    kind: str
    event: str
    event_time: datetime
    reference: str | None
    message_id: str | None
    delivery: str | None
    content_digest: str
    test: bool


@dataclass(frozen=True)
class Page:
    """A part of the feed.

    Attributes:
        next: the cursor to go on from; None while nothing was ever told.
        more: there is more to be had at once.
    """

    events: tuple[Told, ...]
    next: str | None
    more: bool


@dataclass(frozen=True)
class Stretch:
    """A part of the feed by numbers.

    Attributes:
        last: the number up to which was looked; the next stretch begins after it.
    """

    rows: tuple[queries.Told, ...]
    last: int


@dataclass
class Feed:
    """Tells parties what became of their letters.

    Attributes:
        pause: waits so many seconds for others' transactions to end.
    """

    store: Store
    pause: Callable[[float], None] = time.sleep
    _settled: int = 0

    def events(self, party: str, after: str | None = None, limit: int = 100) -> Page:
        """What follows the cursor ``after``, or the beginning, at most ``limit`` (1 to `MOST`) events.

        Raises:
            Refused: the cursor is none that was given to this party, or belongs to a database that was
                replaced by an older copy; the feed can be read anew from its beginning.
            Unavailable: the database cannot be read now.
        """
        settled = self.settle()
        with self.store.read() as session:
            start = 0 if after is None else position_of(session, party, after)
            rows, last = _looked_through(session, party, start, settled, limit + 1)
            if len(rows) > limit:
                anchor: ReceiptRow | None = rows[limit - 1].receipt
            else:
                anchor = queries.at_most(session, last) if last > start else None
            cursor = after if anchor is None else cursor_after(party, anchor)
        return Page(tuple(_told(row) for row in rows[:limit]), cursor, len(rows) > limit or last < settled)

    def stretch(self, party: str, after: int, settled: int, limit: int) -> Stretch:
        """What follows the receipt with the number ``after``, for the hub's own use.

        Args:
            settled: what `settle` gave; nothing over it is told.

        Raises:
            Unavailable: the database cannot be read now.
        """
        with self.store.read() as session:
            rows, last = _looked_through(session, party, after, settled, limit)
        return Stretch(tuple(rows), rows[-1].receipt.id if len(rows) == limit else last)

    def settle(self) -> int:
        """The number up to which nothing can appear any more; one that was true stays true.

        Raises:
            Unavailable: the database cannot be read now.
        """
        with self.store.read() as session:
            # in this order: whoever begins to write after the first question gets a higher number
            newest = queries.newest(session)
            writing = queries.writers(session) if newest > self._settled else frozenset()
        for _ in range(_LOOKS):
            if not writing:
                self._settled = max(self._settled, newest)
                break
            self.pause(_PAUSE_S)
            with self.store.read() as session:
                writing &= queries.writers(session)
        return self._settled


def _looked_through(
    session: Session, party: str, start: int, settled: int, limit: int
) -> tuple[list[queries.Told], int]:
    """The party's receipts, and the number up to which was looked; step by step until some are found."""
    last = start
    for _ in range(_WINDOWS):
        if last >= settled:
            break
        first, last = last, min(last + _WINDOW, settled)
        rows = queries.of_party(session, party, first, last, limit)
        if rows:
            return rows, last
    return [], last


def _told(row: queries.Told) -> Told:
    receipt = row.receipt
    return Told(
        receipt_id=receipt.receipt_id,
        kind=receipt.kind,
        event=receipt.event,
        event_time=receipt.event_time,
        reference=row.reference,
        message_id=row.message_id,
        delivery=receipt.delivery,
        content_digest=receipt.content_digest,
        test=row.test,
    )


def cursor_after(party: str, receipt: ReceiptRow) -> str:
    """The place after a receipt; made from its random identifier, so that nobody can make another one."""
    return urlsafe_b64encode(receipt.id.to_bytes(_NUMBER) + _check(party, receipt)).decode("ascii")


def _check(party: str, receipt: ReceiptRow) -> bytes:
    return sha256(f"wasl feed\0{party}\0{receipt.receipt_id}".encode()).digest()[:_CHECK]


def position_of(session: Session, party: str, cursor: str) -> int:
    """The number in a cursor.

    Raises:
        Refused: see `Feed.events`.
    """
    octets = urlsafe_b64decode(cursor) if _CURSOR.fullmatch(cursor) else bytes(_NUMBER + _CHECK)
    number = int.from_bytes(octets[:_NUMBER])
    receipt = queries.numbered(session, number) if number < 1 << 63 else None
    if receipt is None or not hmac.compare_digest(octets[_NUMBER:], _check(party, receipt)):
        raise Refused.because(BAD_PARAMETER, "after")
    return number
