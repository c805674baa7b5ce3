"""How the door of batches describes itself."""

from __future__ import annotations

from gateway.i18n import mark
from gateway.web.bodies import JSON
from gateway.web.openapi import common
from gateway.web.openapi.described import Body, Described, Example, members
from gateway.web.openapi.schema import (
    ADDRESS,
    OCTETS,
    REFERENCE,
    TEXT,
    asked,
    listed,
    number,
    one_of,
    record,
)
from gateway.wire.mime_mixed import MIXED

_OUTCOME = record(
    "Outcome",
    optional=("reference", "location", "mediaType", "receipt", "problem", "retryAfter"),
    status=number(200, 599),
    reference=REFERENCE,
    location=ADDRESS,
    mediaType=TEXT,
    receipt={"type": "string", "contentEncoding": "base64"},
    problem=common.PROBLEM_DOCUMENT,
    retryAfter=number(0, 1 << 31),
)
_BATCH = asked(
    "Batch",
    needed=("envelopes",),
    envelopes=listed(
        asked(
            "BatchedEnvelope",
            needed=("mediaType", "content"),
            mediaType=one_of((common.XML, common.JOSE, common.FLAT)),
            content=TEXT,
        )
    ),
)
SUBMIT = Described(
    common.SENDING,
    mark("Send many signed letters"),
    (
        members(
            200,
            mark("An outcome for each envelope, in their order: its receipt, or what is wrong."),
            record("Outcomes", outcomes=listed(_OUTCOME)),
        ),
    ),
    detail=mark(
        "Each is taken or refused by itself, as if it had come alone; the whole batch is safe to repeat. "
        "Contents are uploaded before. In JSON a content is base64, or a compact JWS as it is."
    ),
    body=Body(
        {MIXED: OCTETS, JSON: _BATCH},
        {JSON: (Example("one", {"envelopes": [{"mediaType": common.XML, "content": "PGEvPg=="}]}),)},
    ),
    problems=(413, 415, 422),
    each=True,
)
