"""Each move of a delivery: who makes it, which receipts it makes, who is told; every row is driven."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.bootstrap import fallback, lifecycle, verbs
from gateway.bootstrap.telling import held_alerts
from gateway.domain.errors import Ambiguous, Conflict, Declined, Fault, Permanent, Temporary
from gateway.domain.evidence.receipt import EVENTS_OF, Event, Place, ReceiptKind
from gateway.domain.transit.repairs import Decision
from gateway.domain.transit.states import OUTCOMES, TRANSPORT_MOVES, Transport
from gateway.exchange.transit.inbox import Reader
from gateway.exchange.transit.outcomes import Outcomes
from gateway.exchange.transit.repair import Repair
from gateway.store.transit.notice_models import NotificationRow
from tests.support.deliveries import case_of
from tests.support.hub import AGENCY_OFFICE, COMMUNE, COMMUNE_OFFICE, MINISTRY, HubUnderTest
from tests.support.systems import TAKEN, Simulator, accept, events, fresh_hub, receipt_rows, row, state

READERS = {"order-office-1": "first@commune.test", "order-office-2": "second@commune.test"}
HOW = Decision("operator-1", "the office asks for it")
DESK = Reader(COMMUNE, "Front desk", "client-1")
BUSY = Temporary("WASL-DLV-002", "HTTP 503")
CUT = Ambiguous("WASL-DLV-004", "the connection broke")
GONE = Permanent("WASL-DLV-005", "no")
GROUND = Fault("WASL-DLV-031")
Q, D, W, H, A = (
    Transport.QUEUED, Transport.DELIVERING, Transport.WAITING, Transport.HELD, Transport.AVAILABLE,
)  # fmt: skip


@dataclass
class Stage:
    """A hub with one letter on its way to the commune, whose system follows a script."""

    hub: HubUnderTest
    system: Simulator
    delivery: str = ""

    @property
    def repair(self) -> Repair:
        return lifecycle.repair(self.hub.gateway)

    @property
    def outcomes(self) -> Outcomes:
        return verbs(self.hub.gateway, "worker-1").outcomes

    def attempt(self, *script: Exception) -> None:
        self.system.script[:] = script
        self.hub.dispatch().run_once(100)

    def claim(self) -> None:
        assert self.hub.dispatch().claims.claim(1) == [self.delivery]

    def pause(self) -> None:
        self.hub.gateway.registry.pause(COMMUNE_OFFICE, True, "operator")


Act = Callable[[Stage], object]


# How a letter comes to where a move begins ------------------------------------------------------------


def lay_ready(stage: Stage) -> None:
    """By its route that is paused."""
    stage.pause()
    stage.hub.clock.forward(hours=4)
    assert fallback(stage.hub.gateway, "worker").run() == 1


BEGIN: dict[Transport, Act] = {
    Q: lambda stage: None,
    D: Stage.claim,
    W: lambda stage: stage.attempt(BUSY),
    H: lambda stage: stage.repair.hold(stage.delivery, HOW),
    A: lay_ready,
}


# What makes a move -----------------------------------------------------------------------------------


def decide(verb: str, *more: object) -> Act:
    """An operator's decision."""
    return lambda stage: getattr(stage.repair, verb)(stage.delivery, HOW, *more)


def work(*script: Exception) -> Act:
    """The worker that has it goes on."""

    def act(stage: Stage) -> None:
        stage.system.script[:] = script
        stage.hub.dispatch().work(stage.delivery)

    return act


def own(act: Callable[[Outcomes, Stage], object]) -> Act:
    """The service itself: no door or worker calls it from there."""
    return lambda stage: act(stage.outcomes, stage)


def outlive(stage: Stage) -> None:
    stage.hub.clock.forward(days=2)
    lifecycle.lapses(stage.hub.gateway, "worker").run()
    stage.hub.dispatch().give_up_held()


def outlive_in_hand(stage: Stage) -> None:
    stage.hub.clock.forward(days=2)
    stage.hub.dispatch().work(stage.delivery)


def lose_lease(stage: Stage) -> None:
    """The worker that had it is gone; nobody may claim it at once, so that it is seen where it comes to."""
    stage.pause()
    stage.hub.clock.forward(minutes=6)
    assert stage.hub.dispatch("worker-2").claims.claim(1) == []


def due_again(stage: Stage) -> None:
    stage.hub.clock.forward(hours=1)
    stage.claim()


