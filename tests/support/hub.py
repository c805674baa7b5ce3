"""A hub of a test's own: a temporary home, registered parties, signed letters, a clock that stands still."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from gateway import assets, home
from gateway.bootstrap import Gateway, dispatcher
from gateway.bootstrap.telling import telling_checks
from gateway.cli.compose import JWS, XML, SignedLetter, sign
from gateway.domain.evidence.receipt import Receipt
from gateway.domain.identifiers import directory_id, uuid7
from gateway.domain.transit.envelope import Envelope, Purpose, Recipient
from gateway.domain.transit.persons import Sender
from gateway.exchange.clock import Ambient
from gateway.exchange.operate.reach import Reach
from gateway.exchange.registry.declared import read_declared
from gateway.exchange.transit.dispatch import Dispatch
from gateway.settings import Settings, load
from gateway.store.base import Base
from gateway.store.engine import make_engine
from gateway.store.migrate import upgrade
from gateway.store.registry.models import AccessToken, SeenAssertion
from gateway.trust.assertion import make_assertion
from gateway.trust.seal import KeySealer
from gateway.verifier.opening import open_receipt
from gateway.web.app import create_app
from gateway.web.services import Services
from gateway.wire.mime import write_related
from tests.support import shapes
from tests.support.described import DescribedClient
from tests.support.shared import built

MINISTRY, COMMUNE, AGENCY, PLATFORM = (directory_id("A", n) for n in (1, 2, 3, 4))
MINISTRY_OFFICE, COMMUNE_OFFICE, AGENCY_OFFICE, TEST_OFFICE = (directory_id("B", n) for n in (1, 2, 3, 5))
NAMES = {MINISTRY: "ministry", COMMUNE: "commune", AGENCY: "agency", PLATFORM: "platform"}


@dataclass
class Clock:
    """A clock that moves only when told."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **delta: float) -> None:
        self.moment += timedelta(**delta)

    @contextmanager
    def moved(self, **delta: float) -> Iterator[None]:
        """Another time for the length of the block."""
        before = self.moment
        self.forward(**delta)
        try:
            yield
        finally:
            self.moment = before


def names(text: str) -> dict[str, str]:
    return {"ar": f"{text} (ar)", "fr": f"{text} (fr)", "en": text}


def party_table(pki: Any, party: str) -> dict[str, Any]:
    """One party as a registry file declares it."""
    name = NAMES[party]
    return {
        "id": party,
        "kind": "platform" if party == PLATFORM else "administration",
        "names": names(f"DEMONSTRATION {name}"),
        "may_represent": party == PLATFORM,
        "certificate": [{"file": str(pki.certificate_path(name))}],
    }


