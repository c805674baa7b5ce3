"""Forms that only the hub's own pages can send: a cookie and a field that belong together."""

from __future__ import annotations

import hashlib
import hmac

from flask import Request

FIELD = "token"
_OWN = frozenset({"same-origin", "none"})


def form_token(secret: str, nonce: str) -> str:
    """The field's value for a browser whose cookie holds ``nonce``; only who has ``secret`` can make it."""
    return hmac.new(secret.encode(), b"form:" + nonce.encode(), hashlib.sha256).hexdigest()


def own_form(request: Request, secret: str, cookie: str) -> bool:
    """Whether a form was sent by the hub's own page, lately enough for its secret to be the same.

    Browsers that say where a request comes from (Fetch Metadata) are believed when they say elsewhere;
    ``Origin`` cannot be asked, since the pages' referrer policy makes it ``null``.
    """
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in _OWN:
        return False
    nonce = request.cookies.get(cookie, "")
    offered = request.form.get(FIELD, "")
    return bool(nonce) and hmac.compare_digest(offered.encode(), form_token(secret, nonce).encode())
