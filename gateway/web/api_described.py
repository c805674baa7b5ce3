"""How the door of letters describes itself."""

from __future__ import annotations

from gateway.exchange.evidence.fetch import BASELINE, TIME_STAMPED
from gateway.i18n import mark
from gateway.web.letters import LETTER, RECEIPT, REPORT
from gateway.web.openapi import common
from gateway.web.openapi.described import Answer, Described, Parameter, members
from gateway.web.openapi.schema import UUID, listed, one_of, record

_ACCEPT = mark(
    "The receipt comes in the letter’s own syntax unless Accept asks for another rendering. "
    "Whenever no answer came, send the same bytes again."
)
_FOLLOWED = {
    "Location": mark("Where the letter can be followed."),
    "RateLimit-Policy": mark("How many letters the party may send, and in how many seconds."),
    "RateLimit": mark("How many of these are left, and for how many seconds."),
}
SUBMIT = Described(
    common.SENDING,
    mark("Send a signed letter"),
    (
        Answer(
            201,
            mark("Accepted: the sealed acknowledgment of receipt."),
            common.SEALED,
            _FOLLOWED,
        ),
        Answer(
            200,
            mark("The same letter once more: the identical receipt."),
            common.SEALED,
            _FOLLOWED,
        ),
        Answer(
            422,
            mark("Refused: a sealed rejection if the signer is a known party, else a problem document."),
            common.SEALED,
            or_problem=True,
        ),
        Answer(
            413,
            mark("Too large: a sealed rejection if the signer is a known party, else a problem document."),
            common.SEALED,
            or_problem=True,
        ),
    ),
    detail=_ACCEPT,
    body=common.SIGNED,
    problems=(406, 409, 415, 429),
)
CHECK = Described(
    common.SENDING,
    mark("Have a letter judged without sending it"),
    (members(200, mark("What intake would say, with the recipients’ own limits."), REPORT),),
    detail=mark("Nothing is stored and nothing is promised."),
    body=common.SIGNED,
    problems=(409, 413, 415, 422),
)
FOLLOW = Described(
    common.FOLLOWING,
    mark("See where a letter and each of its deliveries is"),
    (members(200, mark("The letter."), LETTER, ETag=common.ETAG), common.UNCHANGED),
    parameters=(common.LETTER, common.IF_NONE_MATCH),
    problems=(404,),
)
RECEIPTS = Described(
    common.FOLLOWING,
    mark("List the receipts of a letter"),
    (
        members(
            200,
            mark("Every receipt so far, in order."),
            record("Receipts", receipts=listed(RECEIPT)),
            ETag=common.ETAG,
        ),
        common.UNCHANGED,
    ),
    parameters=(common.LETTER, common.IF_NONE_MATCH),
    problems=(404,),
)
RECEIPT_OF = Described(
    common.FOLLOWING,
    mark("Fetch a receipt"),
    (
        Answer(
            200,
            mark("The receipt in the rendering that Accept asks for."),
            {**common.SEALED, **common.LONG_TERM},
            {"ETag": common.ETAG},
        ),
        common.UNCHANGED,
    ),
    parameters=(
        common.LETTER,
        Parameter("receipt_id", mark("The receipt, by its identifier."), UUID, "path", required=True),
        Parameter(
            "level",
            mark("T asks for the long-term form, with a time-stamp over the seal."),
            one_of([BASELINE, TIME_STAMPED], BASELINE),
        ),
        common.IF_NONE_MATCH,
    ),
    problems=(404, 406, 422),
)
