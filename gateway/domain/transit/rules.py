"""Rules between fields of an envelope that no schema language states; every broken one is told."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

from gateway.domain.content import Kind, camel, declaration
from gateway.domain.errors import Fault
from gateway.domain.identifiers import is_directory_id, read_reference
from gateway.domain.lines import is_line
from gateway.domain.transit.envelope import Attachment, Envelope, Recipient

ANOTHER_HUB = "WASL-ENV-101"
RECIPIENT_CHOICE = "WASL-ENV-102"
DUPLICATE_RECIPIENT = "WASL-ENV-103"
DUPLICATE_ATTACHMENT = "WASL-ENV-104"
FILE_NAME = "WASL-ENV-105"
NOTHING_INSIDE = "WASL-ENV-106"
BODY_BESIDE_ENCRYPTION = "WASL-ENV-107"
TIMES_OUT_OF_ORDER = "WASL-ENV-108"
ALREADY_EXPIRED = "WASL-ENV-109"
CHECK_CHARACTER = "WASL-ENV-110"
TWO_CONTENTS = "WASL-ENV-111"
NO_RECIPIENT_TO = "WASL-ENV-112"
NO_LINE = "WASL-ENV-113"

_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def faults_of(envelope: Envelope, hub: str, now: datetime) -> tuple[Fault, ...]:
    """Every rule that ``envelope`` breaks at ``hub``; empty when it keeps them all."""
    return tuple(_faults(envelope, hub, now))


def _faults(envelope: Envelope, hub: str, now: datetime) -> Iterator[Fault]:
    if envelope.hub != hub:
        yield Fault(ANOTHER_HUB, "/hub", expected=hub, found=envelope.hub)
    yield from _check_characters(envelope)
    for where, text in _lines(envelope, ""):
        if not is_line(text):
            yield Fault(NO_LINE, where)
    yield from _recipients(envelope.recipients)
    yield from _attachments(envelope)
    if not envelope.body and not envelope.attachments:
        yield Fault(NOTHING_INSIDE, "/body")
    yield from _times(envelope, now)


def _check_characters(envelope: Envelope) -> Iterator[Fault]:
    named = [("/sender/party", envelope.sender.party), ("/sender/office", envelope.sender.office)]
    if envelope.sender.on_behalf_of is not None:
        by = envelope.sender.on_behalf_of.identification.identified_by
        named.append(("/sender/onBehalfOf/identification/identifiedBy", by))
    for index, recipient in enumerate(envelope.recipients):
        named.append((f"/recipients/{index}/office", recipient.office))
        named.append((f"/recipients/{index}/party", recipient.party))
    for where, identifier in named:
        if identifier is not None and not is_directory_id(identifier):
            yield Fault(CHECK_CHARACTER, where, found=identifier)
    for index, recipient in enumerate(envelope.recipients):
        reference = recipient.reply_to
        if reference is not None and read_reference(reference) != reference:
            yield Fault(CHECK_CHARACTER, f"/recipients/{index}/replyTo", found=reference)


def _lines(part: Any, within: str) -> Iterator[tuple[str, str]]:
    """Every text of one line in a part of a content model, and where it stands.

    The schemas leave out only what XML cannot hold: receipts, and whatever was accepted, follow them too.
    """
    model: Any = type(part)
    for name, below, is_line_of_text in _declared(model):
        found, where = getattr(part, name), f"{within}/{below}"
        several = isinstance(found, tuple)
        for index, entry in enumerate(found if several else (found,)):
            at = f"{where}/{index}" if several else where
            if is_line_of_text and entry is not None:
                yield at, entry
            elif dataclasses.is_dataclass(entry):
                yield from _lines(entry, at)


@cache
def _declared(model: Any) -> tuple[tuple[str, str, bool], ...]:
    """The fields of a content model: name, name in JSON, whether it is one line of text."""
    fields = dataclasses.fields(model)
    return tuple((one.name, camel(one.name), declaration(one).kind is Kind.LINE) for one in fields)


def _recipients(recipients: tuple[Recipient, ...]) -> Iterator[Fault]:
    seen: set[tuple[str | None, ...]] = set()
    for index, recipient in enumerate(recipients):
        address = (recipient.office, recipient.party, recipient.reply_to)
        if sum(part is not None for part in address) != 1:
            yield Fault(RECIPIENT_CHOICE, f"/recipients/{index}", expected="office | party | replyTo")
        full = (*address, recipient.unit, recipient.attention)
        if full in seen:
            yield Fault(DUPLICATE_RECIPIENT, f"/recipients/{index}")
        seen.add(full)
    if all(recipient.role.value == "cc" for recipient in recipients):
        yield Fault(NO_RECIPIENT_TO, "/recipients")


def _attachments(envelope: Envelope) -> Iterator[Fault]:
    ids: set[str] = set()
    contents: set[str] = set()
    for index, attachment in enumerate(envelope.attachments):
        where = f"/attachments/{index}"
        if attachment.id in ids or (attachment.content_id or attachment.id) in contents:
            yield Fault(DUPLICATE_ATTACHMENT, where, found=attachment.id, values={"name": attachment.name})
        ids.add(attachment.id)
        contents.add(attachment.content_id or attachment.id)
        yield from _one_attachment(attachment, where)
    if envelope.body and any(attachment.encryption for attachment in envelope.attachments):
        yield Fault(BODY_BESIDE_ENCRYPTION, "/body")


def _one_attachment(attachment: Attachment, where: str) -> Iterator[Fault]:
    if attachment.content is not None and attachment.content_id is not None:
        yield Fault(TWO_CONTENTS, where, values={"name": attachment.id})
    if not is_file_name(attachment.name):
        yield Fault(FILE_NAME, f"{where}/name", values={"name": attachment.id})


def is_file_name(name: str) -> bool:
    """Whether ``name`` is one harmless path segment on every system."""
    if not name.strip(" .") or name != name.rstrip(" .") or name != name.lstrip(" "):
        return False
    if not is_line(name) or any(character in _BIDI for character in name):
        return False
    return not (set(name) & set('/\\:*?"<>|')) and _DEVICE.fullmatch(name) is None


def _times(envelope: Envelope, now: datetime) -> Iterator[Fault]:
    expires = envelope.expires_at
    if expires is None:
        return
    if expires <= now:
        yield Fault(ALREADY_EXPIRED, "/expiresAt", found=expires.isoformat())
    if envelope.not_before is not None and envelope.not_before >= expires:
        yield Fault(TIMES_OUT_OF_ORDER, "/notBefore", found=envelope.not_before.isoformat())
