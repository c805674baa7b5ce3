"""Deliveries brought to a state as a worker would bring them."""

from __future__ import annotations

from datetime import timedelta

from gateway.bootstrap import letters, verbs
from gateway.domain.errors import Permanent, Temporary
from gateway.domain.evidence.receipt import Place
from gateway.domain.transit.states import Transport
from gateway.exchange.transit.letters import Case
from gateway.store.transit import queries
from gateway.store.transit.models import DeliveryRow
from tests.support.hub import COMMUNE_OFFICE, HubUnderTest
from tests.support.systems import accept, state

NO_TITLE = Permanent("WASL-DLV-007", "no title")
BUSY = Temporary("WASL-DLV-002", "HTTP 503")


def case_of(hub: HubUnderTest, delivery: str) -> Case:
    """The delivery as it is now."""
    return letters(hub.gateway).case(delivery)


def claimed(hub: HubUnderTest, delivery: str) -> str:
    """A delivery under a worker's lease, whoever's turn it was."""
    now = hub.clock()
    with hub.gateway.store.write() as session:
        row = session.get_one(DeliveryRow, delivery)
        queries.move(session, row, Transport.DELIVERING, now, "worker-1")
        row.lease_owner, row.lease_until = f"worker-1#{delivery[-12:]}", now + timedelta(minutes=5)
    return delivery


def bring(hub: HubUnderTest, delivery: str, to: str, doubt: bool = False) -> str:
    """A queued delivery brought to another state."""
    if to == "QUEUED":
        return delivery
    case, outcomes = case_of(hub, claimed(hub, delivery)), verbs(hub.gateway, "worker-1").outcomes
    later = hub.clock() + timedelta(hours=1)
    if to == "WAITING":
        outcomes.wait(case, BUSY, later, doubt)
    elif to == "HELD":
        outcomes.hold(case, NO_TITLE, later, doubt)
    elif to == "AVAILABLE":
        outcomes.make_available(case, Place.INBOX)
    assert state(hub, delivery) == to
    return delivery


def in_state(hub: HubUnderTest, to: str, doubt: bool = False, office: str = COMMUNE_OFFICE) -> str:
    """A fresh delivery in a state."""
    [delivery] = accept(hub, office)
    return bring(hub, delivery, to, doubt)
