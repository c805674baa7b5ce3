"""How the door of an office's inbox describes itself."""

from __future__ import annotations

from gateway.domain.transit.states import Processing
from gateway.exchange.transit.inbox_list import LONGEST_PAGE
from gateway.i18n import mark
from gateway.web.inbox_members import ENTRY, PLACE
from gateway.web.openapi import common
from gateway.web.openapi.described import JSON, Answer, Body, Described, Example, Parameter, members
from gateway.web.openapi.schema import (
    ADDRESS,
    CODE,
    DIRECTORY_ID,
    MOMENT,
    OCTETS,
    TEXT,
    UUID,
    Schema,
    asked,
    line,
    listed,
    one_of,
    or_null,
    record,
)

USUAL = 50
"""Letters of a page, unless another number is asked for."""
_UNIT = mark("Who acts, as receipts name it; without it, the office.")
_READER = mark("Whose lock it is; without it, the party’s.")
_WHO = (Parameter("unit", _UNIT, line()), Parameter("reader", _READER, line(120)))
_ACTS: dict[str, Schema] = {"unit": line(), "reader": line(120)}
_DAY: Schema = {"type": "string", "format": "date"}
_NOW = members(200, mark("Where the letter is now."), PLACE)
_AGAIN = mark("A repeat changes nothing and gets the same answer.")


def _body(needed: tuple[str, ...], name: str, *examples: Example, **said: Schema) -> Body:
    return Body({JSON: asked(name, needed=needed, **said, **_ACTS)}, {JSON: examples}, required=bool(needed))


PEEK = Described(
    common.OFFICE_INBOX,
    mark("List what lies ready for an office"),
    (
        members(
            200,
            mark("Letters that nobody acknowledged yet; next is the address of the next page, or null."),
            record("Inbox", letters=listed(ENTRY), next=or_null(ADDRESS)),
        ),
    ),
    parameters=(
        Parameter("office", mark("One of the party’s own offices."), DIRECTORY_ID, required=True),
        Parameter("after", mark("The last delivery of the page before."), UUID),
        common.limit(USUAL, LONGEST_PAGE),
    ),
    problems=(404, 422),
)
LOCK = Described(
    common.OFFICE_INBOX,
    mark("Keep other readers off a letter"),
    (members(200, mark("Locked, for five minutes; again to renew."), record("Lock", lockedUntil=MOMENT)),),
    parameters=(common.DELIVERY,),
    body=_body((), "ToLock", Example("lock", {"reader": "desk-1"})),
    problems=(404, 409, 422),
)
UNLOCK = Described(
    common.OFFICE_INBOX,
    mark("Give a locked letter free"),
    (Answer(204, mark("It is free.")),),
    parameters=(common.DELIVERY, *_WHO),
    problems=(404, 422),
)
CONTENT = Described(
    common.OFFICE_INBOX,
    mark("Fetch a letter’s envelope"),
    (
        Answer(
            200,
            mark("The envelope exactly as it was sent."),
            {common.XML: OCTETS, common.JOSE: OCTETS, common.FLAT: OCTETS, "multipart/related": OCTETS},
            {"Link": mark("The address of each attachment (rel=item).")},
        ),
    ),
    detail=mark(
        "A unit’s first look is attested by a receipt. Accept: multipart/related brings the attachments in "
        "the same answer, behind the envelope, each with its id as Content-ID."
    ),
    parameters=(common.DELIVERY, *_WHO),
    problems=(404, 409, 410, 422),
)
ATTACHMENT = Described(
    common.OFFICE_INBOX,
    mark("Fetch an attachment"),
    (Answer(200, mark("The file, in pieces, under its own media type."), {"*/*": OCTETS}),),
    parameters=(
        common.DELIVERY,
        Parameter("attachment", mark("The attachment’s id in the envelope."), TEXT, "path", required=True),
        *_WHO,
    ),
    problems=(404, 409, 410, 422),
)
ACKNOWLEDGE = Described(
    common.OFFICE_INBOX,
    mark("Take a letter over, and register it"),
    (_NOW,),
    detail=_AGAIN,
    parameters=(common.DELIVERY,),
    body=_body(
        (),
        "ToAcknowledge",
        Example("registered", {"registerNumber": "2026/17", "registerDate": "2026-03-01"}),
        Example("date without number", {"registerDate": "2026-03-01"}, gives=422),
        registerNumber=line(120),
        registerDate=_DAY,
        registerBook=line(80),
    ),
    problems=(404, 409, 422),
)
PROGRESS = Described(
    common.OFFICE_INBOX,
    mark("Tell how the matter goes on"),
    (_NOW,),
    detail=_AGAIN,
    parameters=(common.DELIVERY,),
    body=_body(
        ("state",),
        "ToTellProgress",
        Example("in progress", {"state": "IN_PROGRESS"}, live=("at",)),
        state=one_of([Processing.IN_PROGRESS, Processing.AWAITING_SENDER, Processing.CLOSED]),
        at=MOMENT,
    ),
    problems=(404, 409, 422),
)
REFUSE = Described(
    common.OFFICE_INBOX,
    mark("Refuse or decline a letter on a ground"),
    (_NOW,),
    detail=mark("The code is one of WASL-DLV-031 to -036, or -039 with words of its own in text."),
    parameters=(common.DELIVERY,),
    body=_body(
        ("code",),
        "ToRefuse",
        Example("other ground", {"code": "WASL-DLV-039", "text": "Sent by mistake."}),
        code=CODE,
        text=line(),
    ),
    problems=(404, 409, 422),
)
REDIRECT = Described(
    common.OFFICE_INBOX,
    mark("Pass a letter on to another office"),
    (_NOW,),
    detail=mark("The other office’s delivery owes the outcome now; successor names it."),
    parameters=(common.DELIVERY,),
    body=_body(
        ("office",),
        "ToRedirect",
        Example("to another office", {"office": "B0000001-X"}, live=("office",)),
        office=DIRECTORY_ID,
        code=CODE,
        text=line(),
    ),
    problems=(404, 409, 422),
)
