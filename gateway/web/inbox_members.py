"""A letter in an office's inbox as its reader's system sees it: members, and their schemas."""

from __future__ import annotations

from typing import Any

from flask import url_for

from gateway.domain.transit.states import Processing, Transport
from gateway.exchange.transit.inbox import Whereabouts
from gateway.exchange.transit.inbox_list import Entry
from gateway.web.openapi.schema import (
    ADDRESS,
    BOOLEAN,
    COUNT,
    DIRECTORY_ID,
    MOMENT,
    REFERENCE,
    TEXT,
    UUID,
    one_of,
    or_null,
    record,
)

PLACE = record(
    "Place",
    optional=("successor",),
    delivery=UUID,
    office=DIRECTORY_ID,
    name=TEXT,
    state=one_of(Transport),
    processing=one_of(Processing),
    registerNumber=or_null(TEXT),
    successor=UUID,
)


def place_members(one: Whereabouts) -> dict[str, Any]:
    """Where a letter is now, for whoever acted on it."""
    return {
        "delivery": one.delivery,
        "office": one.office,
        "name": one.name,
        "state": one.state,
        "processing": one.processing,
        "registerNumber": one.register_number,
    }


ENTRY = record(
    "InboxEntry",
    delivery=UUID,
    reference=REFERENCE,
    sender=DIRECTORY_ID,
    senderName=TEXT,
    subject=TEXT,
    documentType=or_null(TEXT),
    test=BOOLEAN,
    unit=or_null(TEXT),
    acceptedAt=MOMENT,
    expiresAt=or_null(MOMENT),
    attachments=COUNT,
    octets=COUNT,
    lockedUntil=or_null(MOMENT),
    content=ADDRESS,
)


def entry_members(one: Entry) -> dict[str, Any]:
    """A letter that lies ready."""
    return {
        "delivery": one.delivery,
        "reference": one.reference,
        "sender": one.sender,
        "senderName": one.sender_name,
        "subject": one.subject,
        "documentType": one.document_type,
        "test": one.test,
        "unit": one.unit,
        "acceptedAt": one.accepted_at.isoformat(),
        "expiresAt": one.expires_at and one.expires_at.isoformat(),
        "attachments": one.attachments,
        "octets": one.octets,
        "lockedUntil": one.locked_until and one.locked_until.isoformat(),
        "content": url_for("inbox.content", delivery=one.delivery),
    }
