"""A letter in an office's inbox as its reader's system sees it: members, and their schemas."""

from __future__ import annotations

from flask import url_for

from gateway.domain.transit.states import Processing, Transport
from gateway.exchange.transit.inbox import Whereabouts
from gateway.exchange.transit.inbox_list import Entry
from gateway.web import views
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
from gateway.web.views import View

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


def place_members(one: Whereabouts) -> View:
    """Where a letter is now, for whoever acted on it."""
    return views.place(one)


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


def entry_members(one: Entry) -> View:
    """A letter that lies ready, with where it is fetched."""
    return views.entry(one) | {"content": url_for("inbox.content", delivery=one.delivery)}
