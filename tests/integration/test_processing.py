"""What a recipient tells of its work is attested step by step, as its own statement."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.bootstrap import Verbs, verbs
from gateway.domain.errors import Conflict, Fault, Refused
from gateway.domain.evidence.receipt import Event, Receipt, ReceiptKind, Registered
from gateway.exchange.evidence.chain import Overtaken
from gateway.exchange.transit.letters import Case
from tests.support.hub import AGENCY_OFFICE, MINISTRY_OFFICE, HubUnderTest
from tests.support.systems import (
    Simulator,
    accept,
    acceptance_digest,
    events,
    fresh_hub,
    receipt_rows,
    receipts,
    row,
)

ANSWER = "0123-4567-89T"
NUMBER = Registered("7/2026")
Step = Callable[[Verbs, Case], object]

REGISTER: Step = lambda verbs, case: verbs.handling.register(case, NUMBER)  # noqa: E731
WORK: Step = lambda verbs, case: verbs.handling.begin_work(case)  # noqa: E731
AWAIT: Step = lambda verbs, case: verbs.handling.await_sender(case)  # noqa: E731
REPLY: Step = lambda verbs, case: verbs.handling.answer(case, ANSWER, "Permits")  # noqa: E731
DECLINE: Step = lambda verbs, case: verbs.handling.decline(case, Fault("WASL-DLV-033"), "Permits")  # noqa: E731
CLOSE: Step = lambda verbs, case: verbs.handling.close(case)  # noqa: E731
PASS_ON: Step = lambda verbs, case: verbs.redirecting.redirect(case, MINISTRY_OFFICE, "Permits")  # noqa: E731


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator())


@pytest.fixture
def delivery(hub: HubUnderTest) -> str:
    """A letter that the commune's system took without giving a number."""
    [delivery] = accept(hub)
    hub.dispatch().run_once(100)
    return delivery


def take(hub: HubUnderTest, delivery: str, *steps: Step) -> None:
    for step in steps:
        step(verbs(hub.gateway, "tests"), hub.dispatch().letters.case(delivery))


def told(hub: HubUnderTest, delivery: str) -> list[Receipt]:
    """The receipts of the processing."""
    left_out = (ReceiptKind.TIME_LIMIT, ReceiptKind.DELIVERY)
    return [one for one in receipts(hub, delivery) if one.kind not in left_out]


@pytest.mark.parametrize(
    ("steps", "processing", "attested"),
    [
        ([REGISTER], "REGISTERED", [Event.REGISTERED]),
        ([WORK], "IN_PROGRESS", [Event.PROGRESS]),
        ([REGISTER, AWAIT, WORK, AWAIT], "AWAITING_SENDER", [Event.REGISTERED] + [Event.PROGRESS] * 3),
        ([REGISTER, REPLY], "ANSWERED", [Event.REGISTERED, Event.ANSWERED]),
        ([REPLY, CLOSE], "CLOSED", [Event.ANSWERED, Event.PROGRESS]),
        ([WORK, DECLINE, CLOSE], "CLOSED", [Event.PROGRESS, Event.CONSIGNMENT_REJECTION, Event.PROGRESS]),
        ([WORK, REGISTER], "IN_PROGRESS", [Event.PROGRESS, Event.REGISTERED]),
        ([AWAIT, REGISTER], "AWAITING_SENDER", [Event.PROGRESS, Event.REGISTERED]),
        ([REPLY, REGISTER], "ANSWERED", [Event.ANSWERED, Event.REGISTERED]),
        ([REGISTER, PASS_ON], "REDIRECTED", [Event.REGISTERED, Event.REDIRECTED]),
    ],
)
def test_each_step_moves_the_track_and_is_attested(
    hub: HubUnderTest, delivery: str, steps: list[Step], processing: str, attested: list[Event]
) -> None:
    take(hub, delivery, *steps)
    found = told(hub, delivery)
    assert (row(hub, delivery).processing, [one.event for one in found]) == (processing, attested)
    assert row(hub, delivery).state == "HANDED_OVER"
    assert all(one.stated_by == row(hub, delivery).office_name for one in found)
    rows = receipt_rows(hub, delivery)
    assert [one.outcome for one in rows] == [True] + [False] * (len(rows) - 1)
    digests = [acceptance_digest(hub, delivery), *(one.content_digest for one in rows)]
    assert [one.predecessor for one in rows] == digests[:-1]
    moves = [event.now for event in events(hub, delivery) if event.track == "processing"]
    late = [event.now for event in events(hub, delivery) if event.now == "NUMBERED"]
    assert (len(moves) + len(late), moves[-1]) == (len(steps), processing)
    assert bool(late) is (steps[-1] is REGISTER and len(steps) > 1)
    assert row(hub, delivery).register_number == (NUMBER.number if REGISTER in steps else None)


