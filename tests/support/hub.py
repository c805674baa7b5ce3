"""A hub of a test's own: a temporary home, registered parties, signed letters, a clock that stands still."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from gateway import home
from gateway.bootstrap import Gateway, build, dispatcher
from gateway.cli.compose import JWS, XML, SignedLetter, sign
from gateway.domain.identifiers import directory_id, uuid7
from gateway.domain.transit.envelope import Envelope, Purpose, Recipient
from gateway.domain.transit.persons import Sender
from gateway.exchange.clock import Ambient
from gateway.exchange.registry.declared import read_declared
from gateway.exchange.transit.dispatch import Dispatch
from gateway.settings import Settings, load
from gateway.trust.assertion import make_assertion
from gateway.trust.seal import KeySealer
from gateway.web.app import create_app
from gateway.wire.mime import write_related

MINISTRY, COMMUNE, AGENCY, PLATFORM = (directory_id("A", n) for n in (1, 2, 3, 4))
MINISTRY_OFFICE, COMMUNE_OFFICE, AGENCY_OFFICE, TEST_OFFICE = (
    directory_id("B", n) for n in (1, 2, 3, 5)
)
NAMES = {MINISTRY: "ministry", COMMUNE: "commune", AGENCY: "agency", PLATFORM: "platform"}


@dataclass
class Clock:
    """A clock that moves only when told."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **delta: float) -> None:
        self.moment += timedelta(**delta)


def names(text: str) -> dict[str, str]:
    return {"ar": f"{text} (ar)", "fr": f"{text} (fr)", "en": text}


def registry_table(pki: Any, routes: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """A registry file's table: four parties with certificates and their offices."""
    routes = routes or {}
    hub_office = {"kind": "office"}
    readers = ["order-office-1", "order-office-2"]
    kinds = {PLATFORM: "platform"}
    parties = [
        {
            "id": party,
            "kind": kinds.get(party, "administration"),
            "names": names(f"DEMONSTRATION {name}"),
            "may_represent": party == PLATFORM,
            "certificate": [{"file": str(pki.certificate_path(name))}],
        }
        for party, name in NAMES.items()
    ]
    offices = [
        {
            "id": office,
            "party": party,
            "names": names(f"office of the {NAMES[party]}"),
            "default": True,
            "readers": readers,
            "document_types": {"request": "REQ"},
            "route": dict(routes.get(office, hub_office)),
        }
        for office, party in (
            (MINISTRY_OFFICE, MINISTRY),
            (COMMUNE_OFFICE, COMMUNE),
            (AGENCY_OFFICE, AGENCY),
        )
    ]
    offices.append(
        {
            "id": TEST_OFFICE,
            "party": AGENCY,
            "names": names("office for tests"),
            "readers": readers,
            "route": {"kind": "office", "accepts_test": True},
        }
    )
    return {"party": parties, "office": offices}


@dataclass
class HubUnderTest:
    """A built hub with its PKI; `client` speaks HTTP to it without a network."""

    gateway: Gateway
    pki: Any
    clock: Clock

    @property
    def client(self) -> FlaskClient:
        app = create_app(self.gateway.settings, self.gateway.services, self.gateway.languages)
        return app.test_client()

    @property
    def home(self) -> Path:
        return self.gateway.settings.home

    def sealer(self, name: str) -> KeySealer:
        return KeySealer.from_files(self.pki.key_path(name), self.pki.certificate_path(name))

    def envelope(self, **changes: Any) -> Envelope:
        base = Envelope(
            version="1.0",
            hub="DEMO-HUB",
            message_id=uuid7(os.urandom),
            purpose=Purpose.LETTER,
            created_at=self.clock(),
            sender=Sender(MINISTRY),
            recipients=(Recipient(office=AGENCY_OFFICE),),
            subject="DEMONSTRATION: request for a document",
            language="en",
            document_type="request",
            body="Please find our request.",
        )
        return replace(base, **changes)

    def signed(
        self,
        envelope: Envelope | None = None,
        media_type: str = XML,
        by: str = "ministry",
        files: tuple[Path, ...] = (),
    ) -> SignedLetter:
        return sign(envelope or self.envelope(), self.sealer(by), media_type, self.clock(), files)

    def post(self, letter: SignedLetter, path: str = "/api/v1/envelopes", **headers: str) -> Any:
        if not letter.parts:
            return self.client.post(
                path, data=letter.root, content_type=letter.media_type, headers=headers
            )
        content_type, chunks, _ = write_related(letter.root, letter.media_type, letter.parts)
        return self.client.post(
            path, data=b"".join(chunks), content_type=content_type, headers=headers
        )

    def token(self, party: str = MINISTRY) -> str:
        name = NAMES[party]
        address = "http://127.0.0.1:8080/oauth2/token"
        assertion = make_assertion(
            self.sealer(name).key, party, address, os.urandom(8).hex(), self.clock()
        )
        answer = self.client.post("/oauth2/token", data=token_form(assertion))
        assert answer.status_code == 200, answer.text
        return str(answer.json["access_token"])

    def get(self, path: str, party: str = MINISTRY, **headers: str) -> Any:
        return self.client.get(
            path, headers={"Authorization": f"Bearer {self.token(party)}", **headers}
        )

    def dispatch(self, owner: str = "worker-1") -> Dispatch:
        return dispatcher(self.gateway, owner)


def token_form(assertion: str, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
        **changes,
    }


def make_settings(folder: Path, **environment: str) -> Settings:
    return load({"WASL_HOME": str(folder), **environment})


def make_hub(
    folder: Path,
    routes: Mapping[str, Mapping[str, Any]] | None = None,
    adapters: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
    **environment: str,
) -> HubUnderTest:
    """A hub with four registered parties; ``adapters`` are added to the installed ones."""
    clock = clock or Clock()
    settings = make_settings(folder, **environment)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        home.prepare(settings)
    module = home.testpki()
    pki = module.load(folder, clock())
    for name in NAMES.values():
        if name not in pki.holders:
            module.issue_party(pki, name, organization=f"DEMONSTRATION {name}")
    gateway = build(settings, Ambient(now=clock, chance=lambda: 0.0))
    gateway = replace(gateway, adapters={**gateway.adapters, **(adapters or {})})
    checks = {name: adapter.check_options for name, adapter in gateway.adapters.items()}
    declared = read_declared(registry_table(pki, routes), folder, gateway.languages, checks)
    gateway.registry.apply(declared, "tests")
    return HubUnderTest(gateway, pki, clock)


__all__ = ["JWS", "XML", "Clock", "HubUnderTest", "make_hub", "make_settings", "token_form"]
