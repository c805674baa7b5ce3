"""Content that must be kept is there, and of purged letters nothing but the record is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import file_digest, sha256
from typing import Any

from gateway.domain.errors import GatewayFault
from gateway.domain.evidence.finding import Finding
from gateway.domain.evidence.ledger import salted
from gateway.exchange.evidence.receipt_check import name_of
from gateway.store.evidence import reconcile_queries as queries
from gateway.store.evidence.reconcile_queries import StoredContent, StoredPurge
from gateway.store.payloads import PayloadStore
from gateway.store.sessions import Store
from gateway.store.transit.models import Message, Payload

_SWEPT_AFTER = timedelta(days=1, hours=2)
"""A day of grace, after which the hourly sweep has had its turn."""
_AT_ONCE = 500


@dataclass(frozen=True)
class ContentCheck:
    """Compares what receipts promise with what the payload store holds."""

    store: Store
    payloads: PayloadStore

    def kept(
        self, message: Message, first: Mapping[str, Any], held: Sequence[StoredContent]
    ) -> Iterator[Finding]:
        """What is wrong with the content of a letter that was not purged, by its acceptance."""
        promised = {one["id"]: (one["sha256"], one["size"]) for one in first.get("attachments", ())}
        received = first.get("received", {})
        wanted = {None: (received.get("sha256"), received.get("size")), **promised}
        there = {one.attachment_id: one for one in held}
        for name, content in wanted.items():
            about = {"letter": name_of(message), "content": name or "envelope"}
            one = there.get(name)
            if one is None or not one.found:
                yield Finding("content.no-row", about)
            elif one.wrapped_key is None:
                yield Finding("content.no-key", about | {"object": one.object_id})
            elif (one.sha256, one.size) != content:
                yield Finding("content.other", about | {"object": one.object_id})
            elif not one.inline and not self.payloads.exists(one.object_id):
                yield Finding("content.missing", about | {"object": one.object_id})

    def readable(self, message: Message, held: Sequence[StoredContent]) -> Iterator[Finding]:
        """Whether each file that should be readable is, to its last octet."""
        for one in held:
            if one.wrapped_key is None or not (one.inline or self.payloads.exists(one.object_id)):
                continue
            about = {"letter": name_of(message), "object": one.object_id}
            try:
                digest = self._digest(one, one.wrapped_key)
            except GatewayFault as fault:
                yield Finding("content.damaged", about | {"reason": str(fault)})
            else:
                if digest != one.sha256:
                    yield Finding("content.damaged", about | {"found": digest})

    def _digest(self, one: StoredContent, wrapped_key: bytes) -> str:
        if not one.inline:
            with self.payloads.open(one.object_id, wrapped_key) as stream:
                return file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type] # reads are enough
        with self.store.read() as session:
            octets = session.get_one(Payload, one.object_id).inline
        return sha256(self.payloads.read_small(one.object_id, wrapped_key, octets)).hexdigest()

    def purged(
        self, message: Message, purge: StoredPurge | None, held: Sequence[StoredContent], now: datetime
    ) -> Iterator[Finding]:
        """What is wrong with a purge: its mark, its record, its entry, and keys that are still there."""
        about = {"letter": name_of(message)}
        if purge is None:
            yield Finding("purge.no-record", about)
        elif message.purged_at != purge.at:
            yield Finding("purge.not-marked", about)
        else:
            yield from _judge_record(message, purge, held)
        for one in held:
            if one.wrapped_key is not None or one.inline:
                yield Finding("purge.key-there", about | {"object": one.object_id})
            elif purge is not None and purge.at + _SWEPT_AFTER < now and self.payloads.exists(one.object_id):
                yield Finding("purge.file-there", about | {"object": one.object_id})

    def orphans(self, now: datetime) -> Iterator[Finding]:
        """Files that nobody owns and the sweep should have removed."""
        batch: list[str] = []
        for stored in self.payloads.list_objects():
            if stored.modified + _SWEPT_AFTER < now:
                batch.append(stored.object_id)
            if len(batch) == _AT_ONCE:
                yield from self._unowned(batch)
                batch.clear()
        yield from self._unowned(batch)

    def _unowned(self, batch: Sequence[str]) -> list[Finding]:
        with self.store.read() as session:
            owned = queries.with_row(session, batch)
        return [Finding("content.orphan", {"object": one}) for one in batch if one not in owned]


def _judge_record(message: Message, purge: StoredPurge, held: Sequence[StoredContent]) -> Iterator[Finding]:
    about = {"letter": name_of(message)}
    if sha256(purge.record).hexdigest() != purge.record_digest:
        yield Finding("purge.altered", about)
        return
    record = json.loads(purge.record)
    destroyed = Counter((one["sha256"], one["size"]) for one in record.get("destroyed", ()))
    rows = Counter((one.sha256, one.size) for one in held)
    if record["letter"] != salted(record["nonce"], message.reference or "") or destroyed != rows:
        yield Finding("purge.other", about)