def to_the_office(stage: Stage) -> None:
    """Its route was changed since it was claimed."""
    office = next(one for one in stage.hub.gateway.registry.export()["office"] if one["id"] == COMMUNE_OFFICE)
    stage.hub.apply({"office": [{**office, "route": {"kind": "office"}}]})
    stage.hub.dispatch().work(stage.delivery)


def redirect(stage: Stage) -> None:
    redirecting = verbs(stage.hub.gateway, "worker-1").redirecting
    redirecting.redirect(case_of(stage.hub, stage.delivery), AGENCY_OFFICE, "DEMO-HUB")


def cancel(stage: Stage) -> None:
    """As its sender asks."""
    stage.outcomes.cancel(case_of(stage.hub, stage.delivery), MINISTRY)


def desk(verb: str, *more: object) -> Act:
    """A reader's step."""
    return lambda stage: getattr(stage.hub.gateway.services.inbox, verb)(stage.delivery, DESK, *more)


# The table -------------------------------------------------------------------------------------------

GIVEN_UP = (Event.CONTENT_HANDOVER_FAILURE,)
LAPSED = (Event.ACCEPTANCE_REJECTION_EXPIRY,)
PASSED_ON = (Event.REDIRECTED,)
TAKEN_BACK = (Event.CANCELLED,)
REFUSED = (Event.CONSIGNMENT_REJECTION,)
ARRIVED = (Event.CONTENT_HANDOVER, Event.TIME_LIMIT)
LIES_THERE = (Event.CONTENT_CONSIGNMENT, Event.TIME_LIMIT)
NO_RECEIPT: tuple[Event, ...] = ()
READ, DECIDE = "readers", "operators"
"""Who is told besides the sender, who has every receipt in its feed."""

MOVES: dict[tuple[Transport, Transport], tuple[Act, tuple[Event, ...], str]] = {
    (Q, D): (Stage.claim, NO_RECEIPT, ""),
    (Q, A): (lay_ready, LIES_THERE, READ),
    (Q, H): (decide("hold"), NO_RECEIPT, DECIDE),
    (Q, Transport.REDIRECTED): (decide("redirect", AGENCY_OFFICE), PASSED_ON, ""),
    (Q, Transport.EXPIRED): (outlive, LAPSED, ""),
    (Q, Transport.FAILED): (decide("fail"), GIVEN_UP, ""),
    (Q, Transport.CANCELLED): (cancel, TAKEN_BACK, ""),
    (D, Q): (lose_lease, NO_RECEIPT, ""),
    (D, W): (work(BUSY), NO_RECEIPT, ""),
    (D, H): (work(CUT), NO_RECEIPT, DECIDE),
    (D, A): (to_the_office, LIES_THERE, READ),
    (D, Transport.HANDED_OVER): (work(), ARRIVED, ""),
    (D, Transport.REFUSED): (work(Declined(GROUND.code)), REFUSED, ""),
    (D, Transport.REDIRECTED): (redirect, PASSED_ON, ""),
    (D, Transport.EXPIRED): (outlive_in_hand, LAPSED, ""),
    (D, Transport.FAILED): (work(GONE), GIVEN_UP, ""),
    (D, Transport.CANCELLED): (cancel, TAKEN_BACK, ""),
    (W, Q): (decide("requeue"), NO_RECEIPT, ""),
    (W, D): (due_again, NO_RECEIPT, ""),
    (W, A): (lay_ready, LIES_THERE, READ),
    (W, H): (decide("hold"), NO_RECEIPT, DECIDE),
    (W, Transport.REDIRECTED): (decide("redirect", AGENCY_OFFICE), PASSED_ON, ""),
    (W, Transport.EXPIRED): (outlive, LAPSED, ""),
    (W, Transport.FAILED): (decide("fail"), GIVEN_UP, ""),
    (W, Transport.CANCELLED): (cancel, TAKEN_BACK, ""),
    (H, Q): (decide("release"), NO_RECEIPT, ""),
    (H, A): (
        own(lambda outcomes, s: outcomes.make_available(case_of(s.hub, s.delivery), Place.HUB_OFFICE)),
        LIES_THERE,
        READ,
    ),
    (H, Transport.HANDED_OVER): (
        own(lambda outcomes, s: outcomes.hand_over(case_of(s.hub, s.delivery), TAKEN)),
        ARRIVED,
        "",
    ),
    (H, Transport.REDIRECTED): (decide("redirect", AGENCY_OFFICE), PASSED_ON, ""),
    (H, Transport.EXPIRED): (outlive, LAPSED, ""),
    (H, Transport.FAILED): (decide("fail"), GIVEN_UP, ""),
    (H, Transport.CANCELLED): (cancel, TAKEN_BACK, ""),
    (A, Q): (decide("requeue"), NO_RECEIPT, ""),
    (A, Transport.HANDED_OVER): (desk("acknowledge"), ARRIVED[:1], ""),
    (A, Transport.REFUSED): (desk("refuse", GROUND), REFUSED, ""),
    (A, Transport.REDIRECTED): (desk("redirect", AGENCY_OFFICE), PASSED_ON, ""),
    (A, Transport.EXPIRED): (outlive, LAPSED, ""),
    (A, Transport.FAILED): (decide("fail"), GIVEN_UP, ""),
    (A, Transport.CANCELLED): (cancel, TAKEN_BACK, ""),
}

