"""Webhooks over HTTP, and the events that a listener heard, with their seals verified."""

from __future__ import annotations

import json
from typing import Any

from gateway.domain.transit.webhook import EVENT_TYP
from gateway.trust.assertion import make_assertion
from gateway.trust.jws import COMPACT, open_jws, verify_jws
from tests.support.hub import MINISTRY, NAMES, HubUnderTest, token_form
from tests.support.listener import Heard

WEBHOOKS = "/api/v1/webhooks"


def bearer(hub: HubUnderTest, party: str = MINISTRY, scope: str = "webhooks") -> dict[str, str]:
    """The headers of a party's call."""
    address = "http://127.0.0.1:8080/oauth2/token"
    name = hub.gateway.ambient.random_bytes(8).hex()
    assertion = make_assertion(hub.sealer(NAMES[party]).key, party, address, name, hub.clock())
    answer = hub.client.post("/oauth2/token", data=token_form(assertion, scope=scope))
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json['access_token']}"}


def call(
    hub: HubUnderTest, method: str, path: str = "", body: object = None, party: str = MINISTRY, **headers: str
) -> Any:
    """What the door answers; a body of octets goes as it is."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    kind = {"Content-Type": "application/json"} if data is not None else {}
    return hub.client.open(
        f"{WEBHOOKS}{path}", method=method, headers={**bearer(hub, party), **kind, **headers}, data=data
    )


def subscribe(hub: HubUnderTest, url: str, party: str = MINISTRY, **wanted: Any) -> str:
    """A new subscription's identifier."""
    answer = call(hub, "POST", body={"url": url, **wanted}, party=party)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def event_in(hub: HubUnderTest, heard: Heard) -> dict[str, Any]:
    """The event in a request, sealed by the hub: its test seal where it says test, and only there."""
    assert heard.media_type == COMPACT
    gated = open_jws(heard.body, COMPACT, typ=EVENT_TYP)
    signed = verify_jws(gated)
    event: dict[str, Any] = json.loads(signed.signed_bytes)
    assert signed.certificate == hub.gateway.issuing.seals.choose(event["test"]).certificate
    assert heard.key == event["id"]
    return event
