"""Whatever happens in whatever order, every delivery has one chain and at most one outcome."""

from __future__ import annotations

import atexit
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from sqlalchemy import select

from gateway.bootstrap import Verbs, verbs
from gateway.domain.errors import Ambiguous, Fault, Permanent, Refused, Temporary
from gateway.domain.evidence.invariants import check
from gateway.domain.evidence.receipt import NEGATIVE, Event, Handover, Place, Receipt, Registered, Relay
from gateway.domain.transit.resend import Resend
from gateway.domain.transit.states import OUTCOMES, ForbiddenMove
from gateway.exchange.evidence.chain import Overtaken
from gateway.exchange.transit.claim import LeaseLost
from gateway.exchange.transit.dispatch import Dispatch
from gateway.exchange.transit.letters import Case
from gateway.exchange.transit.resending import Resending
from gateway.store.evidence import queries as evidence
from gateway.store.evidence.models import ReceiptRow
from gateway.store.transit import queries
from gateway.store.transit.models import DeliveryRow
from gateway.verifier.opening import open_receipt
from gateway.wire.receipts import read_receipt_json
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, JWS, MINISTRY_OFFICE, XML, HubUnderTest
from tests.support.shapes import Shape, present
from tests.support.systems import TAKEN, Simulator, accept, events, fresh_hub, row

ENDS = {outcome.value for outcome in OUTCOMES}
ROUTES = (COMMUNE_OFFICE, MINISTRY_OFFICE, AGENCY_OFFICE)
LATE = (Refused, Overtaken, LeaseLost, ForbiddenMove)
"""What who comes too late, or out of turn, is told."""
GROUND = Fault("WASL-DLV-031")
NUMBER = Registered("7/2026")
RELAY = Relay("OTHER-HUB", "OTHER-1")
BUSY = Temporary("WASL-DLV-002", "busy")
CUT = Ambiguous("WASL-DLV-004", "reset")
NO = Permanent("WASL-DLV-005", "no")


def _soon(case: Case) -> Any:
    return case.row.chain_time + timedelta(minutes=1)


def _resending(made: Verbs) -> Resending:
    return Resending(made.redirecting.chains, made.redirecting.succession, "an operator")


Act = Callable[[Verbs, Case], object]

OF_WORKERS: dict[str, Act] = {
    "hand over": lambda v, c: v.outcomes.hand_over(c, TAKEN),
    "make available": lambda v, c: v.outcomes.make_available(c, Place.INBOX),
    "cannot make available": lambda v, c: v.outcomes.fail_to_make_available(c, NO),
    "wait": lambda v, c: v.outcomes.wait(c, BUSY, _soon(c), c.row.doubt),
    "hold": lambda v, c: v.outcomes.hold(c, CUT, _soon(c), doubt=True),
    "give up": lambda v, c: v.outcomes.give_up(c, NO, c.row.doubt),
    "relay": lambda v, c: v.relays.relayed(c, RELAY),
    "relay refused": lambda v, c: v.relays.relay_refused(c, RELAY),
    "relay failed": lambda v, c: v.relays.relay_failed(c, RELAY, doubt=True),
    "mail": lambda v, c: v.relays.mailed(c),
}
OF_PEOPLE: dict[str, Act] = {
    "acknowledge": lambda v, c: v.outcomes.acknowledge(c, "Front desk", NUMBER),
    "hand over late": lambda v, c: v.outcomes.hand_over_late(c, Handover()),
    "refuse": lambda v, c: v.outcomes.refuse(c, GROUND, "Front desk"),
    "cancel": lambda v, c: v.outcomes.cancel(c, "the sender"),
    "expire": lambda v, c: v.outcomes.expire(c),
    "resend": lambda v, c: v.outcomes.resend(c),
    "send anew": lambda v, c: _resending(v).resend(c, Resend(None, True, endless=True), "the hub"),
    "send anew to the agency": lambda v, c: _resending(v).resend(c, Resend(AGENCY_OFFICE), "the hub"),
    "to the commune": lambda v, c: v.redirecting.redirect(c, COMMUNE_OFFICE, "Front desk"),
    "to the ministry": lambda v, c: v.redirecting.redirect(c, MINISTRY_OFFICE, "Front desk", GROUND),
    "to the agency": lambda v, c: v.redirecting.redirect(c, AGENCY_OFFICE, "Front desk"),
    "tell": lambda v, c: v.notices.notified(c, "email"),
    "cannot tell": lambda v, c: v.notices.not_notified(c, "email"),
    "open": lambda v, c: v.notices.opened(c, "Front desk"),
    "accept": lambda v, c: v.notices.accept(c, "Front desk"),
    "register": lambda v, c: v.handling.register(c, NUMBER),
    "work": lambda v, c: v.handling.begin_work(c),
    "ask": lambda v, c: v.handling.await_sender(c),
    "answer": lambda v, c: v.handling.answer(c, "0123-4567-89T"),
    "decline": lambda v, c: v.handling.decline(c, GROUND),
    "close": lambda v, c: v.handling.close(c),
    "extend": lambda v, c: v.limits.extend(c, "more time"),
}