def registry_table(pki: Any, routes: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """A registry file's table: four parties with certificates and their offices."""
    routes = routes or {}
    hub_office = {"kind": "office"}
    readers = ["order-office-1", "order-office-2"]
    parties = [party_table(pki, party) for party in NAMES]
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


_TOKENS = (AccessToken.__tablename__, SeenAssertion.__tablename__)


def receipt_of(answer: Any) -> Receipt:
    """The sealed receipt in an answer, its seal's cryptography checked."""
    return open_receipt(answer.data, answer.mimetype).receipt


_BUILDING = Lock()
"""One for all hubs: a test may start several at once."""


@dataclass
class HubUnderTest:
    """A built hub with its PKI; `client` speaks HTTP to it without a network."""

    gateway: Gateway
    pki: Any
    clock: Clock
    _app: tuple[Services, Flask] | None = None

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    @property
    def app(self) -> Flask:
        """The web application over the present services; built again only when they change."""
        services = self.gateway.services
        with _BUILDING:  # Python 3.11 cannot parse in many threads at once, and routes are compiled
            if self._app is None or self._app[0] is not services:
                app = create_app(self.gateway.settings, services, self.gateway.languages, self.gateway.pack)
                app.test_client_class = DescribedClient
                self._app = (services, app)
            return self._app[1]

    @contextmanager
    def using(self, **services: Any) -> Iterator[None]:
        """The hub with some of its services replaced, for the length of the block."""
        before = self.gateway
        self.gateway = replace(before, services=replace(before.services, **services))
        try:
            yield
        finally:
            self.gateway = before

    def second(self) -> HubUnderTest:
        """Another process's gateway over the same home."""
        return HubUnderTest(built(self.gateway.settings, self.gateway.ambient), self.pki, self.clock)

    def apply(self, table: Mapping[str, Any], actor: str = "tests") -> list[str]:
        """Change the registry as a file with this table would."""
        checks = {name: adapter.check_options for name, adapter in self.gateway.adapters.items()}
        telling = telling_checks(self.gateway.adapters)
        declared = read_declared(table, self.home, self.gateway.languages, checks, telling)
        return self.gateway.registry.apply(declared, actor)

    def issue(self, holder: str, **certificate: Any) -> None:
        """Make a certificate of the parties' authority in the PKI, without registering it."""
        module = assets.testpki()
        module.issue(self.pki, holder, module.ISSUING, **certificate)

    def register(self, holder: str, party: str = MINISTRY, **certificate: Any) -> None:
        """Register a certificate of the PKI for a party besides those that it has."""
        entry = {"file": str(self.pki.certificate_path(holder)), **certificate}
        declared = party_table(self.pki, party)
        self.apply({"party": [{**declared, "certificate": [entry]}]})

    def kept(self) -> dict[str, int]:
        """How many rows each table holds, and how many payload files there are, begun ones too."""
        with self.gateway.store.read() as session:
            counts = {
                table.name: session.scalar(select(func.count()).select_from(table)) or 0
                for table in Base.metadata.sorted_tables
                if table.name not in _TOKENS
            }
        files = self.gateway.settings.payloads.directory.rglob("*")
        return counts | {"files": sum(path.is_file() for path in files)}

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
            return self.client.post(path, data=letter.root, content_type=letter.media_type, headers=headers)
        content_type, chunks, _ = write_related(letter.root, letter.media_type, letter.parts)
        return self.client.post(path, data=b"".join(chunks), content_type=content_type, headers=headers)

    def token(self, party: str = MINISTRY) -> str:
        name = NAMES[party]
        address = "http://127.0.0.1:8080/oauth2/token"
        assertion = make_assertion(self.sealer(name).key, party, address, os.urandom(8).hex(), self.clock())
        answer = self.client.post("/oauth2/token", data=token_form(assertion))
        assert answer.status_code == 200, answer.text
        return str(answer.json["access_token"])

    def get(self, path: str, party: str = MINISTRY, **headers: str) -> Any:
        return self.client.get(path, headers={"Authorization": f"Bearer {self.token(party)}", **headers})

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


def with_adapters(gateway: Gateway, adapters: Mapping[str, Any]) -> Gateway:
    """The same with more kinds installed."""
    every = {**gateway.adapters, **adapters}
    health = gateway.services.health
    health = replace(health, reach=Reach(gateway.store, every))
    reporting = replace(gateway.services.reporting, adapters=every)
    return replace(
        gateway, adapters=every, services=replace(gateway.services, health=health, reporting=reporting)
    )


def _lay_tables(settings: Settings) -> None:
    """A copy of tables that were made once, where the hub is to have its own in a file."""
    file = settings.home / "wasl.sqlite3"
    if settings.database.url == f"sqlite:///{file}" and not file.exists():
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_bytes(_tables())
        file.chmod(0o600)


@cache
def _tables() -> bytes:
    """A database with the present tables; every step that leads there takes half a second in all."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "tables.sqlite3"
        engine = make_engine(f"sqlite:///{file}", Path(folder) / "lock")
        upgrade(engine)
        engine.dispose()
        return file.read_bytes()


def make_hub(
    folder: Path,
    routes: Mapping[str, Mapping[str, Any]] | None = None,
    adapters: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
    **environment: str,
) -> HubUnderTest:
    """A hub with four registered parties; ``adapters`` are added to the installed ones."""
    clock = clock or Clock()
    settings = make_settings(folder, **{**shapes.present().environment(), **environment})
    _lay_tables(settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        home.prepare(settings)
    module = assets.testpki()
    pki = module.load(folder, clock())
    for name in NAMES.values():
        if name not in pki.holders:
            module.issue_party(pki, name, organization=f"DEMONSTRATION {name}")
    gateway = with_adapters(built(settings, Ambient(now=clock, chance=lambda: 0.0)), adapters or {})
    checks = {name: adapter.check_options for name, adapter in gateway.adapters.items()}
    declared = read_declared(registry_table(pki, routes), folder, gateway.languages, checks)
    gateway.registry.apply(declared, "tests")
    return HubUnderTest(gateway, pki, clock)


__all__ = [
    "JWS",
    "XML",
    "Clock",
    "HubUnderTest",
    "make_hub",
    "make_settings",
    "receipt_of",
    "token_form",
]
