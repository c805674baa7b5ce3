"""Letters are composed and signed here for the commands that send: the sender's half of the exchange."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gateway.domain.errors import Fault, Refused
from gateway.domain.lines import UNSEEN, is_line, printable
from gateway.domain.transit.envelope import (
    Attachment,
    AttachmentRole,
    Encryption,
    EncryptionForm,
    Envelope,
)
from gateway.domain.transit.rules import FILE_NAME
from gateway.trust.jws import ENVELOPE_TYP, sign_jws
from gateway.trust.seal import Sealer, sign_xml
from gateway.wire.envelopes import envelope_element, write_envelope_json
from gateway.wire.mime import OutgoingPart

XML = "application/xml"
JWS = "application/jose"


@dataclass(frozen=True)
class SignedLetter:
    """A signed envelope with the contents that travel beside it."""

    root: bytes
    media_type: str
    parts: tuple[OutgoingPart, ...] = ()


def attach(
    files: Sequence[Path], readers: tuple[str, ...] = ()
) -> tuple[tuple[Attachment, ...], tuple[OutgoingPart, ...]]:
    """The attachments of an envelope for files, the first one the main document, and their parts.

    Args:
        readers: digests of the certificates that the files are encrypted to (CMS); none: in clear.

    Raises:
        Refused: a name is no text of one line, as one that an old system wrote in its own character set.
    """
    unreadable = [path.name for path in files if not is_line(path.name)]
    if unreadable:
        raise Refused(Fault(FILE_NAME, values={"name": printable(name, UNSEEN)}) for name in unreadable)
    attachments, parts = [], []
    encryption = Encryption(EncryptionForm.CMS, readers) if readers else None
    for number, path in enumerate(files, 1):
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        size = path.stat().st_size
        content_id = f"att{number}@wasl"
        role = AttachmentRole.MAIN if number == 1 else AttachmentRole.ANNEX
        attachments.append(
            Attachment(
                id=f"att{number}",
                name=path.name,
                media_type=media_type,
                size=size,
                sha256=digest,
                role=role,
                encryption=encryption,
                content_id=content_id,
            )
        )
        parts.append(OutgoingPart(content_id, media_type, size, lambda path=path: path.open("rb")))  # type: ignore[misc]
    return tuple(attachments), tuple(parts)


def sign(
    envelope: Envelope,
    sealer: Sealer,
    media_type: str,
    now: datetime,
    files: Sequence[Path] = (),
    readers: tuple[str, ...] = (),
) -> SignedLetter:
    """The envelope with ``files`` attached, signed as XML (XAdES) or JSON (compact JWS).

    Args:
        readers: digests of the certificates that the files are encrypted to.

    Raises:
        Unavailable: the key cannot be used.
    """
    attachments, parts = attach(files, readers)
    if attachments:
        envelope = replace(envelope, attachments=attachments)
    if media_type == XML:
        return SignedLetter(sign_xml(envelope_element(envelope), sealer, now), XML, parts)
    octets = sign_jws(write_envelope_json(envelope), sealer, ENVELOPE_TYP, now)
    return SignedLetter(octets, JWS, parts)
