"""Content whose time is over is destroyed, provably, for good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import structlog
from sqlalchemy.orm import Session

from gateway.domain.errors import GatewayFault
from gateway.domain.evidence.ledger import purge_entry, salted
from gateway.domain.evidence.retention import Destroyed, PurgeRecord, Retention, RetentionRule, due
from gateway.exchange.clock import Ambient
from gateway.exchange.evidence.issue import Ledgers
from gateway.exchange.transit.unmapped import let_go
from gateway.store.evidence import retention_queries as queries
from gateway.store.evidence.ledger_models import PendingEntry
from gateway.store.evidence.retention_models import PurgeRow
from gateway.store.evidence.retention_queries import Ended
from gateway.store.payloads import PayloadStore
from gateway.store.sessions import Store
from gateway.store.transit import exchange_queries
from gateway.store.transit.models import Message
from gateway.wire.canonical import canonical_json
from gateway.wire.codec import to_json

_BATCH = 200
WORKER = "worker"

_log = structlog.get_logger()


@dataclass(frozen=True)
class Due:
    """A letter whose content must go, and why."""

    message: int
    reference: str
    rule: RetentionRule
    ended_at: datetime

    @property
    def term(self) -> datetime:
        """Since when its time is over."""
        return self.rule.term(self.ended_at)


@dataclass(frozen=True)
class Purged:
    """What one run did."""

    letters: tuple[str, ...]
    failed: int = 0


@dataclass(frozen=True)
class Purge:
    """Destroys what is due; receipts, submission keys and the ledger stay."""

    store: Store
    payloads: PayloadStore
    retention: Retention
    ledgers: Ledgers
    ambient: Ambient

    def run(self, by: str = WORKER) -> Purged:
        """Purge every letter that is due; what one of them cannot be spared keeps none of the others."""
        done, failed = [], 0
        for one in self.due():
            try:
                if self.purge(one.message, by):
                    done.append(one.reference)
            except GatewayFault as fault:  # it is due again at the next run
                _log.warning("purge interrupted", reference=one.reference, cause=str(fault))
                failed += 1
        if not self.store.checkpoint():
            _log.warning("purged keys may still lie in the database's log: somebody reads an older state")
        return Purged(tuple(done), failed)

    def due(self) -> Iterator[Due]:
        """Every letter whose content must go now, in batches that hold no transaction between them."""
        now, after = self.ambient.now(), 0
        while True:
            with self.store.read() as session:
                found = queries.ended(session, now - self.retention.shortest, after, _BATCH)
            for one in found:
                if (judged := self._judged(one, now)) is not None:
                    yield judged
            if not found:
                return
            after = found[-1].message

    def purge(self, message: int, by: str) -> bool:
        """Destroy one letter's content; False when it must stay after all.

        The keys go in one transaction with the record, its entry for the ledger, and what may quote the
        letter: what was exchanged with the recipients' systems, and values that no code table knew. Files are
        removed afterwards: without their keys they are noise, and those that a crash leaves go with the next
        sweep.

        Raises:
            Unavailable: database or payload store is out for now.
        """
        now = self.ambient.now()
        with self.store.write() as session:
            ended = queries.still_ended(session, message)
            found = None if ended is None else self._judged(ended, now)
            if ended is None or found is None:
                return False
            row = session.get_one(Message, message)
            destroyed, files = _destroy(session, row)
            for attempt in queries.attempts_of(session, message):
                attempt.detail = ""
            exchange_queries.forget(session, row.id)
            let_go(session, found.reference)
            row.purged_at = now
            self._record(session, row, found, destroyed, by, now)
        _log.info("content purged", reference=found.reference, rule=found.rule.code, contents=len(destroyed))
        for object_id in files:
            self.payloads.delete(object_id)
        return True

    def _judged(self, ended: Ended, now: datetime) -> Due | None:
        rule = self.retention.rule(ended.document_type)
        if not due(rule, ended.ended_at, now):
            return None
        return Due(ended.message, ended.reference, rule, ended.ended_at)

    def _record(
        self,
        session: Session,
        row: Message,
        found: Due,
        destroyed: tuple[Destroyed, ...],
        by: str,
        now: datetime,
    ) -> None:
        nonce = self.ambient.random_bytes(16).hex()
        record = PurgeRecord(
            version="1.0",
            nonce=nonce,
            at=now,
            letter=salted(nonce, found.reference),
            rule=found.rule.code,
            days=found.rule.days,
            ended_at=found.ended_at,
            by=by[:120],
            ledger_origin=self.ledgers.choose(row.test),
            test=row.test,
            destroyed=destroyed,
        )
        octets = canonical_json(to_json(record))
        digest = sha256(octets).hexdigest()
        purged = PurgeRow(message=row.id, at=now, record=octets, record_digest=digest)
        session.add(purged)
        session.flush()
        session.add(PendingEntry(test=row.test, octets=purge_entry(digest), purge=purged.id, since=now))


def _destroy(session: Session, row: Message) -> tuple[tuple[Destroyed, ...], list[str]]:
    """Destroy the keys of what only this letter owns; its record's list, and the files that may go."""
    destroyed, files, shared = [], [], set()
    listed = Counter(one.payload for one in queries.attachments_of(session, row.id))
    for payload in queries.contents(session, row):
        payload.owners -= 1
        if payload.owners > 0:
            shared.add(payload.object_id)
            continue
        # one entry for each attachment, as the acceptance lists them: two may have the same upload
        destroyed += [Destroyed(payload.sha256, payload.size)] * max(1, listed[payload.object_id])
        files += [payload.object_id] if payload.inline is None else []
        payload.wrapped_key = payload.inline = None
    _let_go(session, row, shared)
    return tuple(destroyed), files


def _let_go(session: Session, row: Message, shared: set[str]) -> None:
    """Content that another letter keeps stays, and is this one's no more."""
    if row.envelope in shared:
        row.envelope = None
    for attachment in queries.attachments_of(session, row.id):
        if attachment.payload in shared:
            session.delete(attachment)
