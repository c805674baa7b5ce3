"""Receipts are told to their sender's own system: each at least once, in order, whatever fails meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.bootstrap.telling import crew, push, push_repair
from gateway.domain.errors import NotFound, Unavailable
from gateway.domain.transit.persons import Sender
from gateway.domain.transit.pushing import MOST_REFUSED
from gateway.exchange.operate.flow import Watch
from gateway.exchange.transit.feed import Feed
from gateway.exchange.transit.push import Push
from gateway.store.evidence.models import ReceiptRow
from gateway.store.transit.models import Message
from gateway.store.transit.push_models import PushRow
from gateway.store.transit.push_queries import PushSeen
from gateway.verifier.opening import open_receipt
from tests.support.hub import (
    AGENCY_OFFICE,
    COMMUNE,
    COMMUNE_OFFICE,
    JWS,
    MINISTRY,
    NAMES,
    PLATFORM,
    TEST_OFFICE,
    XML,
    HubUnderTest,
    party_table,
)
from tests.support.listener import Listener, Reply, listening
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, fresh_hub

DOWN = Reply(503, b"", "text/plain")
NEVER = Reply(422, b'{"error": "unknown letter"}')
RETRY = {"first": 10.0, "factor": 2.0, "cap": 100.0, "jitter": 0.0, "lifetime": 600.0}


@pytest.fixture
def hub(tmp_path: Path, shape: Shape) -> HubUnderTest:
    return fresh_hub(tmp_path, Simulator(), WASL_OUTGOING_ALLOW="127.0.0.1", WASL_OUTGOING_READ_SECONDS="0.5")


@pytest.fixture
def system() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def declare(hub: HubUnderTest, system: Listener, party: str = MINISTRY, **receipts: Any) -> None:
    """Let a party's receipts go to a system."""
    options = {
        "base_url": system.url,
        "tell": {"path": "/receipts/{receiptId}"},
        **receipts.pop("options", {}),
    }
    declared = {"adapter": "rest", "retry": RETRY, "options": options, **receipts}
    hub.apply({"party": [{**party_table(hub.pki, party), "receipts": declared}]})


def withdraw(hub: HubUnderTest, party: str = MINISTRY) -> None:
    hub.apply({"party": [party_table(hub.pki, party)]})


def letters(hub: HubUnderTest, count: int = 1, office: str = COMMUNE_OFFICE, by: str = MINISTRY) -> None:
    """Send letters and bring them to their recipients."""
    for _ in range(count):
        letter = hub.signed(hub.envelope(sender=Sender(by), recipients=_to(office)), by=NAMES[by])
        assert hub.post(letter).status_code == 201
    hub.dispatch().run_once(100)


def _to(office: str) -> tuple[Any, ...]:
    from gateway.domain.transit.envelope import Recipient

    return (Recipient(office=office),)


def receipts_of(hub: HubUnderTest, party: str = MINISTRY) -> list[str]:
    """The identifiers of all receipts of a party's letters, in the order of its feed."""
    with hub.gateway.store.read() as session:
        query = select(ReceiptRow.receipt_id).join(Message, Message.id == ReceiptRow.message)
        return list(session.scalars(query.where(Message.party == party).order_by(ReceiptRow.id)))


def kept(hub: HubUnderTest, party: str = MINISTRY) -> PushRow:
    with hub.gateway.store.read() as session:
        return session.get_one(PushRow, party)


# Order and completeness ----------------------------------------------------------------------------


def test_every_receipt_is_told_once_in_the_order_of_the_feed(hub: HubUnderTest, system: Listener) -> None:
    declare(hub, system)
    pushing = push(hub.gateway)
    letters(hub, 3)
    assert pushing.run_once() == 1
    letters(hub, 2, AGENCY_OFFICE)
    pushing.run_once()
    assert system.keys == receipts_of(hub)
    assert len(system.keys) >= 10
    assert pushing.run_once() == 0
    assert system.keys == receipts_of(hub)
    row = kept(hub)
    assert (row.state, row.told, row.refused, row.lease) == ("GOING", len(system.keys), 0, None)