_PASSING_ON = ["to the commune", "to the ministry", "to the agency"]
_ANYWHERE = ["cancel", *_PASSING_ON]
_WORK = ["register", "work", "ask", "answer", "decline", "close", "extend", *_PASSING_ON]
_READY = ["acknowledge", "refuse", "open", "accept", "tell", "cannot tell", "mail", "extend", *_ANYWHERE]
_ANEW = ["send anew", "send anew to the agency"]
_LATE = ["acknowledge", "hand over late", "tell", *_ANEW, *_WORK]
POSSIBLE = {
    "QUEUED": _ANYWHERE,
    "WAITING": [*_ANYWHERE, "expire"],
    "DELIVERING": [*sorted(OF_WORKERS), "cancel"],
    "HELD": ["resend", "give up", "hand over", *_ANYWHERE],
    "AVAILABLE": _READY,
    "HANDED_OVER": ["tell", "open", *_WORK],
    "EXPIRED": _LATE,
    "FAILED": _LATE,
    "REFUSED": [*_READY, *_ANEW],
    "REDIRECTED": _READY,
    "CANCELLED": _READY,
}
"""What may be worth trying in each state; much of it is still refused."""
STARTS = ("at rest", "claimed", "queued")
CHOICE = st.integers(0, 59)


def the_hub() -> HubUnderTest:
    """One hub for all tests in the present shape."""
    return _made(present())


