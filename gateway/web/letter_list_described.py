"""How the door to the list of letters describes itself."""

from __future__ import annotations

from gateway.domain.transit.states import Processing, Transport
from gateway.exchange.transit.letter_list import MOST
from gateway.i18n import mark
from gateway.web.letters import ABOUT_LETTER, LETTER
from gateway.web.openapi import common
from gateway.web.openapi.described import Described, Parameter, members
from gateway.web.openapi.schema import (
    ADDRESS,
    DIRECTORY_ID,
    MOMENT,
    TEXT,
    UUID,
    listed,
    one_of,
    or_null,
    record,
)

USUAL = 50
_LISTED = record(
    "ListedLetter",
    optional=(),
    **ABOUT_LETTER,
    deliveries=listed(
        record(
            "ListedDelivery",
            id=UUID,
            office=DIRECTORY_ID,
            name=TEXT,
            state=one_of(Transport),
            processing=one_of(Processing),
        )
    ),
    href=ADDRESS,
)
FIND = Described(
    common.FOLLOWING,
    mark("List the letters that were sent, or find one by its message id"),
    (
        members(
            200,
            mark("The letters, the oldest first; next is the address of the next page, or null."),
            record("Letters", envelopes=listed({"anyOf": [LETTER, _LISTED]}), next=or_null(ADDRESS)),
            ETag=common.ETAG,
        ),
        common.UNCHANGED,
    ),
    detail=mark("With a message id the letter comes as it does under its own address; without, in short."),
    parameters=(
        Parameter("messageId", mark("The message id that the envelope stated."), UUID),
        Parameter("state", mark("Only letters of which a delivery is in this state."), one_of(Transport)),
        Parameter("since", mark("Only letters received since then."), MOMENT),
        Parameter("after", common.AFTER, TEXT),
        common.limit(USUAL, MOST),
        common.IF_NONE_MATCH,
    ),
    problems=(404, 422),
)