@pytest.mark.parametrize("receipts", [1, 2, 3])
def test_turns_that_end_early_go_on_where_they_ended(
    hub: HubUnderTest, system: Listener, receipts: int
) -> None:
    declare(hub, system)
    pushing = push(hub.gateway)
    pushing = replace(pushing, tempo=replace(pushing.tempo, receipts=receipts))
    letters(hub, 3)
    assert pushing.run_once() > 1
    assert system.keys == receipts_of(hub)


def test_what_is_told_is_the_sealed_receipt_in_the_letters_own_syntax(
    hub: HubUnderTest, system: Listener
) -> None:
    declare(hub, system)
    accept(hub)
    accept(hub, media_type=JWS)
    asked = hub.post(hub.signed(), Accept=JWS)
    assert asked.mimetype == JWS
    push(hub.gateway).run_once()
    assert [one.media_type for one in system.heard] == [XML, JWS, XML]
    for one in system.heard:
        receipt = open_receipt(one.body, one.media_type).receipt
        assert receipt.receipt_id == one.key
        assert one.path == f"/receipts/{one.key}"
        fetched = hub.get(f"/api/v1/envelopes/{receipt.reference}/receipts/{one.key}", Accept=one.media_type)
        assert fetched.data == one.body


def test_mapped_call_carries_the_plain_facts(hub: HubUnderTest, system: Listener) -> None:
    body = {
        "id": "receiptId",
        "what": "kind",
        "event": "eventName",
        "reference": "reference",
        "message": "messageId",
        "number": "registerNumber",
        "office": "office",
        "why": "reasons[].code",
        "file": "receipt.content",
    }
    declare(
        hub, system, options={"tell": {"path": "/m/{messageId}/{reference}", "method": "PUT", "body": body}}
    )
    accept(hub)
    hub.post(hub.signed(hub.envelope(hub="OTHER-HUB")))
    push(hub.gateway).run_once()
    accepted, rejected = (json.loads(one.body) for one in system.heard)
    assert (accepted["what"], accepted["event"]) == ("acceptance", "SubmissionAcceptance")
    assert accepted["reference"] in system.heard[0].path
    assert accepted["file"]
    assert "number" not in accepted
    assert (rejected["what"], rejected["why"]) == ("rejection", ["WASL-ENV-101"])
    assert system.heard[1].path == "/m/-/-"
    assert "message" not in rejected


def test_only_the_kinds_that_were_asked_for_are_told(hub: HubUnderTest, system: Listener) -> None:
    declare(hub, system, kinds=["delivery"])
    letters(hub, 2)
    push(hub.gateway).run_once()
    assert len(system.keys) == 2
    assert set(system.keys) < set(receipts_of(hub))
    assert push(hub.gateway).run_once() == 0


@pytest.mark.parametrize("accepts_test", [True, False])
def test_receipts_of_tests_go_only_to_those_who_take_them(
    hub: HubUnderTest, system: Listener, accepts_test: bool
) -> None:
    declare(hub, system, accepts_test=accepts_test)
    accept(hub, TEST_OFFICE, test=True)
    push(hub.gateway).run_once()
    assert bool(system.keys) is accepts_test


def test_receipts_from_before_the_declaration_stay_in_the_feed(hub: HubUnderTest, system: Listener) -> None:
    letters(hub, 2)
    hub.clock.forward(hours=1)
    declare(hub, system)
    letters(hub)
    before = receipts_of(hub)
    push(hub.gateway).run_once()
    assert system.keys == before[-len(system.keys) :]
    assert 0 < len(system.keys) < len(before)


