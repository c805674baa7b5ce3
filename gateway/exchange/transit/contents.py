"""Attachments are hashed and stored as they arrive, only for a letter that was already authorised."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.domain.transit.envelope import Envelope
from gateway.exchange.transit.received import check_complete, check_digest, contents
from gateway.exchange.transit.submission import Part
from gateway.store.payloads import PayloadStore, StoredPayload
from gateway.store.transit.upload_queries import Uploaded

Finder = Callable[[Collection[str]], Mapping[str, Uploaded]]
"""Which contents of these digests the sender uploaded before."""


@dataclass
class Contents:
    """Payloads written for one submission, thrown away again unless it is accepted.

    ``shared``: attachments whose content the sender uploaded before, to the objects where they lie.
    """

    payloads: PayloadStore
    by_attachment: dict[str, StoredPayload] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    root: StoredPayload | None = None

    def discard(self) -> None:
        """Delete everything written; nothing of a refused submission is kept."""
        for payload in (one for one in self.written if one.inline is None):
            self.payloads.delete(payload.object_id)

    @property
    def written(self) -> list[StoredPayload]:
        """What was written for this submission, the envelope first."""
        return [*([self.root] if self.root else []), *self.by_attachment.values()]

    def keep_root(self, octets: bytes) -> None:
        self.root = self.payloads.write_small(octets)

    @property
    def objects(self) -> dict[str, str]:
        """Every attachment with the object that holds its content."""
        return {name: one.object_id for name, one in self.by_attachment.items()} | self.shared

    def take(self, envelope: Envelope, parts: Iterator[Part], uploaded: Finder) -> None:
        """Store every content that comes with the envelope, and find those that came before.

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
        self.shared = found_before(envelope, self.by_attachment, uploaded)
        check_complete(envelope, self.objects)


def found_before(envelope: Envelope, came: Collection[str], uploaded: Finder) -> dict[str, str]:
    """Attachments that did not come and were uploaded before, to the objects where their contents lie."""
    absent = [one for one in envelope.attachments if one.id not in came]
    if not absent:
        return {}
    found = uploaded({one.sha256 for one in absent})
    there = [(one, found.get(one.sha256)) for one in absent]
    return {one.id: it.object_id for one, it in there if it is not None and it.size == one.size}
