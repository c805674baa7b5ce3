"""A hub whose commune has a document system on a real socket, and the versions of its route."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gateway.bootstrap import versions as build
from gateway.exchange.registry.versions_checks import Checked
from gateway.exchange.registry.versions_look import VersionLine
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest
from tests.support.listener import Listener, Reply
from tests.support.systems import Simulator, fresh_hub, route_of_commune

TAKEN = Reply(body=b'{"number": "C-1"}')
BODY = {"objet": "envelope.subject", "type": "code(envelope.documentType, 'types')", "texte": "envelope.body"}
TYPES = {"request": "DEM", "*": "AUTRE"}


def options(address: str, **changes: Any) -> dict[str, Any]:
    """A route of kind ``rest``; ``changes`` replace what it says."""
    return {
        "base_url": address,
        "auth": {"kind": "header", "header": "X-Key", "secret": "commune-key"},
        "idempotency_header": "Idempotency-Key",
        "tables": {"types": TYPES},
        "create": {
            "path": "/letters",
            "body": BODY,
            "success": "number",
            "reads": {"register_number": "number", "target_reference": "number"},
        },
        **changes,
    }


def created(path: str = "/letters", **body: str) -> dict[str, Any]:
    """The first call with another path or body."""
    return {**options("")["create"], "path": path, "body": {**BODY, **body}}


def table(address: str, **changes: Any) -> dict[str, Any]:
    """What a file of a draft holds."""
    route = {"kind": "adapter", "adapter": "rest", "options": options(address, **changes)}
    return {"route": route}


def town(folder: Path, listener: Listener, **environment: str) -> HubUnderTest:
    """A hub with the route to ``listener`` active, which takes everything under a number."""
    listener.usual = TAKEN
    hub = fresh_hub(folder, Simulator(), None, WASL_OUTGOING_ALLOW="127.0.0.1", **environment)
    secrets = hub.home / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    (secrets / "commune-key").write_text("k-1\n")
    route_of_commune(hub, adapter="rest", options=options(listener.url))
    return hub


def draft(hub: HubUnderTest, content: dict[str, Any], author: str = "writer", note: str = "") -> int:
    return build.versions(hub.gateway).draft(COMMUNE_OFFICE, content, author, note)


def checked(hub: HubUnderTest, number: int, by: str = "tester", letters: int = 20) -> Checked:
    content = build.looks(hub.gateway).content(COMMUNE_OFFICE, number)
    return build.checks(hub.gateway).run(content, by, letters)


def activated(hub: HubUnderTest, content: dict[str, Any], by: str = "operator") -> int:
    """Draft, test and activate."""
    number = draft(hub, content)
    assert checked(hub, number).holds
    build.versions(hub.gateway).activate(COMMUNE_OFFICE, number, by)
    return number


def history(hub: HubUnderTest) -> list[VersionLine]:
    return build.looks(hub.gateway).history(COMMUNE_OFFICE)


def stages(hub: HubUnderTest) -> dict[int, str]:
    return {one.number: one.state for one in history(hub)}


def told(listener: Listener) -> list[dict[str, Any]]:
    """The bodies that the system got."""
    return [json.loads(one.body) for one in listener.heard]
