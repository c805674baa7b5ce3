"""An access token of a benchmark's party."""

from __future__ import annotations

import http.client
import json
import secrets
import urllib.parse
from datetime import UTC, datetime

from common import PORT, URL

from gateway.trust.assertion import make_assertion
from gateway.trust.seal import KeySealer

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def bearer(party: str, sealer: KeySealer, scope: str) -> dict[str, str]:
    """The header of a call with a fresh token of this scope (RFC 7523).

    Raises:
        SystemExit: the hub gave none.
    """
    address = f"{URL}/oauth2/token"
    assertion = make_assertion(sealer.key, party, address, secrets.token_hex(16), datetime.now(UTC))
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": _ASSERTION,
        "client_assertion": assertion,
        "scope": scope,
    }
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    connection.request("POST", "/oauth2/token", urllib.parse.urlencode(form), _FORM)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"no token: {answer.status} {body.decode()[:200]}")
    return {"Authorization": f"Bearer {json.loads(body)['access_token']}"}
