"""The door to a party's own feed: every receipt of its letters, in order."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for

from gateway.domain.evidence.receipt import Event, ReceiptKind
from gateway.exchange.registry.tokens import READ
from gateway.exchange.transit.feed import MOST, Feed, Told
from gateway.i18n import mark
from gateway.web import views
from gateway.web.access import Access
from gateway.web.answers import fresh
from gateway.web.openapi import common
from gateway.web.openapi.described import Described, Parameter, described, members
from gateway.web.openapi.schema import (
    ADDRESS,
    BOOLEAN,
    DIGEST,
    MOMENT,
    REFERENCE,
    TEXT,
    UUID,
    listed,
    one_of,
    or_null,
    record,
)
from gateway.web.paging import limit, once
from gateway.web.views import View

_USUAL = 100


def blueprint(feed: Feed, access: Access) -> Blueprint:
    """The route ``/api/v1/events``."""
    doors = Blueprint("feed", __name__, url_prefix="/api/v1")

    @doors.get("/events")
    @access.token(READ)
    @described(EVENTS)
    def events(party: str) -> Response:
        page = feed.events(party, once(request, "after"), limit(request, _USUAL, MOST))
        return fresh({"events": [_event(one) for one in page.events], "next": page.next, "more": page.more})

    return doors


EVENTS = Described(
    common.FOLLOWING,
    mark("Read the receipts of all your letters, in order"),
    (
        members(
            200,
            mark("The next receipts; where more is true, ask again at once with after=next."),
            record(
                "Events",
                events=listed(
                    record(
                        "Told",
                        id=UUID,
                        kind=one_of(ReceiptKind),
                        event=one_of(Event),
                        eventTime=MOMENT,
                        reference=or_null(REFERENCE),
                        messageId=or_null(TEXT),
                        delivery=or_null(UUID),
                        contentDigest=DIGEST,
                        test=BOOLEAN,
                        envelope=or_null(ADDRESS),
                        href=or_null(ADDRESS),
                    )
                ),
                next=or_null(TEXT),
                more=BOOLEAN,
            ),
        ),
    ),
    detail=mark("Nothing is passed over and nothing is told twice. A refused submission has no address."),
    parameters=(Parameter("after", common.AFTER, TEXT), common.limit(_USUAL, MOST)),
    problems=(422,),
)


def _event(one: Told) -> View:
    """A refused submission has no address: the same octets get its receipt again."""
    return views.event(one) | {
        "envelope": one.reference and url_for("api.follow", reference=one.reference),
        "href": one.reference and url_for("api.receipt", reference=one.reference, receipt_id=one.receipt_id),
    }