def test_receipts_say_what_the_recipient_said(hub: HubUnderTest, delivery: str) -> None:
    earlier = hub.clock() - timedelta(hours=2)
    desk = verbs(hub.gateway, "tests")
    desk.handling.register(hub.dispatch().letters.case(delivery), NUMBER, earlier)
    desk.handling.begin_work(hub.dispatch().letters.case(delivery), earlier)
    desk.handling.answer(hub.dispatch().letters.case(delivery), ANSWER, "Permits", earlier)
    registered, worked, answered = told(hub, delivery)
    assert registered.registered == NUMBER
    assert worked.progress == "IN_PROGRESS"
    assert answered.outcome is not None
    assert (answered.outcome.answer, answered.outcome.decided_by) == (ANSWER, "Permits")
    assert [one.stated_time for one in (registered, worked, answered)] == [earlier] * 3
    assert all(one.event_time >= hub.clock() for one in (registered, worked, answered))


def test_declining_needs_a_ground(hub: HubUnderTest, delivery: str) -> None:
    take(hub, delivery, DECLINE)
    [declined] = told(hub, delivery)
    assert [reason.code for reason in declined.reasons] == ["WASL-DLV-033"]
    [other] = accept(hub)
    hub.dispatch().run_once(100)
    with pytest.raises(Refused, match="WASL-DLV-030"):
        take(hub, other, lambda verbs, case: verbs.handling.decline(case, Fault("WASL-HUB-001")))
    assert told(hub, other) == []


def test_a_letter_passed_on_by_who_has_it_begins_anew_elsewhere(hub: HubUnderTest, delivery: str) -> None:
    take(hub, delivery, REGISTER, PASS_ON)
    redirected = told(hub, delivery)[-1]
    assert redirected.outcome is not None
    successor = redirected.outcome.successor
    assert successor is not None
    hub.dispatch().run_once(100)
    assert (row(hub, successor).state, row(hub, successor).processing) == ("AVAILABLE", "NONE")


@pytest.mark.parametrize("step", [REGISTER, WORK, AWAIT, REPLY, DECLINE, CLOSE])
def test_nothing_is_processed_that_was_not_handed_over(hub: HubUnderTest, step: Step) -> None:
    [ready] = accept(hub, AGENCY_OFFICE)
    hub.dispatch().run_once(100)
    with pytest.raises(Conflict, match="WASL-DLV-019") as caught:
        take(hub, ready, step)
    assert caught.value.faults[0].found == "AVAILABLE"


@pytest.mark.parametrize("step", [REGISTER, WORK, AWAIT, REPLY, DECLINE, CLOSE, PASS_ON])
def test_what_is_closed_stays_closed(hub: HubUnderTest, delivery: str, step: Step) -> None:
    take(hub, delivery, CLOSE)
    before = hub.kept()
    with pytest.raises(Conflict) as caught:
        take(hub, delivery, step)
    assert caught.value.faults[0].found == "CLOSED"
    assert hub.kept() == before


def test_a_step_seen_from_an_earlier_state_is_not_taken(hub: HubUnderTest, delivery: str) -> None:
    seen = hub.dispatch().letters.case(delivery)
    take(hub, delivery, WORK)
    with pytest.raises(Overtaken):
        verbs(hub.gateway, "tests").handling.register(seen, NUMBER)
    assert row(hub, delivery).register_number is None