@cache
def _made(_shape: Shape) -> HubUnderTest:
    folder = Path(mkdtemp(prefix="wasl-chains-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return fresh_hub(folder, Simulator())


@dataclass(frozen=True)
class Account:
    """All that the store has of one letter."""

    acceptance: ReceiptRow
    deliveries: list[DeliveryRow]
    receipts: dict[str, list[ReceiptRow]]


def account(hub: HubUnderTest, message: int) -> Account:
    with hub.gateway.store.read() as session:
        first, *later = evidence.receipts(session, message)
        deliveries = queries.deliveries(session, message)
    own = {one.id: [row for row in later if row.delivery == one.id] for one in deliveries}
    assert sum(map(len, own.values())) == len(later)
    return Account(first, deliveries, own)


def check_chains(found: Account) -> None:
    """The rules that hold after every step."""
    cited = [one.predecessor for rows in found.receipts.values() for one in rows]
    links = [one for one in cited if one != found.acceptance.content_digest]
    assert len(links) == len(set(links))
    for delivery in found.deliveries:
        rows = found.receipts[delivery.id]
        digests = [found.acceptance.content_digest, *(row.content_digest for row in rows)]
        assert [row.predecessor for row in rows] == digests[:-1]
        assert delivery.chain_digest == digests[-1]
        times = [found.acceptance.event_time, *(row.event_time for row in rows)]
        assert times == sorted(times)
        assert sum(row.outcome for row in rows) == (delivery.state in ENDS)


def check_letter(hub: HubUnderTest, found: Account) -> None:
    """The rules that take opening every receipt."""
    for delivery in found.deliveries:
        before: Receipt | None = read_receipt_json(found.acceptance.content)
        for kept in found.receipts[delivery.id]:
            receipt = read_receipt_json(kept.content)
            assert check(receipt, before) is receipt
            assert receipt.recipient is not None
            assert receipt.recipient.delivery == delivery.id
            assert bool(receipt.reasons) or receipt.event not in NEGATIVE
            if receipt.outcome is not None and receipt.outcome.successor is not None:
                assert receipt.outcome.successor in found.receipts
            before = receipt
        moves = [one.now for one in events(hub, delivery.id) if one.track == "transport"]
        assert len([move for move in moves if move in ENDS]) == (delivery.state in ENDS)
    check_renderings(hub, [found.acceptance, *(row for rows in found.receipts.values() for row in rows)])


def check_renderings(hub: HubUnderTest, rows: list[ReceiptRow]) -> None:
    """Every sealed receipt opens again and says what is kept."""
    with hub.gateway.store.read() as session:
        sealed = [(kept, evidence.renderings(session, kept.id)) for kept in rows]
    for kept, renderings in sealed:
        assert renderings
        for one in renderings:
            opened = open_receipt(one.octets, one.media_type).receipt
            assert opened == read_receipt_json(kept.content)


class Journey(RuleBasedStateMachine):
    """One letter to three offices, two workers, and people who look and act at their own pace."""

    views = Bundle("views")
    """Deliveries as somebody saw them; most are out of date when they are acted upon."""

    @initialize(media_type=st.sampled_from([XML, JWS]), start=st.sampled_from(STARTS), target=views)
    def send(self, media_type: str, start: str) -> Any:
        self.hub = the_hub()
        self.verbs = verbs(self.hub.gateway, "people")
        self.workers = [self.hub.dispatch("one"), self.hub.dispatch("two")]
        expiry = self.hub.clock() + timedelta(hours=6)
        self.deliveries = accept(
            self.hub, *ROUTES, document_type="investment-file", media_type=media_type, expires_at=expiry
        )
        self.message = row(self.hub, self.deliveries[0]).message
        if start == "at rest":
            self.workers[0].run_once(50)
        elif start == "claimed":
            self.workers[0].claims.claim(50)
        return multiple(*map(self.case, self.deliveries))

    def case(self, delivery: str) -> Case:
        return self.workers[0].letters.case(delivery)

    def known(self) -> list[str]:
        with self.hub.gateway.store.read() as session:
            return [one.id for one in queries.deliveries(session, self.message)]

    @rule(minutes=st.sampled_from([-180, -1, 1, 30, 180]))
    def the_clock_jumps(self, minutes: int) -> None:
        self.hub.clock.forward(minutes=minutes)

    @rule(target=views, index=st.integers(0, 5))
    def somebody_looks(self, index: int) -> Any:
        known = self.known()
        return self.case(known[index % len(known)])

    @rule(target=views, worker=st.integers(0, 1), sends=st.booleans())
    def a_worker_claims(self, worker: int, sends: bool) -> Any:
        """And sees what it claimed; it may begin to send and never come back."""
        dispatch: Dispatch = self.workers[worker]
        claimed = [one for one in dispatch.claims.claim(50) if one in self.known()]
        cases = [self.case(one) for one in claimed]
        for case in cases:
            if sends:
                dispatch.claims.mark_sending(case.row)
        return multiple(*cases)

    @rule(worker=st.integers(0, 1))
    def a_worker_runs(self, worker: int) -> None:
        self.workers[worker].run_once(50)
        self.workers[worker].give_up_held(50)

    @rule(view=views, verb=st.sampled_from(sorted(OF_WORKERS | OF_PEOPLE)))
    def somebody_acts_on_an_old_view(self, view: Case, verb: str) -> None:
        self.act(view, verb)

    @rule(steps=st.lists(st.tuples(CHOICE, CHOICE, CHOICE), min_size=1, max_size=4))
    def two_act_on_what_both_see(self, steps: list[tuple[int, int, int]]) -> None:
        """Each time the second one comes too late, unless the first one changed nothing."""
        for index, first, second in steps:
            known = self.known()
            view = self.case(known[index % len(known)])
            possible = POSSIBLE[view.row.state]
            late = possible[second % len(possible)]
            if self.act(view, possible[first % len(possible)]) and self.moved(view):
                assert not self.act(view, late) or late == "open"
            else:
                self.act(view, late)

    @rule(choices=st.lists(CHOICE, min_size=3, max_size=3))
    def several_act_at_once(self, choices: list[int]) -> None:
        """Threads of one process, each for a delivery of its own: what can be is done in one transaction."""
        together = self.verbs.outcomes.chains.together
        assert together is not None
        views = [self.case(one) for one in self.known()][: len(choices)]
        together._led = True  # by somebody who is writing
        with ThreadPoolExecutor(len(views)) as pool:
            acting = []
            for view, choice in zip(views, choices, strict=False):
                possible, waiting = POSSIBLE[view.row.state], len(together._waiting)
                acting.append(pool.submit(self.try_to, view, possible[choice % len(possible)]))
                while not acting[-1].done() and len(together._waiting) == waiting:
                    time.sleep(0.001)
            together._hand_on(())
        for one in acting:
            one.result()

    def try_to(self, view: Case, verb: str) -> None:
        with suppress(*LATE):
            (OF_WORKERS | OF_PEOPLE)[verb](self.verbs, view)

    def moved(self, view: Case) -> bool:
        now = row(self.hub, view.row.id)
        return (now.state, now.chain_digest) != (view.row.state, view.row.chain_digest)

    def act(self, view: Case, verb: str) -> bool:
        """Whether it was done; if not, nothing changed."""
        before = snapshot(self.hub, view.row.id)
        try:
            (OF_WORKERS | OF_PEOPLE)[verb](self.verbs, view)
        except LATE:
            assert snapshot(self.hub, view.row.id) == before
            return False
        return True

    @invariant()
    def chains_hold(self) -> None:
        if hasattr(self, "message"):
            check_chains(account(self.hub, self.message))

    def teardown(self) -> None:
        if hasattr(self, "message"):
            check_letter(self.hub, account(self.hub, self.message))


def snapshot(hub: HubUnderTest, delivery: str) -> tuple[object, ...]:
    columns = DeliveryRow.__table__.columns
    with hub.gateway.store.read() as session:
        found = session.execute(select(*columns).where(DeliveryRow.id == delivery)).one()
    return (*found, len(events(hub, delivery)))


Journey.TestCase.settings = settings(
    max_examples=14,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestJourney = Journey.TestCase


@pytest.mark.usefixtures("scaled")
class TestScaledJourney(Journey.TestCase):  # type: ignore[misc, name-defined]
    settings = settings(Journey.TestCase.settings, max_examples=3)


@pytest.mark.usefixtures("shape")
def test_every_event_of_a_delivery_has_its_verb() -> None:
    """All events but those of the submission and of the time limit, which has no verb of its own."""
    hub = the_hub()
    seen: set[Event] = set()
    for acts in PATHS:
        [delivery] = accept(hub)
        assert delivery in hub.dispatch().claims.claim(100)
        for name in acts:
            case = hub.dispatch().letters.case(delivery)
            (OF_WORKERS | OF_PEOPLE)[name](verbs(hub.gateway, "tests"), case)
        found = account(hub, row(hub, delivery).message)
        check_chains(found)
        check_letter(hub, found)
        seen |= {Event(one.event) for one in found.receipts[delivery]}
    assert seen == set(Event) - {Event.SUBMISSION_ACCEPTANCE, Event.SUBMISSION_REJECTION}


PATHS = (
    ("hand over", "register", "ask", "work", "answer", "close"),
    ("hand over", "decline"),
    ("make available", "tell", "cannot tell", "open", "accept", "acknowledge"),
    ("make available", "to the agency"),
    ("make available", "cancel"),
    ("make available", "refuse"),
    ("make available", "expire", "hand over late"),
    ("cannot make available", "send anew"),
    ("relay",),
    ("relay refused",),
    ("relay failed",),
    ("mail",),
)


@pytest.mark.usefixtures("shape")
@pytest.mark.parametrize("started", range(2))
def test_who_acts_at_the_same_moment_brings_one_outcome(started: int) -> None:
    hub = the_hub()
    [delivery] = accept(hub, AGENCY_OFFICE)
    hub.dispatch().run_once(100)
    ends = [OF_PEOPLE[name] for name in ("acknowledge", "refuse", "cancel", "expire", "to the ministry")]
    ends = ends[started:] + ends[:started]
    barrier = Barrier(len(ends))

    def act(verb: Act) -> bool:
        desk, case = verbs(hub.gateway, "tests"), hub.dispatch().letters.case(delivery)
        barrier.wait()
        try:
            verb(desk, case)
        except LATE:
            return False
        return True

    with ThreadPoolExecutor(len(ends)) as pool:
        assert sum(pool.map(act, ends)) == 1
    found = account(hub, row(hub, delivery).message)
    check_chains(found)
    check_letter(hub, found)
