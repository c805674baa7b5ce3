"""Where nobody knows whether a letter arrived, it is looked up, repeated under the same name, or held."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import Context, Delivered, Letter
from gateway.domain.errors import Ambiguous, Permanent, Temporary, Unavailable
from gateway.exchange.transit.attempt import Means, Trouble, attempt
from gateway.exchange.transit.claim import LeaseLost
from tests.support.hub import HubUnderTest
from tests.support.systems import (
    TAKEN,
    Searchable,
    Simulator,
    SomeRoutes,
    Wire,
    accept,
    attempts,
    fresh_hub,
    receipts,
    route_of_commune,
    row,
    state,
    states,
)

CUT = Ambiguous("WASL-DLV-004", "the connection broke")
BUSY = Temporary("WASL-DLV-002", "HTTP 503")
EARLIER = Delivered(b'{"numero": "C-0"}', "application/json", "C-0")


def after_a_cut(hub: HubUnderTest, system: Simulator) -> str:
    """A delivery whose first attempt was cut off, and whose second is due."""
    system.script.insert(0, CUT)
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    waiting = row(hub, delivery)
    assert (waiting.state, waiting.doubt) == ("WAITING", True)
    hub.clock.forward(seconds=30)
    return delivery


def outcome_unknown(hub: HubUnderTest, delivery: str) -> bool:
    [outcome] = [one.outcome for one in receipts(hub, delivery) if one.outcome is not None]
    return outcome.unknown


# Systems that take a delivery id once --------------------------------------------------------------


def test_a_system_that_takes_repeats_gets_the_letter_again_under_the_same_name(tmp_path: Path) -> None:
    system = Simulator(idempotent=True)
    hub = fresh_hub(tmp_path, system)
    delivery = after_a_cut(hub, system)
    hub.dispatch().run_once()
    assert state(hub, delivery) == "HANDED_OVER"
    assert [letter.delivery_id for letter in system.letters] == [delivery, delivery]
    assert not outcome_unknown(hub, delivery)


def test_a_failure_after_a_cut_says_that_the_outcome_is_unknown(tmp_path: Path) -> None:
    system = Simulator([Permanent("WASL-DLV-003", "HTTP 409")], idempotent=True)
    hub = fresh_hub(tmp_path, system)
    delivery = after_a_cut(hub, system)
    hub.dispatch().run_once()
    assert (state(hub, delivery), outcome_unknown(hub, delivery)) == ("FAILED", True)


def test_an_expiry_after_a_cut_says_that_the_outcome_is_unknown(tmp_path: Path) -> None:
    system = Simulator([CUT], idempotent=True)
    hub = fresh_hub(tmp_path, system)
    [delivery] = accept(hub, expires_at=hub.clock() + timedelta(seconds=20))
    hub.dispatch().run_once()
    hub.clock.forward(seconds=20)
    hub.dispatch().run_once()
    assert (state(hub, delivery), outcome_unknown(hub, delivery)) == ("EXPIRED", True)


# Systems that can be asked -------------------------------------------------------------------------


def test_a_letter_found_at_the_system_is_not_sent_again(tmp_path: Path) -> None:
    system = Searchable(known=[EARLIER])
    hub = fresh_hub(tmp_path, system)
    delivery = after_a_cut(hub, system)
    hub.dispatch().run_once()
    assert (state(hub, delivery), row(hub, delivery).target_reference) == ("HANDED_OVER", "C-0")
    assert (system.asked, len(system.letters)) == ([delivery], 1)
    assert not outcome_unknown(hub, delivery)


def test_a_letter_that_the_system_surely_does_not_have_is_sent_again(tmp_path: Path) -> None:
    system = Searchable()
    hub = fresh_hub(tmp_path, system)
    delivery = after_a_cut(hub, system)
    hub.dispatch().run_once()
    assert (state(hub, delivery), row(hub, delivery).target_reference) == ("HANDED_OVER", "C-1")
    assert (system.asked, len(system.letters)) == ([delivery], 2)


def test_nothing_is_looked_up_without_need(tmp_path: Path) -> None:
    system = Searchable([BUSY])
    hub = fresh_hub(tmp_path, system)
    accept(hub)
    hub.dispatch().run_once()
    hub.clock.forward(seconds=30)
    hub.dispatch().run_once()
    assert (system.asked, len(system.letters)) == ([], 2)


@pytest.mark.parametrize("then", [BUSY, Permanent("WASL-DLV-003", "HTTP 422")])
def test_a_look_up_that_finds_nothing_ends_the_doubt(tmp_path: Path, then: Exception) -> None:
    system = Searchable([then])
    hub = fresh_hub(tmp_path, system)
    route_of_commune(hub, retry={"lifetime": 50})
    delivery = after_a_cut(hub, system)
    hub.dispatch().run_once()
    assert (state(hub, delivery), outcome_unknown(hub, delivery)) == ("FAILED", False)


def test_a_look_up_that_finds_nothing_does_not_excuse_the_next_cut(tmp_path: Path) -> None:
    system = Searchable([CUT])
    hub = fresh_hub(tmp_path, system)
    delivery = after_a_cut(hub, system)
    hub.dispatch().run_once()
    assert row(hub, delivery).doubt


@pytest.mark.parametrize("trouble", [BUSY, CUT, RuntimeError("a defect")])
def test_while_the_system_cannot_be_asked_nothing_is_sent(tmp_path: Path, trouble: Exception) -> None:
    system = Searchable(known=[trouble])
    hub = fresh_hub(tmp_path, system)
    delivery = after_a_cut(hub, system)
    hub.dispatch().run_once()
    assert (state(hub, delivery), row(hub, delivery).doubt) == ("WAITING", True)
    assert len(system.letters) == 1


def test_a_system_that_will_never_answer_the_question_leaves_it_to_a_person(tmp_path: Path) -> None:
    system = Searchable(known=[Permanent("WASL-DLV-003", "HTTP 404: no such call")])
    hub = fresh_hub(tmp_path, system)
    delivery = after_a_cut(hub, system)
    hub.dispatch().run_once()
    held = row(hub, delivery)
    assert (held.state, held.held_code, held.doubt) == ("HELD", "WASL-DLV-004", True)
    assert attempts(hub, delivery)[-1].detail == "HTTP 404: no such call"
    assert len(system.letters) == 1


def test_a_system_that_cannot_be_asked_but_takes_repeats_gets_the_letter(tmp_path: Path) -> None:
    system = Searchable(idempotent=True, known=[CUT])
    hub = fresh_hub(tmp_path, system)
    delivery = after_a_cut(hub, system)
    hub.dispatch().run_once()
    assert (state(hub, delivery), len(system.letters)) == ("HANDED_OVER", 2)


# Systems that can do neither -----------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [CUT, RuntimeError("a defect"), KeyError("numero")])
def test_a_letter_that_may_have_arrived_where_nobody_can_ask_is_held_and_never_sent_again(
    tmp_path: Path, trouble: Exception
) -> None:
    system = Simulator([trouble])
    hub = fresh_hub(tmp_path, system)
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    dispatch.run_once()
    held = row(hub, delivery)
    code = "WASL-DLV-004" if trouble is CUT else "WASL-DLV-014"
    assert (held.state, held.held_code, held.doubt) == ("HELD", code, True)
    hub.clock.forward(days=5)
    assert (dispatch.run_once(), dispatch.give_up_held()) == (0, 1)
    assert (state(hub, delivery), outcome_unknown(hub, delivery)) == ("FAILED", True)
    assert len(system.letters) == 1


@pytest.mark.parametrize(
    ("options", "then", "asked"),
    [({}, "HELD", 0), ({"repeats": True}, "WAITING", 0), ({"find": True}, "WAITING", 1)],
)
def test_what_a_kind_can_do_is_a_matter_of_the_route(
    tmp_path: Path, options: dict[str, Any], then: str, asked: int
) -> None:
    system = SomeRoutes([CUT], known=[EARLIER])
    hub = fresh_hub(tmp_path, system)
    route_of_commune(hub, options=options)
    [delivery] = accept(hub)
    hub.dispatch().run_once()
    assert state(hub, delivery) == then
    hub.clock.forward(seconds=30)
    hub.dispatch().run_once()
    assert len(system.asked) == asked
    assert state(hub, delivery) == ("HELD" if then == "HELD" else "HANDED_OVER")


def test_another_route_does_not_make_a_second_letter(tmp_path: Path) -> None:
    system = Searchable()
    hub = fresh_hub(tmp_path, system)
    delivery = after_a_cut(hub, system)
    office = next(
        one for one in hub.gateway.registry.export()["office"] if one["id"] == row(hub, delivery).office
    )
    hub.apply({"office": [{**office, "route": {"kind": "inbox"}}]})
    hub.dispatch().run_once()
    held = row(hub, delivery)
    assert (held.state, held.held_code, held.doubt) == ("HELD", "WASL-DLV-010", True)


# Leases --------------------------------------------------------------------------------------------


def test_a_worker_that_dies_before_sending_leaves_no_doubt(tmp_path: Path) -> None:
    system = Simulator()
    hub = fresh_hub(tmp_path, system)
    [delivery] = accept(hub)
    assert hub.dispatch("dead").claims.claim(1) == [delivery]
    assert hub.dispatch("alive").run_once() == 0
    hub.clock.forward(seconds=300)
    assert hub.dispatch("alive").run_once() == 1
    assert (state(hub, delivery), len(system.letters)) == ("HANDED_OVER", 1)
    assert states(hub, delivery) == ["QUEUED", "DELIVERING", "QUEUED", "DELIVERING", "HANDED_OVER"]


def died_while_sending(hub: HubUnderTest) -> str:
    [delivery] = accept(hub)
    dead = hub.dispatch("dead")
    dead.claims.claim(1)
    dead.claims.mark_sending(row(hub, delivery))
    hub.clock.forward(seconds=300)
    return delivery


def test_a_worker_that_dies_while_sending_leaves_a_doubt_that_a_person_decides(tmp_path: Path) -> None:
    system = Simulator()
    hub = fresh_hub(tmp_path, system)
    delivery = died_while_sending(hub)
    hub.dispatch("alive").run_once()
    held = row(hub, delivery)
    assert (held.state, held.held_code, held.doubt) == ("HELD", "WASL-DLV-010", True)
    assert system.letters == []
    [attempt] = attempts(hub, delivery)
    assert (attempt.code, attempt.ended_at) == ("WASL-DLV-010", hub.clock())


def test_a_worker_that_dies_while_sending_is_followed_by_one_that_looks_first(tmp_path: Path) -> None:
    system = Searchable(known=[EARLIER])
    hub = fresh_hub(tmp_path, system)
    delivery = died_while_sending(hub)
    hub.dispatch("alive").run_once()
    assert (state(hub, delivery), system.letters) == ("HANDED_OVER", [])
    assert [one.code for one in attempts(hub, delivery)] == ["WASL-DLV-010", None]


@pytest.mark.parametrize("same_worker", [False, True])
def test_the_late_result_of_a_worker_that_lost_its_lease_is_void(tmp_path: Path, same_worker: bool) -> None:
    system = Simulator()
    hub = fresh_hub(tmp_path, system)
    second = hub.dispatch("one" if same_worker else "two")

    def take_too_long(*_: object) -> Delivered:
        hub.clock.forward(seconds=300)
        assert second.run_once() == 1
        return TAKEN

    system.script.append(take_too_long)
    [delivery] = accept(hub)
    hub.dispatch("one").run_once()
    held = row(hub, delivery)
    assert (held.state, held.held_code, held.doubt) == ("HELD", "WASL-DLV-010", True)
    assert (receipts(hub, delivery), len(system.letters)) == ([], 1)


@pytest.mark.parametrize("same_worker", [False, True])
def test_a_worker_that_comes_too_late_does_not_begin_to_send(tmp_path: Path, same_worker: bool) -> None:
    system = Simulator()
    hub = fresh_hub(tmp_path, system)
    late, other = hub.dispatch("one"), hub.dispatch("one" if same_worker else "two")
    [delivery] = accept(hub)
    late.claims.claim(1)
    seen = row(hub, delivery)
    hub.clock.forward(seconds=300)
    other.claims.claim(1)
    with pytest.raises(LeaseLost):
        late.claims.mark_sending(seen)
    other.work(delivery)
    assert (state(hub, delivery), len(system.letters)) == ("HANDED_OVER", 1)


def test_a_worker_never_takes_over_what_it_is_sending_itself(tmp_path: Path) -> None:
    """The machine stood still, or the clock jumped: the lease is over, and its thread sends all the same."""
    system = Simulator()
    hub = fresh_hub(tmp_path, system)
    worker = hub.dispatch()

    def stand_still(*_: object) -> Delivered:
        hub.clock.forward(seconds=300)
        assert worker.run_once() == 0
        assert worker.claims.heartbeat.beat() == 1
        return TAKEN

    system.script.append(stand_still)
    [delivery] = accept(hub)
    worker.run_once()
    assert (state(hub, delivery), len(system.letters)) == ("HANDED_OVER", 1)
    assert states(hub, delivery) == ["QUEUED", "DELIVERING", "HANDED_OVER"]


def test_what_lasts_too_long_is_taken_over_by_the_same_worker_too(tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    [delivery] = accept(hub)
    worker = hub.dispatch()
    worker.claims.claim(1)
    hub.clock.forward(hours=5)
    assert worker.claims.claim(1) == []
    assert worker.claims.heartbeat.beat() == 0
    hub.clock.forward(seconds=2)
    assert worker.claims.claim(1) == [delivery]


def test_two_threads_never_send_under_one_lease(tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    [delivery] = accept(hub)
    claims = hub.dispatch().claims
    claims.claim(1)
    claims.mark_sending(row(hub, delivery))
    with pytest.raises(LeaseLost):
        claims.mark_sending(row(hub, delivery))
    assert row(hub, delivery).attempts == 1


def test_a_worker_with_a_long_name_fits_the_lease(tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    [delivery] = accept(hub)
    hub.dispatch("h" * 63 + ".example:4242").claims.claim(1)
    assert len(row(hub, delivery).lease_owner or "") <= 64


def test_many_requests_to_one_system_keep_the_lease(tmp_path: Path) -> None:
    system = Simulator()
    hub = fresh_hub(tmp_path, system)
    other = hub.dispatch("two")
    wire = Wire()

    def slow(letter: Letter, context: Context) -> Delivered:
        for _ in range(6):
            context.http.request("POST", "http://commune.example/")
            hub.clock.forward(seconds=110)
            assert other.run_once() == 0
        return TAKEN

    system.script.append(slow)
    [delivery] = accept(hub)
    _over(hub, wire).run_once()
    assert (state(hub, delivery), len(wire.requests)) == ("HANDED_OVER", 6)


def test_a_lost_lease_stops_the_next_request(tmp_path: Path) -> None:
    system = Simulator()
    hub = fresh_hub(tmp_path, system)
    other = hub.dispatch("two")
    wire = Wire()

    def hang(letter: Letter, context: Context) -> Delivered:
        context.http.request("POST", "http://commune.example/1")
        hub.clock.forward(seconds=301)
        assert other.run_once() == 1
        context.http.request("POST", "http://commune.example/2")
        return TAKEN

    system.script.append(hang)
    [delivery] = accept(hub)
    _over(hub, wire).run_once()
    assert wire.requests == ["POST http://commune.example/1"]
    assert (state(hub, delivery), receipts(hub, delivery)) == ("HELD", [])


def _over(hub: HubUnderTest, wire: Wire) -> Any:
    dispatch = hub.dispatch("one")
    return replace(dispatch, contexts=lambda route: replace(dispatch.contexts(route), http=wire))


# The hub's own trouble midway ----------------------------------------------------------------------


@pytest.mark.parametrize(("sent", "kind", "doubt"), [(False, Temporary, False), (True, Ambiguous, True)])
def test_trouble_of_our_own_leaves_doubt_only_after_something_was_sent(
    tmp_path: Path, sent: bool, kind: type[Exception], doubt: bool
) -> None:
    def fail(_: Letter, context: Context) -> Delivered:
        if sent:
            context.http.request("POST", "http://commune.example/")
        raise Unavailable("disk failing")

    system = Simulator([fail])
    hub = fresh_hub(tmp_path, system)
    [delivery] = accept(hub)
    dispatch = hub.dispatch()
    case = dispatch.letters.case(delivery)
    assert case.office is not None
    letter = dispatch.letters.letter(case, case.office)
    context = Context(Wire(), {}, str, hub.clock)
    result = attempt(Means(system, {}), letter, context, False, lambda: None)
    assert isinstance(result, Trouble)
    assert (type(result.error), result.error.code, result.doubt) == (kind, "WASL-DLV-015", doubt)