KINDS = {event: kind for kind, found in EVENTS_OF.items() for event in found}
OF_OUTCOMES = {
    Transport.HANDED_OVER: ReceiptKind.DELIVERY,
    Transport.REFUSED: ReceiptKind.OUTCOME,
    Transport.REDIRECTED: ReceiptKind.OUTCOME,
    Transport.EXPIRED: ReceiptKind.OUTCOME,
    Transport.FAILED: ReceiptKind.NON_DELIVERY,
    Transport.CANCELLED: ReceiptKind.OUTCOME,
}
"""The receipt by which each outcome is attested, whichever move leads there."""


def test_the_table_has_exactly_the_moves_of_the_domain() -> None:
    known = {(was, to) for was, tos in TRANSPORT_MOVES.items() for to in tos}
    assert set(MOVES) == known


def test_each_outcome_makes_its_own_kind_of_receipt_first_and_other_moves_none_of_those() -> None:
    assert set(OF_OUTCOMES) == OUTCOMES
    for (_, to), (_, made, _) in MOVES.items():
        kinds = [KINDS[event] for event in made]
        if to in OUTCOMES:
            assert kinds[0] is OF_OUTCOMES[to], to
        else:
            assert not set(kinds) & set(OF_OUTCOMES.values()), to


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    system = Simulator()
    hub = fresh_hub(tmp_path, system, WASL_MAIL_OPERATORS="operator@hub.test")
    office = next(one for one in hub.gateway.registry.export()["office"] if one["id"] == COMMUNE_OFFICE)
    hub.apply({"office": [{**office, "readers": list(READERS), "reader_addresses": READERS}]})
    made = Stage(hub, system)
    [made.delivery] = accept(hub, expires_at=hub.clock() + timedelta(days=1))
    return made


def told(stage: Stage) -> int:
    """How many messages to readers tell of something."""
    with stage.hub.gateway.store.read() as session:
        found = session.scalars(select(NotificationRow.address)).all()
    assert set(found) in (set(), set(READERS.values()))
    return len(found)


@pytest.mark.parametrize(("was", "to"), MOVES, ids=lambda one: one.value)
def test_the_move_makes_its_receipts_and_tells_whom_it_should(
    stage: Stage, was: Transport, to: Transport
) -> None:
    act, made, whom = MOVES[was, to]
    hub, delivery = stage.hub, stage.delivery
    BEGIN[was](stage)
    assert state(hub, delivery) == was.value
    held_alerts(hub.gateway).run()
    receipts, messages, moves = len(receipt_rows(hub, delivery)), told(stage), len(events(hub, delivery))
    act(stage)
    move = next(one for one in events(hub, delivery)[moves:] if one.track == "transport")
    assert (move.was, move.now, state(hub, delivery)) == (was.value, to.value, to.value)
    fresh = receipt_rows(hub, delivery)[receipts:]
    assert [one.event for one in fresh] == [event.value for event in made]
    assert [one.kind for one in fresh] == [KINDS[event].value for event in made]
    assert [one.outcome for one in fresh] == [number == 0 and to in OUTCOMES for number in range(len(fresh))]
    assert (told(stage) - messages, held_alerts(hub.gateway).run() > 0) == (
        len(READERS) if whom == READ else 0,
        whom == DECIDE,
    )
    assert row(hub, delivery).lease_owner is None or to is Transport.DELIVERING


@pytest.mark.parametrize("was", [D, H])
def test_a_reader_refuses_only_what_lies_there(stage: Stage, was: Transport) -> None:
    BEGIN[was](stage)
    with pytest.raises(Conflict, match="WASL-DLV-019"):
        stage.outcomes.refuse(case_of(stage.hub, stage.delivery), GROUND, "Front desk")
    assert state(stage.hub, stage.delivery) == was.value
