"""A document system that follows a script, and a hub whose commune has it."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from sqlalchemy import select

from adapters.contract import Context, Delivered, Letter, Response
from gateway import assets
from gateway.domain.evidence.receipt import Receipt
from gateway.domain.transit.envelope import Recipient
from gateway.exchange.clock import Ambient
from gateway.store.evidence.models import ReceiptRow
from gateway.store.transit import queries
from gateway.store.transit.models import Attempt, DeliveryEvent, DeliveryRow
from gateway.wire.receipts import read_receipt_json
from tests.support.hub import (
    AGENCY_OFFICE,
    COMMUNE_OFFICE,
    MINISTRY_OFFICE,
    XML,
    Clock,
    HubUnderTest,
    make_hub,
    make_settings,
    with_adapters,
)
from tests.support.shapes import Shape, present
from tests.support.shared import built

TAKEN = Delivered(b'{"numero": "C-1"}', "application/json", "C-1")
"""What the system answers when its script says nothing else."""

Step = Delivered | Exception | Callable[[Letter, Context], Delivered]


@dataclass
class Simulator:
    """A kind that answers as scripted and remembers what it was given.

    Attributes:
        script: one step for each delivery to come; afterwards it takes everything.
    """

    script: list[Step] = field(default_factory=list)
    idempotent: bool = False
    kind: str = "simulator"
    streams: bool = True
    letters: list[Letter] = field(default_factory=list)

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        return []

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        self.letters.append(letter)
        step = self.script.pop(0) if self.script else TAKEN
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, Delivered) else step(letter, context)


@dataclass
class Searchable(Simulator):
    """A kind that can be asked for an earlier delivery.

    Attributes:
        known: one answer for each question to come; afterwards it knows nothing.
    """

    known: list[Delivered | Exception | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def find(self, delivery_id: str, reference: str, context: Context) -> Delivered | None:
        self.asked.append(delivery_id)
        answer = self.known.pop(0) if self.known else None
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class SomeRoutes(Searchable):
    """A kind whose abilities are in the route's options."""

    def honours_repeats(self, options: Mapping[str, Any]) -> bool:
        return bool(options.get("repeats"))

    def can_find(self, options: Mapping[str, Any]) -> bool:
        return bool(options.get("find"))


class Wire:
    """The way out, without a network: every request is taken, or ``trouble`` raised."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self.requests: list[str] = []

    def request(self, method: str, url: str, **_: Any) -> Response:
        self.requests.append(f"{method} {url}")
        if self.trouble is not None:
            raise self.trouble
        return Response(200, {}, b"")


ROUTES: Mapping[str, Mapping[str, Any]] = {
    COMMUNE_OFFICE: {"kind": "adapter", "adapter": "simulator"},
    MINISTRY_OFFICE: {"kind": "inbox"},
    AGENCY_OFFICE: {"kind": "office"},
}


@cache
def _template(_shape: Shape) -> tuple[Path, str]:
    """A home made once, and its database's address; making keys and tables takes longer than most tests."""
    folder = Path(mkdtemp(prefix="wasl-home-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    hub = make_hub(folder, ROUTES, {"simulator": Simulator()})
    hub.gateway.store.engine.dispose()
    return folder, hub.gateway.settings.database.url


@cache
def _pki(template: Path) -> Any:
    """The template's keys and certificates, read once."""
    return assets.testpki().load(template, datetime.now(UTC))


def fresh_hub(
    folder: Path, system: Simulator, clock: Clock | None = None, **environment: str
) -> HubUnderTest:
    """A hub of its own: the commune has ``system``, the ministry an inbox, the agency the hub's office."""
    clock = clock or Clock()
    template, database = _template(present())
    shutil.copytree(template, folder, dirs_exist_ok=True)
    environment = {**present().environment(database), **environment}
    gateway = built(make_settings(folder, **environment), Ambient(now=clock, chance=lambda: 0.0))
    gateway = with_adapters(gateway, {system.kind: system})
    kept = _pki(template)
    pki = replace(
        kept,
        directory=folder,
        now=clock(),
        holders=dict(kept.holders),
        revoked={authority: dict(serials) for authority, serials in kept.revoked.items()},
    )
    return HubUnderTest(gateway, pki, clock)


def route_of_commune(hub: HubUnderTest, **route: Any) -> None:
    """Give the commune another route."""
    office = next(one for one in hub.gateway.registry.export()["office"] if one["id"] == COMMUNE_OFFICE)
    hub.apply({"office": [{**office, "route": {"kind": "adapter", "adapter": "simulator", **route}}]})


def accept(
    hub: HubUnderTest,
    *offices: str,
    media_type: str = XML,
    files: tuple[Path, ...] = (),
    **changes: Any,
) -> list[str]:
    """Send a letter, by default to the commune; the identifiers of its deliveries."""
    recipients = tuple(Recipient(office=office) for office in offices or (COMMUNE_OFFICE,))
    letter = hub.signed(hub.envelope(recipients=recipients, **changes), media_type, files=files)
    answer = hub.post(letter)
    assert answer.status_code == 201, answer.text
    reference = answer.headers["Location"].rpartition("/")[2]
    with hub.gateway.store.read() as session:
        message = queries.accepted_by_reference(session, reference)
        assert message is not None
        return [row.id for row in queries.deliveries(session, message.id)]


def row(hub: HubUnderTest, delivery: str) -> DeliveryRow:
    with hub.gateway.store.read() as session:
        return session.get_one(DeliveryRow, delivery)


def state(hub: HubUnderTest, delivery: str) -> str:
    return row(hub, delivery).state


def attempts(hub: HubUnderTest, delivery: str) -> list[Attempt]:
    with hub.gateway.store.read() as session:
        return queries.attempts(session, delivery)


def events(hub: HubUnderTest, delivery: str) -> list[DeliveryEvent]:
    with hub.gateway.store.read() as session:
        return queries.events(session, delivery)


def states(hub: HubUnderTest, delivery: str) -> list[str]:
    """Every state of the transport track, in order."""
    return [event.now for event in events(hub, delivery) if event.track == "transport"]


def receipt_rows(hub: HubUnderTest, delivery: str) -> list[ReceiptRow]:
    with hub.gateway.store.read() as session:
        query = select(ReceiptRow).where(ReceiptRow.delivery == delivery).order_by(ReceiptRow.id)
        return list(session.scalars(query))


def receipts(hub: HubUnderTest, delivery: str) -> list[Receipt]:
    """The receipts of one delivery, in order; the acceptance is the message's."""
    return [read_receipt_json(one.content) for one in receipt_rows(hub, delivery)]


def acceptance_digest(hub: HubUnderTest, delivery: str) -> str:
    """The content digest of the acceptance that the delivery's chain begins with."""
    with hub.gateway.store.read() as session:
        message = session.get_one(DeliveryRow, delivery).message
        query = select(ReceiptRow).where(ReceiptRow.message == message).order_by(ReceiptRow.id)
        return session.scalars(query).first().content_digest  # type: ignore[union-attr]
