"""The content of a letter as its recipient gets it here: the original octets, attachments as streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from gateway.domain.evidence.receipt import AttachmentDigest
from gateway.exchange.transit.letters import Case, Letters


@dataclass(frozen=True)
class Content:
    """A letter's content.

    Attributes:
        envelope: exactly as it was received, with its signature.
        media_type: of the envelope.
        attachments: as they were received, inline ones too.
        open: the content of the attachment with this identifier, as a stream that the caller closes;
            raises Damaged or Unavailable where it cannot be read.
    """

    reference: str
    envelope: bytes
    media_type: str
    attachments: tuple[AttachmentDigest, ...]
    open: Callable[[str], BinaryIO]


def opened(letters: Letters, case: Case) -> Content:
    """The content of a delivery's letter, every part of it found in its place.

    Raises:
        Gone: it was purged.
        Damaged: a part of it is missing or damaged.
        Unavailable: it cannot be read for now.
    """
    envelope = letters.original(case)
    for attachment in case.acceptance.attachments:
        letters.content(case, attachment.id).close()
    return Content(
        reference=case.message.reference or "",
        envelope=envelope,
        media_type=case.message.media_type,
        attachments=case.acceptance.attachments,
        open=lambda attachment: letters.content(case, attachment),
    )
