"""A letter of the inbox is laid into a folder: the envelope as sent, attachments, and a manifest to read."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from gateway.cli.partner import durable
from gateway.cli.partner.opened import OpenedLetter, open_letter
from gateway.cli.partner.watching import Watch
from gateway.clients.hub_answers import Lying
from gateway.clients.hub_inbox import Fetched, InboxClient
from gateway.clients.hub_refused import UNREADABLE
from gateway.domain.errors import Temporary
from gateway.domain.identifiers import read_reference
from gateway.domain.transit.envelope import Attachment
from gateway.trust.cmsenvelope import BadEnvelope
from gateway.wire.json_codec import to_json
from gateway.wire.zip_names import safe_segment

MANIFEST = "manifest.json"
ENDINGS = {"application/xml": ".xml", "application/jose": ".jws", "application/jose+json": ".json"}

_DELIVERY = re.compile(r"[0-9a-f-]{36}")

Decrypt = Callable[[Path, Path], None]
"""Writes the second file, the content of the first, which is encrypted."""


def folder_name(entry: Lying) -> str:
    """The name of a letter's folder: its reference, as long as it is one, whoever answered.

    Raises:
        Temporary: it is none.
    """
    if read_reference(entry.reference) != entry.reference or not _DELIVERY.fullmatch(entry.delivery):
        raise Temporary(UNREADABLE, "no reference in the answer")
    return entry.reference


@dataclass(frozen=True)
class Laying:
    """Lays letters of one inbox into folders.

    Attributes:
        trust: the folder under which signers are judged; None judges nobody.
        decrypt: opens what is encrypted to this office; None leaves it as it came.
        watch: whoever watches is told how far attachments are.
    """

    inbox: InboxClient
    now: Callable[[], datetime]
    trust: Path | None = None
    decrypt: Decrypt | None = None
    watch: Watch | None = None

    def lay(self, delivery: str, target: Path, entry: Lying | None = None) -> dict[str, Any]:
        """Fetch a letter and make ``target`` of it, whole or not at all; its manifest.

        Args:
            entry: what the inbox's list says of it.

        Raises:
            Refused: the envelope is not what its sender signed.
            Declined, DeliveryError: the hub gives it not, or not now.
        """
        fetched = self.inbox.content(delivery)
        letter = open_letter(fetched.octets, fetched.media_type, self.trust, self.now())
        name = "letter" + ENDINGS.get(fetched.media_type, "")
        with durable.folder(target) as filling:
            (filling / name).write_bytes(fetched.octets)
            attached = self._attachments(letter, fetched, filling)
            manifest = _manifest(delivery, entry, name, letter) | {"attachments": attached}
            text = json.dumps(manifest, ensure_ascii=False, indent=1)
            (filling / MANIFEST).write_text(text + "\n", "utf-8")
        return manifest

    def _attachments(self, letter: OpenedLetter, fetched: Fetched, filling: Path) -> list[dict[str, Any]]:
        stated = letter.envelope.attachments
        if len(stated) != len(fetched.attachments):
            raise Temporary(UNREADABLE, "not as many attachments as the envelope has")
        if stated:
            (filling / "attachments").mkdir()
        pairs = enumerate(zip(stated, fetched.attachments, strict=True), 1)
        return [self._attachment(number, one, href, filling) for number, (one, href) in pairs]

    def _attachment(self, number: int, one: Attachment, href: str, filling: Path) -> dict[str, Any]:
        file = Path("attachments") / f"{number:02d}-{safe_segment(one.name, one.id)}"
        with (filling / file).open("w+b") as content:
            self._fetch(href, one, content)
            content.seek(0)
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        if digest != one.sha256:
            raise Temporary(UNREADABLE, f"attachment {one.id} is not the one that was signed")
        members: dict[str, Any] = {
            "id": one.id,
            "name": one.name,
            "mediaType": one.media_type,
            "role": one.role.value,
        }
        members |= {"file": file.as_posix(), "size": one.size, "sha256": one.sha256}
        if one.encryption is None:
            return members
        return members | {"encrypted": True, "decrypted": self._opened(filling, file)}

    def _fetch(self, href: str, one: Attachment, content: BinaryIO) -> None:
        if self.watch is None:
            self.inbox.attachment(href, content)
            return
        fetching = self.watch.into(one.name, content, one.size)
        try:
            self.inbox.attachment(href, fetching)
        finally:
            fetching.transfer.end()

    def _opened(self, filling: Path, file: Path) -> str | None:
        """The file in clear beside the encrypted one; None where it is for somebody else, or altered."""
        if self.decrypt is None:
            return None
        clear = file.with_name(
            file.name.removesuffix(".p7m") if file.suffix == ".p7m" else f"{file.name}.clear"
        )
        try:
            self.decrypt(filling / file, filling / clear)
        except BadEnvelope:
            return None  # the letter is taken as it came; who reads it sees that it is still closed
        return clear.as_posix()


def _manifest(delivery: str, entry: Lying | None, name: str, letter: OpenedLetter) -> dict[str, Any]:
    """What an old system needs at once, in flat members, then the whole letter."""
    envelope, signed, verdict = letter.envelope, letter.signed, letter.verdict
    return {
        "delivery": delivery,
        "reference": entry and entry.reference,
        "acceptedAt": entry and entry.accepted_at.isoformat(),
        "senderName": entry and entry.sender_name,
        "sender": envelope.sender.party,
        "subject": envelope.subject,
        "test": envelope.test,
        "envelope": name,
        "signature": {
            "level": signed.level and signed.level.value,
            "signer": signed.certificate.subject.rfc4514_string(),
            "certificate": verdict and verdict.indication.value,
            "why": verdict and verdict.sub and verdict.sub.value,
        },
        "letter": to_json(envelope),
    }
