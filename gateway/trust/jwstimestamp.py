"""A time-stamp over the signature of a JSON receipt: JAdES ``sigTst`` (ETSI TS 119 182-1 5.3.4)."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from gateway.strictjson import read_strict
from gateway.trust.timestamp import BadToken, TimeSource

UNSIGNED = "etsiU"
"""The member of the unprotected header that holds what was added after signing (TS 119 182-1 5.3.1)."""

_LARGEST = 2 * 1024 * 1024
_DEPTH = 32
_PARTS = 3


def jws_timestamp(raw: bytes) -> tuple[bytes, bytes] | None:
    """The token beside a flattened JWS's signature and the octets that it must cover; None without one.

    They are the base64url text of the signature value. Only the form that `add_jws_timestamp` makes is
    read: one token, in an ``etsiU`` of plain objects.

    Args:
        raw: a JWS that `gateway.trust.jws.open_jws` has let through; a compact one has no time-stamp.

    Raises:
        BadToken: ``malformed``, more than one time-stamp, or one of another form.
    """
    if not raw.lstrip().startswith(b"{"):
        return None
    try:
        members = _members(raw)
        if UNSIGNED not in members.get("header", {}):
            return None
        return _token(members["header"][UNSIGNED]), str(members["signature"]).encode("ascii")
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise BadToken("malformed", "a time-stamp of another form") from error


def add_jws_timestamp(compact: bytes, source: TimeSource) -> bytes:
    """A compact JWS in flattened form with a token over its signature beside it (RFC 7515 7.2.2).

    Raises:
        Unavailable: nobody can stamp now.
        BadToken: ``malformed``, no compact JWS.
    """
    parts = compact.split(b".")
    if len(parts) != _PARTS:
        raise BadToken("malformed", "no compact JWS")
    protected, payload, signature = (part.decode("ascii") for part in parts)
    stamp = source.stamp(hashlib.sha256(parts[-1]).digest())
    value = base64.b64encode(stamp.token.octets).decode("ascii")
    members = {
        "payload": payload,
        "protected": protected,
        "header": {UNSIGNED: [{"sigTst": {"tstTokens": [{"val": value}]}}]},
        "signature": signature,
    }
    return json.dumps(members, separators=(",", ":")).encode("ascii")


def _members(raw: bytes) -> dict[str, Any]:
    if len(raw) > _LARGEST:
        raise ValueError("too large")
    members = read_strict(raw, _DEPTH)
    if not isinstance(members, dict):
        raise TypeError("no object")
    return members


def _token(unsigned: Any) -> bytes:
    (added,) = unsigned
    (container,) = _only(added, "sigTst")
    (token,) = _only(container, "tstTokens")[0]
    (value,) = _only(token, "val")
    return base64.b64decode(value.encode("ascii"), validate=True)


def _only(members: Any, name: str) -> tuple[Any]:
    if not isinstance(members, dict) or set(members) != {name}:
        raise TypeError(f"not {name} alone")
    return (members[name],)