def test_who_declares_nothing_is_told_nothing_and_goes_on_later(hub: HubUnderTest, system: Listener) -> None:
    declare(hub, system)
    letters(hub)
    push(hub.gateway).run_once()
    withdraw(hub)
    letters(hub)
    assert push(hub.gateway).run_once() == 0
    assert system.keys != receipts_of(hub)
    hub.clock.forward(days=1)
    declare(hub, system)
    push(hub.gateway).run_once()
    assert system.keys == receipts_of(hub)


def test_other_parties_receipts_are_told_to_nobody(hub: HubUnderTest, system: Listener) -> None:
    declare(hub, system)
    letters(hub, by=COMMUNE, office=AGENCY_OFFICE)
    push(hub.gateway).run_once()
    assert push(hub.gateway).run_once() == 0
    assert system.heard == []


def test_idle_party_is_moved_on_past_the_letters_of_others(hub: HubUnderTest, system: Listener) -> None:
    declare(hub, system)
    push(hub.gateway).run_once()
    with hub.gateway.store.write() as session:
        session.get_one(PushRow, MINISTRY).position = -2_000
    letters(hub, by=COMMUNE, office=AGENCY_OFFICE)
    assert push(hub.gateway).run_once() == 0
    assert kept(hub).position == Feed(hub.gateway.store).settle()
    letters(hub)
    push(hub.gateway).run_once()
    assert system.keys == receipts_of(hub)


# Trouble -------------------------------------------------------------------------------------------


def test_failing_system_is_tried_again_at_the_same_receipt_by_its_schedule(
    hub: HubUnderTest, system: Listener
) -> None:
    declare(hub, system)
    letters(hub)
    wanted = receipts_of(hub)
    system.script = [Reply(), DOWN, Reply(cut=True), Reply(200, b"<!doctype html>", "text/html")]
    pushing = push(hub.gateway)
    pushing.run_once()
    assert (kept(hub).state, kept(hub).code) == ("WAITING", "WASL-DLV-002")
    for wait in (10, 20, 40):
        hub.clock.forward(seconds=wait - 1)
        assert pushing.run_once() == 0
        hub.clock.forward(seconds=1)
        assert pushing.run_once() == 1
    assert system.keys == [wanted[0], *[wanted[1]] * 4, *wanted[2:]]
    assert (kept(hub).state, kept(hub).failures, kept(hub).code) == ("GOING", 0, None)


def test_system_that_asks_to_wait_is_left_alone_for_so_long(hub: HubUnderTest, system: Listener) -> None:
    declare(hub, system)
    accept(hub)
    system.script = [Reply(429, headers=(("Retry-After", "77"),))]
    pushing = push(hub.gateway)
    pushing.run_once()
    hub.clock.forward(seconds=76)
    assert pushing.run_once() == 0
    hub.clock.forward(seconds=1)
    assert pushing.run_once() == 1


def test_receipt_that_is_refused_for_good_stops_no_other_and_is_on_record(
    hub: HubUnderTest, system: Listener
) -> None:
    declare(hub, system)
    letters(hub)
    wanted = receipts_of(hub)
    system.always = {wanted[1]: NEVER}
    push(hub.gateway).run_once()
    assert system.keys == wanted
    [untold] = push_repair(hub.gateway).untold(MINISTRY)
    assert (untold.receipt_id, untold.code, untold.passed_by) == (wanted[1], "WASL-DLV-003", None)
    assert "unknown letter" in (untold.said or "")
    assert (kept(hub).state, kept(hub).told, kept(hub).refused) == ("GOING", len(wanted) - 1, 1)


def test_system_that_refuses_everything_is_taken_for_a_wrong_address(
    hub: HubUnderTest, system: Listener
) -> None:
    declare(hub, system)
    accept(hub)
    for _ in range(MOST_REFUSED):
        accept(hub)
    system.usual = Reply(404, b"", "text/plain")
    pushing = push(hub.gateway)
    pushing.run_once()
    assert (kept(hub).state, kept(hub).refused) == ("WAITING", MOST_REFUSED)
    assert len(set(system.keys)) == MOST_REFUSED + 1
    system.usual = Reply()
    hub.clock.forward(seconds=10)
    pushing.run_once()
    assert (kept(hub).state, kept(hub).told, kept(hub).refused_in_row) == ("GOING", 1, 0)


