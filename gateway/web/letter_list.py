"""The door to the list of a party's own letters."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Request, Response, request, url_for

from gateway.domain.errors import Refused
from gateway.domain.transit.states import Transport
from gateway.exchange.registry.tokens import READ
from gateway.exchange.transit.letter_list import MOST, Listed, Listing, Page, Wanted
from gateway.exchange.transit.look import Looking
from gateway.web import letter_list_described as words
from gateway.web.access import Access
from gateway.web.answers import stable
from gateway.web.letters import letter_members
from gateway.web.openapi.described import described
from gateway.web.paging import limit, once
from gateway.web.reading import BAD_PARAMETER

_FILTERS = ("state", "since")


def blueprint(listing: Listing, looking: Looking, access: Access) -> Blueprint:
    """The route ``GET /api/v1/envelopes``."""
    door = Blueprint("letters", __name__, url_prefix="/api/v1")

    @door.get("/envelopes")
    @access.token(READ)
    @described(words.FIND)
    def find(party: str) -> Response:
        message_id = once(request, "messageId")
        if message_id is not None:
            return stable(request, _one(looking, message_id, party))
        most = limit(request, words.USUAL, MOST)
        page = listing.page(party, wanted_of(request), once(request, "after"), most)
        return stable(request, page_members(page, most, _filters(request)))

    return door


def wanted_of(request: Request) -> Wanted:
    """Which letters a request asks for.

    Raises:
        Refused: a state that there is not, or a moment that cannot be read or has no zone.
    """
    state, since = once(request, "state"), once(request, "since")
    try:
        moment = None if since is None else datetime.fromisoformat(since)
    except ValueError as error:
        raise Refused.because(BAD_PARAMETER, "since") from error
    if moment is not None and moment.tzinfo is None:
        raise Refused.because(BAD_PARAMETER, "since")
    if state is not None and state not in Transport.__members__:
        raise Refused.because(BAD_PARAMETER, "state")
    return Wanted(None if state is None else Transport[state], moment)


def page_members(page: Page, most: int, filters: dict[str, Any]) -> dict[str, Any]:
    """A page, and the address of the next one."""
    following = page.after and url_for("letters.find", after=page.after, limit=most, **filters)
    return {"envelopes": [_listed(one) for one in page.letters], "next": following}


def _one(looking: Looking, message_id: str, party: str) -> dict[str, Any]:
    if not message_id:
        raise Refused.because(BAD_PARAMETER, "messageId")
    return {"envelopes": [letter_members(looking.by_message_id(message_id, party))], "next": None}


def _filters(request: Request) -> dict[str, Any]:
    given = {name: once(request, name) for name in _FILTERS}
    return {name: value for name, value in given.items() if value is not None}


def _listed(letter: Listed) -> dict[str, Any]:
    return {
        "reference": letter.reference,
        "messageId": letter.message_id,
        "state": letter.state,
        "test": letter.test,
        "subject": letter.subject,
        "receivedAt": letter.received_at.isoformat(),
        "deliveries": [
            {
                "id": one.id,
                "office": one.office,
                "name": one.name,
                "state": one.state,
                "processing": one.processing,
            }
            for one in letter.deliveries
        ],
        "href": url_for("api.follow", reference=letter.reference),
    }
