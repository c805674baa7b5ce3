"""Attachments are hashed and stored as they arrive, only for a letter that was already authorised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gateway.domain.errors import Fault, Refused
from gateway.domain.transit.envelope import Attachment, Envelope
from gateway.exchange.transit.submission import Part
from gateway.store.payloads import PayloadStore, StoredPayload

MISSING = "WASL-ATT-001"
UNLISTED = "WASL-ATT-002"
WRONG_SIZE = "WASL-ATT-003"
WRONG_DIGEST = "WASL-ATT-004"
TWICE = "WASL-ATT-005"


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
        expected = {a.content_id: a for a in envelope.attachments if a.content_id is not None}
        for attachment in envelope.attachments:
            if attachment.content is not None:
                self._store(attachment, [attachment.content])
        for part in parts:
            attachment = self._listed(expected, part.content_id)
            self._store(attachment, part.chunks)
        missing = [a for a in envelope.attachments if a.id not in self.by_attachment]
        if missing:
            raise Refused(_fault(MISSING, envelope, attachment) for attachment in missing)

    def _listed(self, expected: dict[str, Attachment], content_id: str) -> Attachment:
        attachment = expected.get(content_id)
        if attachment is None:
            raise Refused.because(UNLISTED, found=content_id[:200])
        if attachment.id in self.by_attachment:
            raise Refused.because(TWICE, found=content_id, name=attachment.id)
        return attachment

    def _store(self, attachment: Attachment, chunks: Iterable[bytes]) -> None:
        with self.payloads.create() as writer:
            received = 0
            for chunk in chunks:
                received += len(chunk)
                if received > attachment.size:
                    raise _wrong_size(attachment, f"> {attachment.size}")
                writer.write(chunk)
            if received != attachment.size:
                raise _wrong_size(attachment, str(received))
            if writer.sha256 != attachment.sha256:
                raise Refused.because(WRONG_DIGEST, found=writer.sha256, name=attachment.id)
            self.by_attachment[attachment.id] = writer.commit()


def _wrong_size(attachment: Attachment, found: str) -> Refused:
    return Refused.because(WRONG_SIZE, expected=str(attachment.size), found=found, name=attachment.id)


def _fault(code: str, envelope: Envelope, attachment: Attachment) -> Fault:
    where = f"/attachments/{envelope.attachments.index(attachment)}"
    return Fault(code, where, values={"name": attachment.id})