def test_system_that_fails_for_its_lifetime_is_stopped_and_goes_on_when_it_answers(
    hub: HubUnderTest, system: Listener
) -> None:
    declare(hub, system)
    letters(hub)
    system.usual = DOWN
    pushing = push(hub.gateway)
    for _ in range(200):
        pushing.run_once()
        if kept(hub).state == "STOPPED":
            break
        hub.clock.forward(seconds=10)
    assert kept(hub).state == "STOPPED"
    tries = len(system.heard)
    hub.clock.forward(hours=5)
    assert pushing.run_once() == 0
    hub.clock.forward(hours=1)
    assert pushing.run_once() == 1
    assert (len(system.heard), kept(hub).state) == (tries + 1, "STOPPED")
    system.usual = Reply()
    hub.clock.forward(hours=6)
    pushing.run_once()
    assert kept(hub).state == "GOING"
    assert list(dict.fromkeys(system.keys)) == receipts_of(hub)


def test_operator_makes_a_stopped_system_go_on(hub: HubUnderTest, system: Listener) -> None:
    declare(hub, system, retry={**RETRY, "lifetime": 0})
    letters(hub)
    system.script = [DOWN]
    pushing, repair = push(hub.gateway), push_repair(hub.gateway)
    pushing.run_once()
    [shown] = repair.list()
    assert (shown.state, shown.next_receipt, shown.code) == ("STOPPED", receipts_of(hub)[0], "WASL-DLV-002")
    assert pushing.run_once() == 0
    repair.go_on(MINISTRY, "operator")
    assert pushing.run_once() == 1
    assert system.keys[1:] == receipts_of(hub)


def test_operator_passes_over_the_receipt_that_stands_in_the_way_and_no_other(
    hub: HubUnderTest, system: Listener
) -> None:
    declare(hub, system, kinds=["delivery", "time limit"])
    letters(hub)
    system.script = [DOWN]
    pushing, repair = push(hub.gateway), push_repair(hub.gateway)
    pushing.run_once()
    stuck = repair.list()[0].next_receipt
    assert stuck == system.keys[0]
    with pytest.raises(NotFound):
        repair.pass_over(MINISTRY, receipts_of(hub)[0], "operator")
    repair.pass_over(MINISTRY, stuck, "operator")
    [untold] = repair.untold(MINISTRY)
    assert (untold.receipt_id, untold.passed_by, untold.code) == (stuck, "operator", "WASL-DLV-002")
    pushing.run_once()
    assert system.keys.count(stuck) == 1
    assert len(system.keys) > 1


def test_operator_has_receipts_told_again_from_one_on(hub: HubUnderTest, system: Listener) -> None:
    declare(hub, system)
    letters(hub, 2)
    push(hub.gateway).run_once()
    wanted = receipts_of(hub)
    push_repair(hub.gateway).again_from(MINISTRY, wanted[2], "operator")
    push(hub.gateway).run_once()
    assert system.keys == wanted + wanted[2:]


def test_decisions_about_strangers_are_refused(hub: HubUnderTest, system: Listener) -> None:
    declare(hub, system)
    letters(hub)
    letters(hub, by=COMMUNE, office=AGENCY_OFFICE)
    repair = push_repair(hub.gateway)
    for act in (
        lambda: repair.go_on(COMMUNE, "operator"),
        lambda: repair.untold("A9999999-9"),
        lambda: repair.again_from(MINISTRY, receipts_of(hub, COMMUNE)[0], "operator"),
    ):
        with pytest.raises(NotFound, match="WASL-REQ-005"):
            act()


