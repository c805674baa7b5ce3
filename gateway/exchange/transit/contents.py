"""Attachments are hashed and stored as they arrive, only for a letter that was already authorised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.domain.transit.envelope import Envelope
from gateway.exchange.transit.received import check_complete, check_digest, contents
from gateway.exchange.transit.submission import Part
from gateway.store.payloads import PayloadStore, StoredPayload


@dataclass
class Contents:
    """Payloads written for one submission, thrown away again unless it is accepted."""

    payloads: PayloadStore
    by_attachment: dict[str, StoredPayload] = field(default_factory=dict)
    root: StoredPayload | None = None

    def discard(self) -> None:
        """Delete everything written; nothing of a refused submission is kept."""
        written = [*self.by_attachment.values(), *([self.root] if self.root else [])]
        for payload in (one for one in written if one.inline is None):
            self.payloads.delete(payload.object_id)

    def keep_root(self, octets: bytes) -> None:
        self.root = self.payloads.write_small(octets)

    def take(self, envelope: Envelope, parts: Iterator[Part]) -> None:
        """Store every content that the envelope lists.

        Raises:
            Refused: a part is missing, unlisted, repeated, or not the file that was signed.
            Unavailable: the store cannot take it.
        """
        for attachment, chunks in contents(envelope, parts):
            with self.payloads.create() as writer:
                for chunk in chunks:
                    writer.write(chunk)
                check_digest(attachment, writer.sha256)
                self.by_attachment[attachment.id] = writer.commit()
        check_complete(envelope, self.by_attachment)
