"""The door to a party's own feed: every receipt of its letters, in order."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for

from gateway.exchange.transit.feed import MOST, Feed, Told
from gateway.web import views
from gateway.web.access import Access
from gateway.web.answers import fresh
from gateway.web.paging import limit, once
from gateway.web.views import View

READ = "envelopes:read"
_USUAL = 100


def blueprint(feed: Feed, access: Access) -> Blueprint:
    """The route ``/api/v1/events``."""
    doors = Blueprint("feed", __name__, url_prefix="/api/v1")

    @doors.get("/events")
    @access.token(READ)
    def events(party: str) -> Response:
        page = feed.events(party, once(request, "after"), limit(request, _USUAL, MOST))
        return fresh({"events": [_event(one) for one in page.events], "next": page.next, "more": page.more})

    return doors


def _event(one: Told) -> View:
    """A refused submission has no address: the same octets get its receipt again."""
    return views.event(one) | {
        "envelope": one.reference and url_for("api.follow", reference=one.reference),
        "href": one.reference and url_for("api.receipt", reference=one.reference, receipt_id=one.receipt_id),
    }