def test_missing_secret_and_forbidden_address_wait_for_an_operator(
    hub: HubUnderTest, system: Listener
) -> None:
    declare(hub, system, options={"auth": {"kind": "bearer", "secret": "not-there"}})
    accept(hub)
    pushing = push(hub.gateway)
    pushing.run_once()
    assert (kept(hub).state, kept(hub).code) == ("WAITING", "WASL-DLV-018")
    declare(hub, system, options={"base_url": "http://169.254.169.254"})
    hub.clock.forward(seconds=10)
    pushing.run_once()
    assert (kept(hub).state, kept(hub).code, kept(hub).refused) == ("WAITING", "WASL-DLV-006", 0)
    assert system.heard == []


@pytest.mark.parametrize(
    "auth",
    [
        {"kind": "bearer", "secret": "sender-key"},
        {"kind": "basic", "username": "hub", "secret": "sender-key"},
        {"kind": "header", "header": "X-Key", "secret": "sender-key"},
    ],
    ids=lambda auth: auth["kind"],
)
def test_system_that_repeats_our_secret_does_not_make_us_keep_it(
    hub: HubUnderTest,
    system: Listener,
    auth: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WASL_SECRET_SENDER_KEY", "very-secret-value")
    declare(hub, system, options={"auth": auth})
    accept(hub)
    system.script = [Reply(422, b"you said ", "text/plain", echo=True)]
    push(hub.gateway).run_once()
    [untold] = push_repair(hub.gateway).untold(MINISTRY)
    told = system.heard[0].authorization
    assert told
    assert "you said" in (untold.said or "")
    assert "‹masked›" in (untold.said or "")
    for secret in ("very-secret-value", told, told.rpartition(" ")[2]):
        assert secret not in (untold.said or "")
        assert secret not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b" " * 2_000_000),
        Reply(302, b"", headers=(("Location", "http://169.254.169.254/latest"),)),
        Reply(hang=True),
        Reply(200, b"\x00\xff not JSON"),
        Reply(500, b"<html>" + b"x" * 5000),
    ],
    ids=["huge", "redirect inward", "hanging", "garbage", "page"],
)
def test_hostile_answers_are_bounded_and_the_receipt_is_told_again(
    hub: HubUnderTest, system: Listener, reply: Reply
) -> None:
    declare(hub, system)
    accept(hub)
    system.script = [reply]
    pushing = push(hub.gateway)
    pushing.run_once()
    assert kept(hub).state == "WAITING"
    assert len(kept(hub).said or "") <= 500
    hub.clock.forward(seconds=10)
    pushing.run_once()
    assert (kept(hub).state, kept(hub).told) == ("GOING", 1)


