"""How the doors of the ledgers describe themselves."""

from __future__ import annotations

from gateway.i18n import mark
from gateway.web.openapi import common
from gateway.web.openapi import schema as shape
from gateway.web.openapi.described import Answer, Body, Described, Parameter, octets

NOTE = "text/plain; charset=utf-8"
TOKEN = "application/timestamp-reply"  # noqa: S105 - a media type (RFC 3161 3.4)
OCTETS = "application/octet-stream"

_SIZE = mark("A number of entries.")
_SAME = Answer(304, mark("It is still what the caller has (If-None-Match)."))


def _size(name: str) -> Parameter:
    return Parameter(name, _SIZE, shape.number(0, 10**18 - 1), "path", required=True)


def _path(name: str, says: str) -> Parameter:
    return Parameter(name, says, shape.TEXT, "path", required=True)


def _read(summary: str, says: str, media_type: str, *parameters: Parameter, also: str = "") -> Described:
    kinds = (media_type, also) if also else (media_type,)
    answers = (octets(200, says, *kinds), _SAME)
    return Described(common.EVIDENCE, summary, answers, parameters=parameters, problems=(404, 503))


CHECKPOINT = _read(
    mark("Fetch the latest checkpoint of the ledger"),
    mark("A signed checkpoint (C2SP tlog-checkpoint)."),
    NOTE,
).but(detail=mark("Everything below /ledger/test is the same of the separate ledger for tests."))
PROOF = _read(
    mark("Fetch the proof that a receipt is in the ledger"),
    mark("A proof (C2SP tlog-proof), or with .tsr the time-stamp of its checkpoint (RFC 3161)."),
    NOTE,
    _path("name", mark("The receipt’s content digest, with .tsr behind it for the time-stamp.")),
    also=TOKEN,
)
TOKEN_OF = _read(
    mark("Fetch the time-stamp of a checkpoint"),
    mark("A time-stamp (RFC 3161)."),
    TOKEN,
    _size("size"),
)
CONSISTENCY = _read(
    mark("Fetch the proof that the ledger only grew"),
    mark("Hashes, a line of base64 each (RFC 6962 2.1.2)."),
    NOTE,
    _size("old"),
    _size("new"),
)
COSIGNATURES = _read(
    mark("Fetch the witnesses’ signatures of a checkpoint"),
    mark("Signature lines, none where nobody signed."),
    NOTE,
    _size("size"),
)
COSIGN = Described(
    common.EVIDENCE,
    mark("Hand in a witness’s signature of a checkpoint"),
    (Answer(204, mark("It is kept.")),),
    detail=mark(
        "The signature line (C2SP tlog-cosignature) of a witness that the hub knows is its own proof."
    ),
    parameters=(_size("size"),),
    body=Body({"text/plain": shape.TEXT}),
    problems=(404, 413, 422),
)
_TILE = mark("A tile’s number in the paths of C2SP tlog-tiles, such as x001/x234/067 or 000.p/5.")
ENTRIES = _read(
    mark("Fetch entries of the ledger"), mark("The entries of a tile."), OCTETS, _path("path", _TILE)
)
TILE = _read(
    mark("Fetch hashes of the ledger"),
    mark("The hashes of a tile."),
    OCTETS,
    _path("level", mark("The level of the tile, from 0.")),
    _path("path", _TILE),
)
