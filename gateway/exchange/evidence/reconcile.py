"""Letters, receipts, deliveries and contents are compared with each other, a few at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from gateway.domain.evidence.finding import Finding
from gateway.domain.evidence.receipt import ReceiptKind
from gateway.domain.evidence.reconcile import Link, Patience, Track, judge_letter
from gateway.domain.transit.retry import RetrySchedule
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.content_check import ContentCheck
from gateway.exchange.evidence.receipt_check import check_rendering, compare_letter, name_of, read
from gateway.exchange.transit.attempt import place
from gateway.store.evidence import reconcile_queries as queries
from gateway.store.evidence.reconcile_queries import Span, StoredContent, StoredPurge
from gateway.store.registry import queries as registry
from gateway.store.sessions import Store
from gateway.store.transit.models import DeliveryRow, Message

_BATCH = 100
_ROUND_DAYS = 30
"""In so many daily checks every rendering is opened once."""
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError)
_FIRST = frozenset({ReceiptKind.ACCEPTANCE.value, ReceiptKind.REJECTION.value})


@dataclass
class _Batch:
    """What the database says of the letters of one span, by letter or by delivery."""

    messages: list[Message]
    links: dict[int, list[Link]] = field(default_factory=lambda: defaultdict(list))
    first: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    tracks: dict[int, list[Track]] = field(default_factory=lambda: defaultdict(list))
    held: dict[int, list[StoredContent]] = field(default_factory=lambda: defaultdict(list))
    purges: dict[int, StoredPurge] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Reconcile:
    """Finds what does not fit together in the records.

    Attributes:
        retry: the schedule of routes, but for what each says itself.
        longest_wait: for a place in a ledger.
    """

    store: Store
    contents: ContentCheck
    ambient: Ambient
    retry: RetrySchedule
    longest_wait: timedelta

    def find(self, deep: bool = False) -> Iterator[Finding]:
        """Every breach, as it is found; memory does not grow with the number of letters.

        Args:
            deep: open every rendering and read every content, not only the day's share of renderings.
        """
        now = self.ambient.now()
        patience = Patience(now, self._lifetime())
        after: int | None = 0
        while after is not None:
            batch, after = self._load(after, deep, now)
            yield from self._judge(batch, patience, deep)
        yield from self._waiting(now)
        yield from self.contents.orphans(now)

    def _lifetime(self) -> timedelta:
        """The longest time that any route may take."""
        with self.store.read() as session:
            routes = [office.route.retry.lifetime for office in registry.offices(session)]
        return timedelta(seconds=max((self.retry.lifetime, *routes)))

    def _load(self, after: int, deep: bool, now: datetime) -> tuple[_Batch, int | None]:
        """The next letters, seen at one moment, and after which one to go on; None at the end."""
        with self.store.read() as session:
            ids = queries.letter_ids(session, after, _BATCH)
            span = Span(after + 1, ids[-1] if len(ids) == _BATCH else None)
            try:
                return self._read(session, span, deep, now), span.last
            except _UNREADABLE as error:  # somebody put into a row what no column may hold
                about = {"first": str(span.first), "last": str(span.last or ""), "reason": place(error)}
                return _Batch([], findings=[Finding("letter.unreadable", about)]), span.last

    def _read(self, session: Session, span: Span, deep: bool, now: datetime) -> _Batch:
        every, turn = (1, 0) if deep else (_ROUND_DAYS, now.toordinal() % _ROUND_DAYS)
        batch = _Batch(queries.letters(session, span))
        _load_receipts(session, span, batch)
        _load_deliveries(session, span, batch)
        for content in queries.contents(session, span):
            batch.held[content.message].append(content)
        batch.purges.update((one.message, one) for one in queries.purges(session, span))
        for rendering in queries.renderings(session, span, every, turn):
            batch.findings += check_rendering(rendering)
        return batch

    def _judge(self, batch: _Batch, patience: Patience, deep: bool) -> Iterator[Finding]:
        yield from batch.findings
        for message in batch.messages:
            links, tracks = batch.links.pop(message.id, []), batch.tracks.pop(message.id, [])
            yield from judge_letter(name_of(message), message.accepted, links, tracks, patience)
            first, held = batch.first.get(message.id), batch.held.get(message.id, [])
            purge = batch.purges.get(message.id)
            if first is not None:
                yield from compare_letter(message, first)
                yield from _promised(message, first, tracks)
            if purge is not None or message.purged_at is not None:
                yield from self.contents.purged(message, purge, held, patience.now)
            elif message.accepted and first is not None:
                yield from self.contents.kept(message, first, held)
            if deep:
                yield from self.contents.readable(message, held)
        # what is left belongs to letters that are not there any more
        for links in batch.links.values():
            for link in links:
                yield Finding("receipt.no-letter", {"receipt": link.receipt})

    def _waiting(self, now: datetime) -> Iterator[Finding]:
        """Entries that still have no place in a ledger."""
        with self.store.read() as session:
            late = [
                Finding("ledger.pending-late", {"receipt": receipt or "", "since": since.isoformat()})
                for receipt, since in queries.waiting(session, now - self.longest_wait)
            ]
        yield from late


def _load_receipts(session: Session, span: Span, batch: _Batch) -> None:
    for row in queries.receipts(session, span):
        link, content, findings = read(row)
        batch.findings += findings
        batch.links[row.message].append(link)
        if content is not None and row.kind in _FIRST:
            batch.first.setdefault(row.message, content)
    batch.findings += (
        Finding("receipt.no-rendering", {"receipt": receipt}) for receipt in queries.unsealed(session, span)
    )


def _load_deliveries(session: Session, span: Span, batch: _Batch) -> None:
    moves = defaultdict(list)
    for delivery, was, now in queries.transport_moves(session, span):
        moves[delivery].append((was, now))
    for row in queries.deliveries(session, span):
        batch.tracks[row.message].append(_track(row, tuple(moves[row.id])))


def _track(row: DeliveryRow, moves: tuple[tuple[str, str], ...]) -> Track:
    return Track(
        delivery=row.id,
        state=row.state,
        due_at=row.due_at,
        lease_until=row.lease_until,
        held_until=row.held_until,
        chain_digest=row.chain_digest,
        chain_time=row.chain_time,
        moves=moves,
    )


def _promised(message: Message, first: Mapping[str, Any], tracks: list[Track]) -> Iterator[Finding]:
    """Every delivery that the acceptance promises is there."""
    known = {track.delivery for track in tracks}
    for recipient in first.get("recipients", ()) if message.accepted else ():
        if recipient.get("delivery") not in known:
            about = {"letter": name_of(message), "delivery": str(recipient.get("delivery"))}
            yield Finding("delivery.missing", about)