def test_hubs_own_trouble_is_not_put_down_to_the_system(
    hub: HubUnderTest, system: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(hub, system)
    accept(hub)
    pushing = push(hub.gateway)

    def out(*_: Any) -> bytes:
        raise Unavailable("seal out of service")

    with monkeypatch.context() as patch:
        patch.setattr(type(pushing.ways.receipts), "rendering", out)
        pushing.run_once()
    assert (kept(hub).state, kept(hub).failures, system.heard) == ("GOING", 0, [])
    assert Watch(hub.gateway.store, hub.gateway.ambient).flow().pushes[0].oldest is not None
    hub.clock.forward(seconds=10)
    pushing.run_once()
    assert len(system.heard) == 1


# Several workers, and workers that die -------------------------------------------------------------


class Killed(BaseException):
    """Ends a worker where it stands, as a signal would."""


def test_worker_killed_between_call_and_commit_repeats_one_receipt_and_leaves_no_gap(
    hub: HubUnderTest, system: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(hub, system)
    letters(hub, 2)
    wanted = receipts_of(hub)
    dying, settled = push(hub.gateway), Push._settle
    count = iter(range(100))

    def settle(self: Push, *arguments: Any) -> bool:
        if next(count) == 2:
            raise Killed
        return settled(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Push, "_settle", settle)
        with pytest.raises(Killed):
            dying.run_once()
    assert system.keys == wanted[:3]
    other = push(hub.second().gateway)
    assert other.run_once() == 0  # the dead one's lease holds still
    hub.clock.forward(seconds=other.tempo.lease.total_seconds())
    other.run_once()
    assert system.keys == wanted[:3] + wanted[2:]


_WORKER = """
import os, sys
from gateway.bootstrap import build
from gateway.bootstrap.telling import push
from gateway.settings import load
push(build(load(os.environ))).run_once()
"""


def test_worker_that_is_killed_while_its_call_is_under_way_leaves_no_gap(
    hub: HubUnderTest, system: Listener
) -> None:
    declare(hub, system)
    letters(hub, 2)
    wanted = receipts_of(hub)
    system.always = {wanted[3]: Reply(hang=True)}
    settings = hub.gateway.settings
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WASL_")},
        "WASL_HOME": str(settings.home),
        "WASL_OUTGOING_ALLOW": "127.0.0.1",
        **({"WASL_DATABASE_URL": settings.database.url} if settings.database.url else {}),
    }
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", _WORKER], env=environment) as worker:
        deadline = time.monotonic() + 60
        while wanted[3] not in system.keys and time.monotonic() < deadline:
            system.arrived.wait(1)
            system.arrived.clear()
        worker.send_signal(signal.SIGKILL)
    assert system.keys == wanted[:4]
    system.always = {}
    other = push(hub.gateway)
    hub.clock.forward(minutes=10)
    other.run_once()
    assert system.keys == wanted[:4] + wanted[3:]


def test_party_is_in_the_hands_of_one_worker_at_a_time(hub: HubUnderTest, system: Listener) -> None:
    declare(hub, system)
    accept(hub)
    first, second = push(hub.gateway), push(hub.second().gateway)
    turn = first.claim()
    assert turn is not None
    assert second.claim() is None
    hub.clock.forward(seconds=first.tempo.lease.total_seconds())
    late = second.claim()
    assert late is not None
    first.serve(turn)  # came back after its lease was over: nothing is sent, nothing kept
    assert system.heard == []
    second.serve(late)
    assert system.keys == receipts_of(hub)


def test_decision_while_a_worker_has_the_party_is_not_overwritten(
    hub: HubUnderTest, system: Listener
) -> None:
    declare(hub, system)
    letters(hub)
    push(hub.gateway).run_once()
    wanted = receipts_of(hub)
    accept(hub)
    turn = push(hub.gateway).claim()
    assert turn is not None
    push_repair(hub.gateway).again_from(MINISTRY, wanted[0], "operator")
    push(hub.gateway).serve(
        turn
    )  # tells the one in its hands, and finds that its place is not its own any more
    everything = receipts_of(hub)
    assert system.keys == everything
    push(hub.gateway).run_once()
    assert system.keys == everything + everything


def test_parties_take_turns_and_a_dead_one_keeps_nobody_waiting(hub: HubUnderTest, system: Listener) -> None:
    with listening() as dead:
        dead.usual = Reply(hang=True)
        declare(hub, dead, COMMUNE)
        declare(hub, system)
        letters(hub, by=COMMUNE, office=AGENCY_OFFICE)
        letters(hub, 3)
        pushers = crew(push(hub.gateway), 4)
        try:
            assert pushers.run() == 2
            pushers.close()
        finally:
            dead.released.set()
    assert system.keys == receipts_of(hub)
    assert kept(hub, COMMUNE).state == "WAITING"


def test_systems_that_do_not_answer_get_half_of_the_threads(hub: HubUnderTest, system: Listener) -> None:
    with listening() as dead:
        dead.usual = Reply(hang=True)
        declare(hub, system)
        accept(hub)
        push(hub.gateway).run_once()  # the ministry's is known to work now
        for party in (COMMUNE, PLATFORM):
            declare(hub, dead, party)
        letters(hub, by=COMMUNE, office=AGENCY_OFFICE)
        hub.post(hub.signed(hub.envelope(hub="OTHER-HUB", sender=Sender(PLATFORM)), by="platform"))
        accept(hub)
        pushers = crew(push(hub.gateway), 2)
        try:
            assert pushers.run() == 2
        finally:
            dead.released.set()
            pushers.close()
    assert system.keys == receipts_of(hub)
    assert len(dead.heard) == 1


def test_turn_ends_when_its_time_is_over(hub: HubUnderTest, system: Listener) -> None:
    declare(hub, system)
    letters(hub)
    pushing = push(hub.gateway)
    slow = replace(pushing, tempo=replace(pushing.tempo, turn=timedelta(seconds=-1)))
    assert slow.claim() is not None
    hub.clock.forward(seconds=slow.tempo.lease.total_seconds())
    turn = slow.claim()
    assert turn is not None
    slow.serve(turn)
    assert system.heard == []
    pushing.run_once()
    assert system.keys == receipts_of(hub)


# What operators see --------------------------------------------------------------------------------


def test_lag_failures_and_refusals_are_told_per_party(hub: HubUnderTest, system: Listener) -> None:
    watch = Watch(hub.gateway.store, hub.gateway.ambient)
    assert watch.flow().pushes == ()
    declare(hub, system)
    assert watch.flow().pushes == (PushSeen(MINISTRY, "GOING", None, None, None, 0),)
    letters(hub)
    push(hub.gateway).run_once()
    began = hub.clock()
    assert watch.flow().pushes == (PushSeen(MINISTRY, "GOING", None, None, began, 0),)
    accept(hub)
    assert watch.flow().pushes[0].oldest == began  # waits for a worker
    system.script = [DOWN]
    hub.clock.forward(seconds=5)
    push(hub.gateway).run_once()
    assert watch.flow().pushes == (
        PushSeen(MINISTRY, "WAITING", began, began + timedelta(seconds=5), began, 0),
    )
    hub.clock.forward(minutes=59)
    assert "receipts" not in watch.warnings()
    hub.clock.forward(minutes=2)
    assert watch.warnings()["receipts"].endswith(f"an hour or more: {MINISTRY}")


def test_adapter_that_cannot_tell_is_no_way_for_receipts(hub: HubUnderTest, system: Listener) -> None:
    declare(hub, system)
    accept(hub)
    pushing = push(hub.gateway)
    bare = replace(pushing, ways=replace(pushing.ways, adapters={"rest": Simulator()}))
    bare.run_once()
    assert (kept(hub).state, kept(hub).code) == ("WAITING", "WASL-DLV-014")


def test_defect_of_an_adapter_is_no_end(hub: HubUnderTest, system: Listener) -> None:
    class Broken(Simulator):
        def check_telling(self, options: Any) -> list[str]:
            return []

        def tell(self, notice: Any, context: Any) -> None:
            raise KeyError(notice.subject)

    declare(hub, system)
    accept(hub)
    pushing = push(hub.gateway)
    pushing = replace(pushing, ways=replace(pushing.ways, adapters={"rest": Broken()}))
    pushing.run_once()
    assert (kept(hub).state, kept(hub).code) == ("WAITING", "WASL-DLV-014")
    assert "KeyError" in (kept(hub).said or "")
    assert "request" not in (kept(hub).said or "")  # the subject is the letter's


def test_what_a_writer_may_still_commit_before_it_is_waited_for(
    hub: HubUnderTest, system: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(hub, system)
    pushing = push(hub.gateway)
    accept(hub)
    pushing.run_once()
    accept(hub)
    before = kept(hub).position
    with monkeypatch.context() as patch:
        patch.setattr(Feed, "settle", lambda _feed: before)
        assert pushing.run_once() == 0
    assert pushing.run_once() == 1
    assert system.keys == receipts_of(hub)
