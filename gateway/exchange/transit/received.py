"""Contents that come with an envelope are compared with what it lists, as they pass."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from gateway.domain.errors import Fault, Refused
from gateway.domain.transit.envelope import Attachment, Envelope
from gateway.exchange.transit.submission import Part

MISSING = "WASL-ATT-001"
UNLISTED = "WASL-ATT-002"
WRONG_SIZE = "WASL-ATT-003"
WRONG_DIGEST = "WASL-ATT-004"
TWICE = "WASL-ATT-005"


def contents(envelope: Envelope, parts: Iterator[Part]) -> Iterator[tuple[Attachment, Iterator[bytes]]]:
    """Every content with the attachment it belongs to, inline ones first, then parts as they come.

    Raises:
        Refused: a part that is not listed or came before; while its chunks are read, a wrong size.
    """
    for attachment in envelope.attachments:
        if attachment.content is not None:
            yield attachment, _sized(attachment, [attachment.content])
    listed = {a.content_id: a for a in envelope.attachments if a.content_id is not None}
    came: set[str] = set()
    for part in parts:
        if part.content_id not in listed:
            raise Refused.because(UNLISTED, found=part.content_id[:200])
        attachment = listed[part.content_id]
        if part.content_id in came:
            raise Refused.because(TWICE, found=part.content_id, name=attachment.id)
        came.add(part.content_id)
        yield attachment, _sized(attachment, part.chunks)


def _sized(attachment: Attachment, chunks: Iterable[bytes]) -> Iterator[bytes]:
    received = 0
    for chunk in chunks:
        received += len(chunk)
        if received > attachment.size:
            raise _wrong_size(attachment, f"> {attachment.size}")
        yield chunk
    if received != attachment.size:
        raise _wrong_size(attachment, str(received))


def _wrong_size(attachment: Attachment, found: str) -> Refused:
    return Refused.because(WRONG_SIZE, expected=str(attachment.size), found=found, name=attachment.id)


def check_digest(attachment: Attachment, found: str) -> None:
    """Whether a content that was read to its end is the one that was signed.

    Raises:
        Refused: its digest is another.
    """
    if found != attachment.sha256:
        raise Refused.because(WRONG_DIGEST, found=found, name=attachment.id)


def missing_content(index: int, attachment: Attachment) -> Fault:
    """That a content is to be sent along, or uploaded under the digest that is expected."""
    where = f"/attachments/{index}"
    return Fault(MISSING, where, expected=attachment.sha256, values={"name": attachment.id})


def check_complete(envelope: Envelope, came: Collection[str]) -> None:
    """Whether every attachment's content came; ``came`` holds the identifiers of those that did.

    Raises:
        Refused: one fault for each that is missing.
    """
    missing = [
        missing_content(index, attachment)
        for index, attachment in enumerate(envelope.attachments)
        if attachment.id not in came
    ]
    if missing:
        raise Refused(missing)
