"""Time-stamp authorities over HTTP (RFC 3161 3.4): one question, one bounded answer."""

from __future__ import annotations

from adapters.contract import Http
from gateway.domain.errors import Temporary

REQUEST_TYPE = "application/timestamp-query"
REPLY_TYPE = "application/timestamp-reply"
LARGEST_REPLY = 64 * 1024
"""Octets; a token with its certificates has some thousand."""

_OK = 200
_NO_ANSWER = "WASL-DLV-008"


def post(http: Http, url: str, request: bytes) -> bytes:
    """What the authority at ``url`` answers to a TimeStampReq: a TimeStampResp that nobody has read yet.

    Raises:
        DeliveryError: no answer came, or one that is no time-stamp reply.
    """
    headers = {"Content-Type": REQUEST_TYPE, "Accept": REPLY_TYPE}
    answer = http.request("POST", url, headers=headers, body=request)
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status != _OK or media_type != REPLY_TYPE:
        raise Temporary(_NO_ANSWER, f"status {answer.status}, {media_type[:60] or 'no media type'}")
    if len(answer.body) > LARGEST_REPLY:
        raise Temporary(_NO_ANSWER, f"more than {LARGEST_REPLY} octets")
    return answer.body
