"""How the door of webhooks describes itself."""

from __future__ import annotations

from gateway.domain.evidence.receipt import ReceiptKind
from gateway.domain.transit.pushing import Pushing
from gateway.i18n import mark
from gateway.web.openapi import common
from gateway.web.openapi.described import JSON, Answer, Body, Described, Example, Parameter, members
from gateway.web.openapi.schema import (
    BOOLEAN,
    COUNT,
    DIRECTORY_ID,
    MOMENT,
    TEXT,
    UUID,
    asked,
    line,
    listed,
    one_of,
    or_null,
    record,
)

LONGEST_URL, MOST_OFFICES = 1000, 100
WANTED = ("url", "kinds", "offices", "test")
"""What a subscription is asked for with."""
_TROUBLE = {"anyOf": [common.FAULT, {"type": "null"}]}
_WEBHOOK = record(
    "Webhook",
    id=UUID,
    url=TEXT,
    kinds=listed(one_of(ReceiptKind)),
    offices=listed(DIRECTORY_ID),
    test=BOOLEAN,
    active=BOOLEAN,
    state=one_of(Pushing),
    createdAt=MOMENT,
    cursor=or_null(TEXT),
    told=COUNT,
    failures=COUNT,
    failingSince=or_null(MOMENT),
    nextAttempt=or_null(MOMENT),
    lastSuccess=or_null(MOMENT),
    problem=_TROUBLE,
)
_WISHES = {
    "url": line(LONGEST_URL),
    "kinds": listed(one_of(ReceiptKind)),
    "offices": listed(DIRECTORY_ID),
    "test": BOOLEAN,
}
_URL = "https://receiver.example/events"
_SHOWN = members(200, mark("The subscription."), _WEBHOOK)
_ONE = Parameter("webhook", mark("The subscription, by its identifier."), UUID, "path", required=True)
CREATE = Described(
    common.FOLLOWING,
    mark("Subscribe to the events of your letters"),
    (
        members(
            201,
            mark("The subscription, from now on."),
            _WEBHOOK,
            Location=mark("Where the subscription can be changed."),
        ),
        members(
            200,
            mark("There is this subscription already."),
            _WEBHOOK,
            Location=mark("Where the subscription can be changed."),
        ),
    ),
    detail=mark(
        "Each event is sent to the address as a JWS with the hub’s seal, in order, until it is taken with a "
        "status of 2xx. Empty kinds or offices mean all of them."
    ),
    body=Body(
        {JSON: asked("WebhookWanted", needed=("url",), **_WISHES)},
        {JSON: (Example("no name in the outside world", {"url": "http://10.0.0.1/events"}, gives=422),)},
    ),
    problems=(409, 422),
)
EVERY = Described(
    common.FOLLOWING,
    mark("List your subscriptions"),
    (
        members(
            200, mark("The subscriptions, the oldest first."), record("Webhooks", webhooks=listed(_WEBHOOK))
        ),
    ),
)
SHOW = Described(common.FOLLOWING, mark("See a subscription"), (_SHOWN,), parameters=(_ONE,), problems=(404,))
CHANGE = Described(
    common.FOLLOWING,
    mark("Change a subscription, or switch it off or on"),
    (_SHOWN,),
    parameters=(_ONE,),
    body=Body({JSON: asked("WebhookChange", needed=(), **_WISHES, active=BOOLEAN)}, required=False),
    problems=(404, 409, 422),
)
DELETE = Described(
    common.FOLLOWING,
    mark("Give a subscription up"),
    (Answer(204, mark("There is no such subscription any more.")),),
    parameters=(_ONE,),
    problems=(404,),
)
PING = Described(
    common.FOLLOWING,
    mark("Try a subscription’s address now"),
    (
        members(
            200,
            mark("What the address said to an event that is none, or why it could not be called."),
            record(
                "Pinged",
                taken=BOOLEAN,
                status=or_null(COUNT),
                milliseconds=COUNT,
                problem=_TROUBLE,
            ),
        ),
    ),
    parameters=(_ONE,),
    body=Body({JSON: asked("Nothing")}, required=False),
    problems=(404, 422, 429),
)
REPLAY = Described(
    common.FOLLOWING,
    mark("Have events told again"),
    (_SHOWN,),
    detail=mark("From what follows a cursor of the feed on; without one, from the beginning."),
    parameters=(_ONE,),
    body=Body({JSON: asked("Replay", after=line())}, required=False),
    problems=(404, 422),
)
