"""An operator's decision about a delivery is carried out once, kept with name and reason, and told truly."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.bootstrap import build, lifecycle, verbs
from gateway.domain.errors import Conflict, NotFound, Refused
from gateway.domain.evidence.receipt import Event
from gateway.domain.transit.repairs import Decision, Verb
from gateway.domain.transit.states import Transport
from gateway.exchange.clock import Ambient
from gateway.exchange.transit.inbox import Reader
from gateway.exchange.transit.repair import Repair
from gateway.store.transit.delivery_queries import Wanted
from tests.support.deliveries import NO_TITLE, bring, case_of, in_state
from tests.support.hub import AGENCY, AGENCY_OFFICE, COMMUNE_OFFICE, MINISTRY_OFFICE, HubUnderTest
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, attempts, events, fresh_hub, receipts, row, state, states

HOW = Decision("operator-1", "their server is up again")
AT_ONCE = 6


@pytest.fixture(scope="module")
def system() -> Simulator:
    return Simulator()


@pytest.fixture(scope="module")
def hub(shape: Shape, tmp_path_factory: pytest.TempPathFactory, system: Simulator) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), system)


@pytest.fixture
def repair(hub: HubUnderTest) -> Repair:
    return lifecycle.repair(hub.gateway)


def told(hub: HubUnderTest, delivery: str) -> list[tuple[str, str, str]]:
    """The decisions on record."""
    shown = lifecycle.overview(hub.gateway).show(delivery)
    return [(one.verb, one.by, one.why) for one in shown.decisions]


# Each decision -------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["HELD", "WAITING", "AVAILABLE"])
def test_a_requeued_letter_is_delivered_now(hub: HubUnderTest, repair: Repair, origin: str) -> None:
    delivery = in_state(hub, origin)
    repair.requeue(delivery, HOW)
    queued = row(hub, delivery)
    assert (queued.state, queued.held_code, queued.held_until) == ("QUEUED", None, None)
    assert queued.due_at == hub.clock()
    assert events(hub, delivery)[-1].by == "operator-1"
    assert told(hub, delivery) == [("requeue", "operator-1", HOW.why)]
    hub.dispatch().run_once(100)
    assert state(hub, delivery) == "HANDED_OVER"
    [handover] = [one.handover for one in receipts(hub, delivery) if one.event is Event.CONTENT_HANDOVER]
    assert handover is not None
    assert not handover.possible_duplicate


def test_a_letter_is_not_requeued_to_before_its_time(hub: HubUnderTest, repair: Repair) -> None:
    tomorrow = hub.clock() + timedelta(days=1)
    [delivery] = accept(hub, not_before=tomorrow)
    repair.hold(delivery, HOW)
    repair.requeue(delivery, HOW)
    assert row(hub, delivery).due_at == tomorrow
    repair.cancel(delivery, HOW)


def test_after_doubt_a_letter_is_requeued_only_as_a_possible_duplicate(
    hub: HubUnderTest, repair: Repair, system: Simulator
) -> None:
    delivery = in_state(hub, "HELD", doubt=True)
    with pytest.raises(Conflict, match="WASL-DLV-052"):
        repair.requeue(delivery, HOW)
    assert (state(hub, delivery), told(hub, delivery)) == ("HELD", [])
    repair.requeue(delivery, HOW, possible_duplicate=True)
    hub.dispatch().run_once(100)
    assert system.letters[-1].possible_duplicate
    handover = receipts(hub, delivery)[0].handover
    assert handover is not None
    assert handover.possible_duplicate


def test_a_duplicate_that_is_acknowledged_in_the_inbox_says_so_too(hub: HubUnderTest, repair: Repair) -> None:
    delivery = in_state(hub, "AVAILABLE", office=MINISTRY_OFFICE)
    desk = verbs(hub.gateway, "tests")
    desk.notices.opened(case_of(hub, delivery), "Front desk")
    with pytest.raises(Conflict, match="WASL-DLV-052"):
        repair.requeue(delivery, HOW)
    repair.requeue(delivery, HOW, possible_duplicate=True)
    hub.dispatch().run_once(100)
    assert state(hub, delivery) == "AVAILABLE"
    desk.outcomes.acknowledge(case_of(hub, delivery), "Front desk")
    [handover] = [one.handover for one in receipts(hub, delivery) if one.event is Event.CONTENT_HANDOVER]
    assert handover is not None
    assert handover.possible_duplicate


@pytest.mark.parametrize("origin", ["QUEUED", "WAITING"])
def test_a_stopped_letter_is_left_alone_until_it_is_released(
    hub: HubUnderTest, repair: Repair, origin: str
) -> None:
    delivery = in_state(hub, origin)
    due = row(hub, delivery).due_at
    repair.hold(delivery, HOW)
    stopped = row(hub, delivery)
    assert (stopped.state, stopped.held_code) == ("HELD", "WASL-DLV-050")
    assert stopped.held_until == hub.clock() + timedelta(days=7)
    with hub.clock.moved(hours=2):
        hub.dispatch().run_once(100)
    assert state(hub, delivery) == "HELD"
    repair.release(delivery, Decision("operator-2", "they agree"))
    assert (state(hub, delivery), row(hub, delivery).due_at) == ("QUEUED", due)
    assert [one[0] for one in told(hub, delivery)] == ["hold", "release"]
    repair.cancel(delivery, HOW)


def test_a_letter_that_may_have_arrived_is_held_again_when_it_is_released(
    hub: HubUnderTest, repair: Repair
) -> None:
    delivery = in_state(hub, "WAITING", doubt=True)
    repair.hold(delivery, HOW)
    repair.release(delivery, HOW)
    with hub.clock.moved(hours=2):
        hub.dispatch().run_once(100)
    assert (state(hub, delivery), attempts(hub, delivery)) == ("HELD", [])


def test_a_held_letter_gets_a_later_deadline_and_keeps_its_reason(hub: HubUnderTest, repair: Repair) -> None:
    delivery = in_state(hub, "HELD")
    later = hub.clock() + timedelta(days=3)
    repair.hold(delivery, HOW, later)
    kept = row(hub, delivery)
    assert (kept.state, kept.held_until, kept.held_code) == ("HELD", later, "WASL-DLV-007")
    assert events(hub, delivery)[-1].now == "PROLONGED"
    for same in (None, later):
        with pytest.raises(Conflict, match="WASL-DLV-019"):
            repair.hold(delivery, HOW, same)
    with pytest.raises(Conflict, match="WASL-DLV-019"):
        repair.release(delivery, HOW)


def test_a_hold_ends_with_the_end_that_the_sender_gave(hub: HubUnderTest, repair: Repair) -> None:
    [delivery] = accept(hub, expires_at=hub.clock() + timedelta(days=1))
    repair.hold(delivery, HOW)
    with hub.clock.moved(days=2):
        assert hub.dispatch().give_up_held(100) >= 1
        assert state(hub, delivery) == "EXPIRED"


def test_what_an_operator_stopped_and_nobody_decided_is_given_up(hub: HubUnderTest, repair: Repair) -> None:
    [delivery] = accept(hub)
    repair.hold(delivery, HOW, hub.clock() + timedelta(hours=1))
    with hub.clock.moved(hours=2):
        hub.dispatch().give_up_held(100)
    [failed] = receipts(hub, delivery)
    assert [reason.code for reason in failed.reasons] == ["WASL-DLV-050"]


@pytest.mark.parametrize("until", [timedelta(0), timedelta(seconds=-1), timedelta(days=400)])
def test_a_hold_needs_a_deadline_to_come(hub: HubUnderTest, repair: Repair, until: timedelta) -> None:
    delivery = in_state(hub, "QUEUED")
    with pytest.raises(Refused, match="WASL-REQ-010"):
        repair.hold(delivery, HOW, hub.clock() + until)
    repair.cancel(delivery, HOW)


def test_a_letter_passed_on_by_an_operator_has_a_successor(hub: HubUnderTest, repair: Repair) -> None:
    delivery = in_state(hub, "HELD")
    successor = repair.redirect(delivery, HOW, AGENCY_OFFICE)
    [redirected] = receipts(hub, delivery)
    assert redirected.outcome is not None
    assert (redirected.outcome.successor, redirected.outcome.decided_by) == (
        successor,
        hub.gateway.issuing.issuer.name,
    )
    assert (row(hub, successor).office, state(hub, successor)) == (AGENCY_OFFICE, "QUEUED")


def test_a_letter_cancelled_by_an_operator_says_that_the_hub_did_it(
    hub: HubUnderTest, repair: Repair
) -> None:
    delivery = in_state(hub, "WAITING")
    repair.cancel(delivery, HOW)
    [cancelled] = receipts(hub, delivery)
    assert cancelled.outcome is not None
    assert (cancelled.outcome.state, cancelled.outcome.decided_by) == (
        "CANCELLED",
        hub.gateway.issuing.issuer.name,
    )


@pytest.mark.parametrize("doubt", [False, True])
def test_a_letter_given_up_after_doubt_has_an_unknown_outcome(
    hub: HubUnderTest, repair: Repair, doubt: bool
) -> None:
    delivery = in_state(hub, "HELD", doubt)
    repair.fail(delivery, HOW)
    [failed] = receipts(hub, delivery)
    assert failed.outcome is not None
    assert (failed.outcome.state, failed.outcome.unknown) == ("FAILED", doubt)
    assert [reason.code for reason in failed.reasons] == ["WASL-DLV-051"]


@pytest.mark.parametrize("verb", ["cancel", "redirect"])
def test_what_may_have_arrived_is_neither_taken_back_nor_passed_on(
    hub: HubUnderTest, repair: Repair, verb: str
) -> None:
    delivery = in_state(hub, "HELD", doubt=True)
    with pytest.raises(Conflict, match="WASL-DLV-020"):
        VERBS[verb](repair, delivery)
    assert (state(hub, delivery), told(hub, delivery)) == ("HELD", [])


# What is not possible ------------------------------------------------------------------------------

Act = Callable[[Repair, str], object]
VERBS: dict[str, Act] = {
    "requeue": lambda repair, one: repair.requeue(one, HOW, True),
    "hold": lambda repair, one: repair.hold(one, HOW),
    "release": lambda repair, one: repair.release(one, HOW),
    "redirect": lambda repair, one: repair.redirect(one, HOW, AGENCY_OFFICE),
    "cancel": lambda repair, one: repair.cancel(one, HOW),
    "fail": lambda repair, one: repair.fail(one, HOW),
}


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_is_decided_while_a_worker_has_the_letter_or_after_its_end(
    hub: HubUnderTest, repair: Repair, verb: str
) -> None:
    delivery = in_state(hub, "DELIVERING")
    before = hub.kept()
    with pytest.raises(Conflict, match="WASL-DLV-019"):
        VERBS[verb](repair, delivery)
    assert hub.kept() == before
    verbs(hub.gateway, "worker-1").outcomes.give_up(case_of(hub, delivery), NO_TITLE, doubt=False)
    before = hub.kept()
    with pytest.raises(Conflict, match="WASL-DLV-019"):
        VERBS[verb](repair, delivery)
    assert hub.kept() == before


@pytest.mark.parametrize("verb", VERBS)
def test_what_does_not_exist_is_not_found(repair: Repair, verb: str) -> None:
    with pytest.raises(NotFound):
        VERBS[verb](repair, "01890a5d-ac96-774b-bcce-b302099a8057")


@pytest.mark.parametrize("verb", ["requeue", "redirect", "cancel", "fail"])
def test_what_a_reader_has_locked_is_left_alone(hub: HubUnderTest, repair: Repair, verb: str) -> None:
    [delivery] = accept(hub, AGENCY_OFFICE)
    hub.dispatch().run_once(100)
    hub.gateway.services.inbox.lock(delivery, Reader(AGENCY, "Front desk", "client-1"))
    act = VERBS[verb] if verb != "redirect" else lambda r, one: r.redirect(one, HOW, COMMUNE_OFFICE)
    with pytest.raises(Conflict, match="WASL-DLV-054"):
        act(repair, delivery)
    assert (state(hub, delivery), told(hub, delivery)) == ("AVAILABLE", [])
    with hub.clock.moved(minutes=6):
        act(repair, delivery)
    assert state(hub, delivery) != "AVAILABLE"
    assert row(hub, delivery).lock_owner is None


def test_a_decision_that_fails_leaves_no_trace(hub: HubUnderTest, repair: Repair) -> None:
    delivery = in_state(hub, "HELD")
    before = hub.kept()
    with pytest.raises(Refused, match="WASL-RTE"):
        repair.redirect(delivery, HOW, "B0000999-I")
    assert hub.kept() == before


@pytest.mark.parametrize(
    ("by", "why"), [("", "x"), ("x", " "), ("x" * 121, "x"), ("x", "y" * 4001), ("x", "\0")]
)
def test_a_decision_has_a_name_and_a_reason(by: str, why: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        Decision(by, why)


# Two at once ---------------------------------------------------------------------------------------


def press(repair: Repair, verb: str, delivery: str) -> str:
    try:
        VERBS[verb](repair, delivery)
    except Conflict as conflict:
        return conflict.faults[0].code
    return "done"


@pytest.mark.parametrize("verb", VERBS)
def test_of_operators_in_threads_exactly_one_succeeds(hub: HubUnderTest, verb: str) -> None:
    delivery = in_state(hub, "QUEUED" if verb in ("hold", "release") else "HELD")
    if verb == "release":
        lifecycle.repair(hub.gateway).hold(delivery, HOW)
    before = len(told(hub, delivery))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pressed = [pool.submit(press, lifecycle.repair(hub.gateway), verb, delivery) for _ in range(AT_ONCE)]
        ends = sorted(one.result() for one in pressed)
    assert ends.count("done") == 1, ends
    assert set(ends) <= {"done", "WASL-DLV-019", "WASL-DLV-053"}
    assert len(told(hub, delivery)) == before + 1


def test_a_decision_about_what_was_seen_before_is_void(hub: HubUnderTest, repair: Repair) -> None:
    """The letter is held again as it was, receipts and all: the second operator saw it before that."""
    delivery = in_state(hub, "HELD")

    class Slow(Repair):
        def _look(self, name: str) -> tuple[int, object]:  # type: ignore[override]
            seen = super()._look(name)
            repair.requeue(name, HOW)
            bring(hub, name, "HELD")
            return seen

    slow = Slow(repair.letters, repair.chains, repair.outcomes, repair.redirecting, repair.hold_for)
    with pytest.raises(Conflict, match="WASL-DLV-053"):
        slow.requeue(delivery, Decision("operator-2", "the same"))
    assert states(hub, delivery)[-1] == "HELD"
    assert [one[1] for one in told(hub, delivery)] == ["operator-1"]


def _press_in_process(
    gateway: tuple[object, ...], delivery: str, name: str, start: object, said: object
) -> None:
    settings, moment = gateway
    built = build(settings, Ambient(now=lambda: moment))  # type: ignore[arg-type, return-value]
    start.wait()  # type: ignore[attr-defined]
    try:
        lifecycle.repair(built).requeue(delivery, Decision(name, "up again"))
    except Conflict as conflict:
        said.put(conflict.faults[0].code)  # type: ignore[attr-defined]
    else:
        said.put("done")  # type: ignore[attr-defined]


def test_of_operators_in_processes_exactly_one_succeeds(shape: Shape, tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    delivery = in_state(hub, "HELD")
    hub.gateway.store.engine.dispose()  # no process may use another's connection
    context = multiprocessing.get_context("fork")
    start, said = context.Barrier(3), context.Queue()
    given = (hub.gateway.settings, hub.clock())
    pressing = [
        context.Process(target=_press_in_process, args=(given, delivery, f"operator-{number}", start, said))
        for number in range(3)
    ]
    for one in pressing:
        one.start()
    ends = sorted(said.get(timeout=60) for _ in pressing)
    for one in pressing:
        one.join(60)
    assert ends.count("done") == 1, ends
    assert set(ends) <= {"done", "WASL-DLV-019", "WASL-DLV-053"}
    assert states(hub, delivery).count("QUEUED") == 2
    assert len(told(hub, delivery)) == 1


# Looking -------------------------------------------------------------------------------------------


def test_a_list_holds_what_was_asked_for_oldest_first(shape: Shape, tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    seen = lifecycle.overview(hub.gateway)
    first = in_state(hub, "HELD", doubt=True)
    hub.clock.forward(hours=3)
    [second, third] = accept(hub, COMMUNE_OFFICE, AGENCY_OFFICE)
    assert [one.id for one in seen.list(Wanted())] == [first, *sorted([second, third])]
    assert [one.id for one in seen.list(Wanted(state=Transport.HELD))] == [first]
    assert [one.id for one in seen.list(Wanted(office=AGENCY_OFFICE))] == [third]
    old = Wanted(accepted_before=hub.clock() - timedelta(hours=1))
    assert [one.id for one in seen.list(old)] == [first]
    assert [one.id for one in seen.list(Wanted(), 1)] == [first]
    [line] = seen.list(old)
    assert (line.held_code, line.doubt, line.due_at) == ("WASL-DLV-007", True, None)
    assert line.until is not None


@pytest.mark.parametrize(
    ("origin", "doubt", "possible"),
    [
        ("QUEUED", False, {Verb.HOLD, Verb.REDIRECT, Verb.CANCEL, Verb.FAIL}),
        ("WAITING", True, {Verb.REQUEUE, Verb.HOLD, Verb.FAIL}),
        ("HELD", False, {Verb.REQUEUE, Verb.HOLD, Verb.REDIRECT, Verb.CANCEL, Verb.FAIL}),
        ("AVAILABLE", False, {Verb.REQUEUE, Verb.REDIRECT, Verb.CANCEL, Verb.FAIL}),
        ("DELIVERING", False, set()),
    ],
)
def test_a_delivery_shows_what_may_be_decided(
    hub: HubUnderTest, origin: str, doubt: bool, possible: set[Verb]
) -> None:
    delivery = in_state(hub, origin, doubt)
    assert set(lifecycle.overview(hub.gateway).show(delivery).possible) == possible


def test_a_delivery_shows_all_that_is_kept_about_it(hub: HubUnderTest, repair: Repair) -> None:
    delivery = in_state(hub, "HELD")
    repair.requeue(delivery, HOW)
    hub.dispatch().run_once(100)
    shown = lifecycle.overview(hub.gateway).show(delivery)
    assert [one.now for one in shown.events if one.track == "transport"] == states(hub, delivery)
    assert [one.number for one in shown.attempts] == [1]
    assert [one.ends for one in shown.receipts] == [True, False]
    with pytest.raises(NotFound):
        lifecycle.overview(hub.gateway).show("01890a5d-ac96-774b-bcce-b302099a8057")
