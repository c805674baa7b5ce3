"""A letter as plain JSON-like values, for mappings to choose from."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from datetime import date as Day
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, BinaryIO

from adapters.contract import Letter, Notice
from gateway.domain.errors import GatewayFault, Temporary
from gateway.domain.transit.envelope import Attachment

CHUNK = 64 * 1024
_SUFFIXES = {
    "application/xml": "xml",
    "text/xml": "xml",
    "application/jose": "jws",
    "application/jose+json": "json",
    "application/json": "json",
}


@dataclasses.dataclass(frozen=True)
class Content:
    """The octets of one file, still unread: a mapping moves it about, an adapter reads it."""

    name: str
    media_type: str
    size: int
    sha256: str
    open: Callable[[], BinaryIO]

    def octets(self) -> bytes:
        """The whole content, checked against its declared length and digest.

        Raises:
            Temporary: the store gave nothing, or something else.
        """
        try:
            with self.open() as stream:
                found = stream.read(self.size + 1)
        except (OSError, GatewayFault) as trouble:
            raise unreadable(self) from trouble
        if len(found) != self.size or hashlib.sha256(found).hexdigest() != self.sha256:
            raise unreadable(self)
        return found

    def chunks(self) -> Iterator[bytes]:
        """The content piece by piece; of one that is not as declared, less than its length.

        Raises:
            Temporary: as `octets`, when all but its end was given.
        """
        digest, left = hashlib.sha256(), self.size
        try:
            with self.open() as stream:
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
                    left -= len(chunk)
                    if left <= 0 and (left < 0 or digest.hexdigest() != self.sha256):
                        break
                    yield chunk
        except (OSError, GatewayFault) as trouble:
            raise unreadable(self) from trouble
        if left != 0 or digest.hexdigest() != self.sha256:
            raise unreadable(self)

    def base64(self) -> str:
        """The whole content as base64.

        Raises:
            Temporary: as `octets`.
        """
        return base64.b64encode(self.octets()).decode("ascii")


def unreadable(content: Content) -> Temporary:
    """The fault for a content that the store does not give as declared."""
    return Temporary("WASL-DLV-015", f"content of {content.name!r}")


def letter_view(letter: Letter) -> dict[str, Any]:
    """What the expressions of a mapping see.

    ``envelope`` is the canonical form with the names of the JSON syntax; beside it stand the hub's own
    facts: ``reference deliveryId acceptedAt senderName office documentType possibleDuplicate``.
    ``attachments`` are the envelope's, each with its ``content``; ``original`` is the envelope as
    signed, in the same shape; ``files`` are the attachments followed by the original.
    """
    attachments = [_file(letter, attachment) for attachment in letter.envelope.attachments]
    original = _original(letter)
    return {
        "envelope": plain(letter.envelope),
        "reference": letter.reference,
        "deliveryId": letter.delivery_id,
        "acceptedAt": letter.accepted_at.isoformat(),
        "senderName": letter.sender_name,
        "office": letter.office,
        "documentType": letter.document_type,
        "possibleDuplicate": letter.possible_duplicate,
        "attachments": attachments,
        "original": original,
        "files": [*attachments, original],
    }


def notice_view(notice: Notice) -> dict[str, Any]:
    """What the expressions of a mapping see of a receipt that a sender's system is told.

    The facts of `Notice` under their names in camelCase, ``eventName`` (the event without what comes before
    its name), ``reasons`` each with ``code`` and ``text``, and ``receipt``: the sealed receipt as a file,
    with its ``content``.
    """
    facts = {
        field.name: getattr(notice, field.name)
        for field in dataclasses.fields(notice)
        if field.name != "sealed"
    }
    view: dict[str, Any] = {_camel(name): plain(value) for name, value in facts.items()}
    name = f"accuse-{notice.receipt_id}.{_SUFFIXES.get(notice.media_type, 'bin')}"
    return view | {
        "eventName": re.split("[/:]", notice.event)[-1],
        "reasons": [{"code": code, "text": text} for code, text in notice.reasons],
        "receipt": _octets("receipt", name, notice.sealed, notice.media_type),
    }


def plain(value: Any) -> Any:
    """A content model as dicts with camelCase keys, lists and JSON's own scalars."""
    if dataclasses.is_dataclass(value):
        return {_camel(field.name): plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [plain(entry) for entry in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (Day, datetime)):
        return value.isoformat()
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value


def _file(letter: Letter, attachment: Attachment) -> dict[str, Any]:
    # Inline octets are left out before `plain` would write them as base64: `content` is the way to them.
    bare = dataclasses.replace(attachment, content=None)
    content = Content(
        attachment.name,
        attachment.media_type,
        attachment.size,
        attachment.sha256,
        lambda: letter.open(attachment),
    )
    return plain(bare) | {"content": content}  # type: ignore[no-any-return]


def _original(letter: Letter) -> dict[str, Any]:
    media_type = letter.original_media_type
    name = f"enveloppe-{letter.reference}.{_SUFFIXES.get(media_type, 'bin')}"
    return _octets("original", name, letter.original, media_type)


def _octets(role: str, name: str, octets: bytes, media_type: str) -> dict[str, Any]:
    """Octets at hand in the shape of a file."""
    digest = hashlib.sha256(octets).hexdigest()
    content = Content(name, media_type, len(octets), digest, lambda: io.BytesIO(octets))
    return {
        "id": role,
        "name": name,
        "mediaType": media_type,
        "size": content.size,
        "sha256": digest,
        "role": role,
        "content": content,
    }


@cache
def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
