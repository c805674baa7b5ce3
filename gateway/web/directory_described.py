"""How the door to the directory describes itself."""

from __future__ import annotations

from gateway.domain.registry.directory import RouteHealth
from gateway.exchange.registry.directory import MOST
from gateway.i18n import mark
from gateway.web.openapi import common
from gateway.web.openapi.described import Described, Parameter, members
from gateway.web.openapi.schema import (
    ADDRESS,
    BOOLEAN,
    COUNT,
    DAY,
    DIRECTORY_ID,
    TEXT,
    listed,
    mapping,
    one_of,
    or_null,
    record,
)

USUAL, LONGEST = 50, 200
_OFFICE = record(
    "Office",
    id=DIRECTORY_ID,
    party=DIRECTORY_ID,
    names=mapping(TEXT),
    partyNames=mapping(TEXT),
    default=BOOLEAN,
    documentTypes=listed(TEXT),
    formats=listed(TEXT),
    maxBytes=or_null(COUNT),
    maxAttachmentBytes=COUNT,
    acceptsTest=BOOLEAN,
    closesAt=or_null(DAY),
    successor=or_null(DIRECTORY_ID),
    forwards=or_null(BOOLEAN),
    health=one_of(RouteHealth),
    encryptionCertificate=or_null({"type": "string", "contentEncoding": "base64"}),
    href=ADDRESS,
)
OFFICES = Described(
    common.SENDING,
    mark("Find the order offices that receive"),
    (
        members(
            200,
            mark("Offices with what they take and how letters reach them now."),
            record("Offices", offices=listed(_OFFICE), next=or_null(ADDRESS)),
            ETag=common.ETAG,
        ),
        common.UNCHANGED,
    ),
    parameters=(
        Parameter("q", mark("Words of a name, in any language."), {**TEXT, "maxLength": LONGEST}),
        Parameter("party", mark("Only offices of this body."), DIRECTORY_ID),
        Parameter("after", common.AFTER, DIRECTORY_ID),
        common.limit(USUAL, MOST),
        common.IF_NONE_MATCH,
    ),
    problems=(422,),
)
OFFICE = Described(
    common.SENDING,
    mark("See what an order office takes"),
    (
        members(200, mark("The office."), _OFFICE, ETag=common.ETAG),
        common.UNCHANGED,
    ),
    parameters=(
        Parameter("office", mark("The office, by its identifier."), DIRECTORY_ID, "path", required=True),
        common.IF_NONE_MATCH,
    ),
    problems=(404,),
)
