"""What many doors share in their descriptions: areas, parameters, renderings, problem documents."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.i18n import mark
from gateway.web.openapi.described import Answer, Body, Described, Example, Parameter
from gateway.web.openapi.schema import (
    ADDRESS,
    BOOLEAN,
    CODE,
    COUNT,
    OCTETS,
    REFERENCE,
    TEXT,
    UUID,
    Schema,
    listed,
    number,
    record,
)

SENDING = mark("Sending letters")
FOLLOWING = mark("Following letters")
OFFICE_INBOX = mark("An office’s inbox")
TOKENS = mark("Access tokens")
EVIDENCE = mark("Public evidence")
STATE = mark("State of the hub")

AREAS = (SENDING, FOLLOWING, OFFICE_INBOX, TOKENS, EVIDENCE, STATE)
"""The headings of the document, in its order."""

PROBLEM_TYPE = "application/problem+json"
XML, JOSE, FLAT, PDF = "application/xml", "application/jose", "application/jose+json", "application/pdf"

FAULT = record(
    "Fault",
    optional=("where", "line", "expected", "found"),
    code=CODE,
    where=TEXT,
    line=number(1, 1 << 53),
    expected=TEXT,
    found=TEXT,
    text=TEXT,
    remedy=TEXT,
)
_OCTETS = record("CanonicalOctets", octets={"type": "string", "contentEncoding": "base64"}, size=COUNT)
_DIGEST = {"type": "string", "contentEncoding": "base64"}
EXAMINATION = record(
    "Examination",
    method=TEXT,
    signed=_OCTETS,
    references=listed(
        record(
            "ExaminedReference",
            uri=TEXT,
            digestMethod=TEXT,
            expected=_DIGEST,
            found=_DIGEST,
            good=BOOLEAN,
            canonical=_OCTETS,
        )
    ),
)
"""What was found of a test letter's wrong signature."""
PROBLEM_DOCUMENT = record(
    "Problem",
    optional=("instance", "signature"),
    type=ADDRESS,
    title=TEXT,
    status=number(400, 599),
    detail=TEXT,
    instance=ADDRESS,
    code=CODE,
    remedy=TEXT,
    faults=listed(FAULT),
    signature=EXAMINATION,
)

PROBLEMS: Mapping[int, str] = {
    401: mark("There is no token, or none that is good."),
    403: mark("The token does not allow this."),
    404: mark("There is nothing here that the caller may see, or it is not made yet."),
    406: mark("None of the formats that the caller accepts exists."),
    411: mark("The request does not say how long its body is."),
    409: mark("It contradicts what was done before."),
    410: mark("The content was deleted when its time was over; the receipts stay."),
    413: mark("The request is larger than a limit of the hub."),
    415: mark("The hub does not take this media type, or compressed bodies."),
    422: mark("Something in the request is wrong; the faults say what and where."),
    429: mark("Too many requests, or too many refused letters, in a short time."),
    503: mark("The hub cannot do this now; the same request is safe to repeat."),
}
"""What a problem document of each status says."""
OURS = mark("Trouble of the hub’s own: nothing was accepted, and the same request is safe to repeat.")
WHEN_AGAIN = mark("Seconds after which it may work.")
RETRY_AFTER = frozenset({"429", "503"})
"""Statuses whose answers say when to ask again."""


def _jws(content: str) -> Schema:
    payload = {
        "type": "string",
        "contentEncoding": "base64url",
        "contentMediaType": "application/json",
        "contentSchema": {"$ref": f"#/components/schemas/{content}"},
    }
    members = {"protected": {"type": "string"}, "payload": payload, "signature": {"type": "string"}}
    return {"type": "object", "properties": members, "required": ["protected", "payload", "signature"]}


SEALED: Mapping[str, Schema] = {XML: OCTETS, JOSE: OCTETS, PDF: OCTETS}
"""A sealed receipt in its renderings."""
LONG_TERM: Mapping[str, Schema] = {FLAT: _jws("Receipt")}
"""The rendering that exists with a time-stamp only."""

SIGNED = Body(
    {XML: OCTETS, JOSE: OCTETS, FLAT: _jws("Envelope"), "multipart/related": OCTETS},
    {XML: (Example("letter", gives=422, file="examples/envelope-letter.xml"),)},
)
"""A signed letter."""

LETTER = Parameter("reference", mark("The hub’s reference of the letter."), REFERENCE, "path", required=True)
DELIVERY = Parameter("delivery", mark("The delivery, by its identifier."), UUID, "path", required=True)
ETAG = mark("Names these very octets, for If-None-Match (RFC 9110 8.8.3).")
UNCHANGED = Answer(304, mark("The caller has it already: nothing changed since the ETag in If-None-Match."))
IF_NONE_MATCH = Parameter(
    "If-None-Match",
    mark("The ETag of what the caller has."),
    {**TEXT, "pattern": r'^(W/)?"[!#-~]*"$'},
    "header",
)
AFTER = mark("The cursor of the answer before; without it, from the beginning.")


def limit(usual: int, most: int) -> Parameter:
    """How many entries a page is to have."""
    return Parameter("limit", mark("How many entries the answer has at most."), number(1, most, usual))


def problems_of(words: Described, authentication: str) -> tuple[int, ...]:
    """Every status that comes as a problem document."""
    asks_for_token = authentication.startswith("token ")
    promises_nothing = authentication == "public" or words.each
    of_access = (401, 403, 503) if asks_for_token else () if promises_nothing else (503,)
    of_body = (413, 415) if words.body is not None and asks_for_token else ()
    mixed = tuple(answer.status for answer in words.answers if answer.or_problem)
    return tuple(sorted({*words.problems, *of_access, *of_body, *mixed}))
