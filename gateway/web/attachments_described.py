"""How the door of uploaded contents describes itself."""

from __future__ import annotations

from gateway.i18n import mark
from gateway.web.openapi import common
from gateway.web.openapi.described import Answer, Body, Described, Parameter
from gateway.web.openapi.schema import DIGEST, OCTETS, TEXT

_ANY = "application/octet-stream"
_DIGEST = Parameter(
    "digest", mark("SHA-256 of the whole content, in lower-case hexadecimal."), DIGEST, "path", required=True
)
_HOW_FAR = {
    "Upload-Offset": mark("How many octets of the content the hub has."),
    "Upload-Length": mark("How many octets the content has."),
    "Upload-Complete": mark("?1 once the content is complete, else ?0."),
}
_WHERE = {"Location": mark("Where the content is."), **_HOW_FAR}
PUT = Described(
    common.SENDING,
    mark("Upload a content before the letters that list it"),
    (
        Answer(201, mark("The content is complete, and its digest is right."), headers=_WHERE),
        Answer(202, mark("What came is kept; the rest is still to be sent."), headers=_WHERE),
    ),
    detail=mark(
        "Without Content-Range the request brings the whole content. After a cut, ask with HEAD how far it "
        "came, and go on from there. What no letter lists is deleted after some days."
    ),
    parameters=(
        _DIGEST,
        Parameter(
            "Content-Range",
            mark("Which octets the request brings: bytes first-last/length."),
            {**TEXT, "pattern": r"^bytes [0-9]{1,15}-[0-9]{1,15}/[0-9]{1,15}$"},
            "header",
        ),
    ),
    body=Body({_ANY: OCTETS}),
    problems=(409, 411, 422, 429),
)
HEAD = Described(
    common.SENDING,
    mark("Ask how far an upload has come"),
    (Answer(200, mark("The party has the content, or a part of it."), headers=_HOW_FAR),),
    parameters=(_DIGEST,),
    problems=(404,),
)
