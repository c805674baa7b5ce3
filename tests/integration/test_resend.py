"""What ended without arriving is sent anew by a successor; the outcome that there was is never reopened."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.contract import Context, Delivered, Letter
from gateway.bootstrap import Verbs, evidence, lifecycle, verbs
from gateway.domain.errors import Ambiguous, Conflict, Fault, Gone, Permanent, Refused, Temporary
from gateway.domain.evidence.receipt import Event, Place, Receipt, Registered
from gateway.domain.transit.repairs import Decision, Verb
from gateway.domain.transit.resend import Resend
from gateway.exchange.transit.inbox import Reader
from gateway.exchange.transit.repair import Repair
from gateway.exchange.transit.resending import Resending
from gateway.store.transit import queries
from gateway.store.transit.models import DeliveryRow, Message
from tests.support.bundles import bundle_of, codes, files_in, judged, sealed
from tests.support.deliveries import case_of, claimed
from tests.support.evidence import settle
from tests.support.hub import AGENCY, AGENCY_OFFICE, COMMUNE_OFFICE, MINISTRY_OFFICE, HubUnderTest
from tests.support.shapes import Shape
from tests.support.systems import (
    TAKEN,
    Searchable,
    Simulator,
    accept,
    events,
    fresh_hub,
    receipt_rows,
    receipts,
    row,
    state,
    states,
)

HOW = Decision("operator-1", "their system was mended")
AGAIN = Resend()
TWICE = Resend(possible_duplicate=True)
GONE_FOR_GOOD = Permanent("WASL-DLV-005", "no")
CUT = Ambiguous("WASL-DLV-004", "reset")


@pytest.fixture
def system() -> Searchable:
    return Searchable()


@pytest.fixture
def hub(shape: Shape, tmp_path: Path, system: Searchable) -> HubUnderTest:
    return fresh_hub(tmp_path, system)


@pytest.fixture
def repair(hub: HubUnderTest) -> Repair:
    return lifecycle.repair(hub.gateway)


@pytest.fixture
def verb(hub: HubUnderTest) -> Verbs:
    return verbs(hub.gateway, "tests")


def failed(hub: HubUnderTest, office: str = COMMUNE_OFFICE, doubt: bool = False, **changes: object) -> str:
    """A letter that was given up."""
    [delivery] = accept(hub, office, **changes)
    verbs(hub.gateway, "w").outcomes.give_up(case_of(hub, claimed(hub, delivery)), GONE_FOR_GOOD, doubt)
    return delivery


def ready(hub: HubUnderTest, office: str = AGENCY_OFFICE, **changes: object) -> str:
    [delivery] = accept(hub, office, **changes)
    hub.dispatch().run_once(100)
    assert state(hub, delivery) == "AVAILABLE"
    return delivery


def last(hub: HubUnderTest, delivery: str, event: Event) -> Receipt:
    return [one for one in receipts(hub, delivery) if one.event is event][-1]


def give_up(hub: HubUnderTest, delivery: str) -> str:
    """A queued letter that a worker gives up."""
    outcomes = verbs(hub.gateway, "w").outcomes
    outcomes.give_up(case_of(hub, claimed(hub, delivery)), GONE_FOR_GOOD, doubt=False)
    return delivery


def told(hub: HubUnderTest, delivery: str) -> list[Event]:
    return [one.event for one in receipts(hub, delivery) if one.event is not Event.TIME_LIMIT]


def test_a_failed_letter_is_sent_anew_and_its_failure_stays(
    hub: HubUnderTest, repair: Repair, system: Searchable
) -> None:
    delivery = failed(hub)
    successor = repair.resend(delivery, HOW, AGAIN)
    assert (state(hub, delivery), state(hub, successor)) == ("FAILED", "QUEUED")
    assert told(hub, delivery) == [Event.CONTENT_HANDOVER_FAILURE, Event.RESENT]
    resent = last(hub, delivery, Event.RESENT)
    assert resent.outcome is not None
    assert (resent.outcome.state, resent.outcome.successor) == ("FAILED", successor)
    assert resent.outcome.decided_by == hub.gateway.issuing.issuer.name
    assert sum(one.outcome for one in receipt_rows(hub, delivery)) == 1
    hub.dispatch().run_once(100)
    assert (state(hub, successor), [one.delivery_id for one in system.letters]) == (
        "HANDED_OVER",
        [successor],
    )
    handover = last(hub, successor, Event.CONTENT_HANDOVER).handover
    assert handover is not None
    assert not handover.possible_duplicate
    assert events(hub, delivery)[-1].by == "operator-1"


def test_both_ends_of_the_line_show_the_other(hub: HubUnderTest, repair: Repair) -> None:
    delivery = failed(hub)
    seen = lifecycle.overview(hub.gateway)
    assert seen.show(delivery).possible == (Verb.RESEND,)
    successor = repair.resend(delivery, HOW, AGAIN)
    before, after = seen.show(delivery), seen.show(successor)
    assert (before.successor, before.succeeds, before.possible) == (successor, None, ())
    assert (after.successor, after.succeeds) == (None, delivery)
    assert [(one.verb, one.by, one.why) for one in before.decisions] == [("resend", HOW.by, HOW.why)]


def test_the_sender_finds_the_successor_in_its_letter_and_feed(hub: HubUnderTest, repair: Repair) -> None:
    delivery = failed(hub)
    successor = repair.resend(delivery, HOW, AGAIN)
    with hub.gateway.store.read() as session:
        reference = session.get_one(Message, session.get_one(DeliveryRow, delivery).message).reference
    letter = hub.get(f"/api/v1/envelopes/{reference}").json
    assert [one["id"] for one in letter["deliveries"]] == [delivery, successor]
    feed = hub.get("/api/v1/events").json["events"]
    assert Event.RESENT.value in [one["event"] for one in feed]


@pytest.mark.parametrize("ground", ["WASL-DLV-031", "WASL-DLV-035"])
def test_what_the_wrong_office_refused_goes_to_another_one(
    hub: HubUnderTest, repair: Repair, verb: Verbs, ground: str
) -> None:
    delivery = ready(hub)
    verb.outcomes.refuse(case_of(hub, delivery), Fault(ground), "Front desk")
    with pytest.raises(Refused, match="WASL-RTE-008"):
        repair.resend(delivery, HOW, AGAIN)
    successor = repair.resend(delivery, HOW, Resend(office=COMMUNE_OFFICE))
    assert (state(hub, delivery), row(hub, successor).office) == ("REFUSED", COMMUNE_OFFICE)
    hub.dispatch().run_once(100)
    assert state(hub, successor) == "HANDED_OVER"


def test_what_the_recipient_refused_itself_is_not_sent_anew(
    hub: HubUnderTest, repair: Repair, verb: Verbs
) -> None:
    delivery = ready(hub)
    verb.outcomes.refuse(case_of(hub, delivery), Fault("WASL-DLV-034"), "Front desk")
    assert lifecycle.overview(hub.gateway).show(delivery).possible == ()
    with pytest.raises(Conflict, match="WASL-DLV-058"):
        repair.resend(delivery, HOW, Resend(office=COMMUNE_OFFICE))


@pytest.mark.parametrize("end", ["HANDED_OVER", "CANCELLED", "REDIRECTED", "QUEUED", "AVAILABLE", "late"])
def test_what_arrived_or_was_taken_back_or_lives_is_not_sent_anew(
    hub: HubUnderTest, repair: Repair, verb: Verbs, end: str
) -> None:
    if end == "late":
        delivery = ready(hub)
        verb.outcomes.give_up(case_of(hub, delivery), GONE_FOR_GOOD, doubt=False)
        verb.outcomes.acknowledge(case_of(hub, delivery), "Front desk")
    elif end in ("QUEUED", "CANCELLED"):
        [delivery] = accept(hub)
    else:
        delivery = ready(hub)
    acts: dict[str, Callable[[], object]] = {
        "HANDED_OVER": lambda: verb.outcomes.acknowledge(case_of(hub, delivery), "Front desk"),
        "CANCELLED": lambda: verb.outcomes.cancel(case_of(hub, delivery), "sender"),
        "REDIRECTED": lambda: repair.redirect(delivery, HOW, COMMUNE_OFFICE),
    }
    if end in acts:
        acts[end]()
    before = hub.kept()
    with pytest.raises(Conflict, match="WASL-DLV-019"):
        repair.resend(delivery, HOW, TWICE)
    assert hub.kept() == before


# Doubt ---------------------------------------------------------------------------------------------


def test_what_may_have_arrived_is_sent_anew_only_as_a_possible_duplicate(
    hub: HubUnderTest, repair: Repair, system: Searchable
) -> None:
    system.idempotent = True
    system.known = [Temporary("WASL-DLV-002", "no answer")] * 2
    delivery = failed(hub, doubt=True)
    with pytest.raises(Conflict, match="WASL-DLV-052"):
        repair.resend(delivery, HOW, AGAIN)
    with pytest.raises(Conflict, match="WASL-DLV-020"):
        repair.resend(delivery, HOW, Resend(office=AGENCY_OFFICE, possible_duplicate=True))
    successor = repair.resend(delivery, HOW, TWICE)
    resent = last(hub, delivery, Event.RESENT)
    assert [reason.code for reason in resent.reasons] == ["WASL-DLV-060"]
    assert resent.outcome is not None
    assert resent.outcome.unknown
    hub.dispatch().run_once(100)
    handover = last(hub, successor, Event.CONTENT_HANDOVER).handover
    assert handover is not None
    assert handover.possible_duplicate
    assert system.letters[-1].possible_duplicate


def test_doubt_that_only_the_failed_attempt_brought_counts(
    hub: HubUnderTest, repair: Repair, system: Searchable
) -> None:
    """The row was in no doubt before the attempt that failed for good."""
    [delivery] = accept(hub)
    verbs(hub.gateway, "w").outcomes.give_up(case_of(hub, claimed(hub, delivery)), CUT, doubt=True)
    with hub.gateway.store.write() as session:  # as a version before this one left it
        session.get_one(DeliveryRow, delivery).doubt = False
    with pytest.raises(Conflict, match="WASL-DLV-052"):
        repair.resend(delivery, HOW, AGAIN)


@pytest.mark.parametrize("there", [True, False])
def test_a_system_that_can_be_asked_is_asked_for_the_delivery_before(
    hub: HubUnderTest, repair: Repair, system: Searchable, there: bool
) -> None:
    delivery = failed(hub, doubt=True)
    successor = repair.resend(delivery, HOW, TWICE)
    system.known = [None, TAKEN if there else None]
    hub.dispatch().run_once(100)
    assert system.asked == [successor, delivery]
    assert (state(hub, successor), len(system.letters)) == ("HANDED_OVER", 0 if there else 1)


@dataclass
class Once(Simulator):
    """A system that takes an identifier once and cannot be asked; its register tells what it has."""

    idempotent: bool = True
    register: dict[str, str] = field(default_factory=dict)

    def deliver(self, letter: Letter, context: Context) -> Delivered:
        known = self.register.setdefault(letter.delivery_id, f"C-{len(self.register) + 1}")
        return replace(super().deliver(letter, context), register_number=known)


def once(hub: HubUnderTest, *script: Exception) -> Once:
    system = Once(list(script))
    hub.gateway.adapters["simulator"] = system  # type: ignore[index]
    return system


def given_up(hub: HubUnderTest, delivery: str) -> None:
    """A delivery's attempt stays in doubt until its time is over."""
    hub.dispatch().run_once(100)
    assert (state(hub, delivery), row(hub, delivery).doubt) == ("WAITING", True)
    hub.clock.forward(days=6)
    hub.dispatch().run_once(100)
    assert state(hub, delivery) == "FAILED"


def test_a_system_that_takes_an_identifier_once_knows_a_letter_that_is_sent_anew(
    hub: HubUnderTest, repair: Repair
) -> None:
    system = once(hub, *[CUT] * 5)
    [delivery] = accept(hub)
    given_up(hub, delivery)
    second = repair.resend(delivery, HOW, TWICE)
    given_up(hub, second)
    third = repair.resend(second, HOW, TWICE)
    system.script.clear()
    hub.dispatch().run_once(100)
    assert (state(hub, third), row(hub, third).register_number) == ("HANDED_OVER", "C-1")
    assert system.register == {delivery: "C-1"}
    handover = last(hub, third, Event.CONTENT_HANDOVER).handover
    assert handover is not None
    assert handover.possible_duplicate


def test_a_delivery_that_surely_did_not_arrive_lends_its_key_to_nobody(
    hub: HubUnderTest, repair: Repair
) -> None:
    system = once(hub, GONE_FOR_GOOD, CUT, CUT)
    [delivery] = accept(hub)
    hub.dispatch().run_once(100)
    second = repair.resend(delivery, HOW, AGAIN)
    given_up(hub, second)
    third = repair.resend(second, HOW, TWICE)
    system.script.clear()
    hub.dispatch().run_once(100)
    assert state(hub, third) == "HANDED_OVER"
    assert [one.delivery_id for one in system.letters][-1] == second
    assert row(hub, third).register_number == "C-2"


def test_a_system_that_promises_nothing_gets_the_successor_s_own_identifier(
    hub: HubUnderTest, repair: Repair
) -> None:
    plain = Simulator()
    delivery = failed(hub, doubt=True)
    hub.gateway.adapters["simulator"] = plain  # type: ignore[index]
    successor = repair.resend(delivery, HOW, TWICE)
    hub.dispatch().run_once(100)
    assert [one.delivery_id for one in plain.letters] == [successor]


def test_a_successor_in_doubt_that_fails_for_now_is_not_repeated_by_itself(
    hub: HubUnderTest, repair: Repair
) -> None:
    """Neither repeats nor look-ups: what a person decided was one attempt."""
    plain = Simulator([Temporary("WASL-DLV-002", "HTTP 503")])
    hub.gateway.adapters["simulator"] = plain  # type: ignore[index]
    successor = repair.resend(failed(hub, doubt=True), HOW, TWICE)
    hub.dispatch().run_once(100)
    assert (state(hub, successor), len(plain.letters)) == ("HELD", 1)
    assert row(hub, successor).doubt


# Ends ----------------------------------------------------------------------------------------------


def expired(hub: HubUnderTest) -> str:
    [delivery] = accept(hub, expires_at=hub.clock() + timedelta(hours=1))
    hub.clock.forward(hours=2)
    assert lifecycle.lapses(hub.gateway, "w").run() == 1
    assert state(hub, delivery) == "EXPIRED"
    return delivery


def test_an_expired_letter_needs_a_new_end_or_none(hub: HubUnderTest, repair: Repair) -> None:
    delivery = expired(hub)
    with pytest.raises(Conflict, match="WASL-DLV-057"):
        repair.resend(delivery, HOW, AGAIN)
    for wrong in (hub.clock(), hub.clock() + timedelta(days=400)):
        with pytest.raises(Refused, match="WASL-REQ-010"):
            repair.resend(delivery, HOW, Resend(until=wrong))
    with pytest.raises(Refused, match="WASL-REQ-010"):
        repair.resend(delivery, HOW, Resend(until=hub.clock() + timedelta(days=1), endless=True))
    assert told(hub, delivery) == [Event.ACCEPTANCE_REJECTION_EXPIRY]


def test_the_new_end_is_the_end_of_the_successor(hub: HubUnderTest, repair: Repair) -> None:
    delivery = expired(hub)
    successor = repair.resend(delivery, HOW, Resend(until=hub.clock() + timedelta(hours=1)))
    assert lifecycle.lapses(hub.gateway, "w").run() == 0
    hub.clock.forward(hours=1)
    assert lifecycle.lapses(hub.gateway, "w").run() == 1
    assert (states(hub, successor), states(hub, delivery)) == (["QUEUED", "EXPIRED"], ["QUEUED", "EXPIRED"])


def test_an_endless_successor_is_delivered_after_the_sender_s_end(
    hub: HubUnderTest, repair: Repair, system: Searchable
) -> None:
    system.script = [Temporary("WASL-DLV-002", "HTTP 503")]
    successor = repair.resend(expired(hub), HOW, Resend(endless=True))
    hub.dispatch().run_once(100)
    assert state(hub, successor) == "WAITING"
    hub.clock.forward(hours=3)
    assert lifecycle.lapses(hub.gateway, "w").run() == 0
    hub.dispatch().run_once(100)
    assert state(hub, successor) == "HANDED_OVER"


def test_an_end_that_has_not_come_goes_on(hub: HubUnderTest, repair: Repair) -> None:
    end = hub.clock() + timedelta(hours=1)
    successor = repair.resend(failed(hub, AGENCY_OFFICE, expires_at=end), HOW, AGAIN)
    hub.dispatch().run_once(100)
    assert (state(hub, successor), row(hub, successor).held_until) == ("AVAILABLE", end)
    hub.clock.forward(hours=1)
    assert hub.dispatch().give_up_held() == 1
    assert state(hub, successor) == "EXPIRED"


# Lines ---------------------------------------------------------------------------------------------


def test_a_line_has_three_successors_at_most_however_they_came(hub: HubUnderTest, repair: Repair) -> None:
    delivery = failed(hub)
    for _ in range(2):
        delivery = give_up(hub, repair.resend(delivery, HOW, AGAIN))
    delivery = repair.resend(delivery, HOW, Resend(office=MINISTRY_OFFICE))
    with pytest.raises(Refused, match="WASL-RTE-007"):
        repair.redirect(delivery, HOW, AGENCY_OFFICE)
    repair.fail(delivery, HOW)
    with pytest.raises(Refused, match="WASL-RTE-007"):
        repair.resend(delivery, HOW, AGAIN)


def test_a_letter_does_not_come_back_to_an_office_before(hub: HubUnderTest, repair: Repair) -> None:
    first = failed(hub)
    second = repair.resend(first, HOW, Resend(office=MINISTRY_OFFICE))
    repair.fail(second, HOW)
    with pytest.raises(Refused, match="WASL-RTE-008"):
        repair.resend(second, HOW, Resend(office=COMMUNE_OFFICE))
    with pytest.raises(Conflict, match="WASL-DLV-056"):
        repair.resend(first, HOW, AGAIN)


def test_of_operators_at_once_one_makes_a_successor(hub: HubUnderTest) -> None:
    delivery = failed(hub)

    def press(_: int) -> str:
        try:
            return lifecycle.repair(hub.gateway).resend(delivery, HOW, AGAIN)
        except Conflict as conflict:
            return conflict.faults[0].code

    with ThreadPoolExecutor(6) as pool:
        ends = sorted(pool.map(press, range(6)))
    made = [one for one in ends if not one.startswith("WASL-")]
    assert len(made) == 1, ends
    assert set(ends) <= {made[0], "WASL-DLV-053", "WASL-DLV-056"}
    with hub.gateway.store.read() as session:
        message = session.get_one(DeliveryRow, delivery).message
        assert [one.id for one in queries.deliveries(session, message)] == [delivery, made[0]]


def test_what_was_purged_is_not_sent_anew(hub: HubUnderTest, repair: Repair) -> None:
    delivery = failed(hub)
    with hub.gateway.store.write() as session:
        session.get_one(Message, session.get_one(DeliveryRow, delivery).message).purged_at = hub.clock()
    before = hub.kept()
    with pytest.raises(Gone, match="WASL-RET-001"):
        repair.resend(delivery, HOW, AGAIN)
    assert hub.kept() == before


def test_a_bundle_tells_the_whole_line_without_the_hub(
    hub: HubUnderTest, repair: Repair, tmp_path: Path
) -> None:
    delivery = failed(hub)
    successor = repair.resend(delivery, HOW, AGAIN)
    hub.dispatch().run_once(100)
    settle(hub)
    with hub.gateway.store.read() as session:
        reference = session.get_one(Message, session.get_one(DeliveryRow, delivery).message).reference
    octets = bundle_of(hub, reference or "")
    report = judged(octets, tmp_path, hub.home / "trust", hub.clock())
    assert report.exit_code == 0, codes(report)
    assert [step.code for step in report.became] == ["bundle.failed", "bundle.resent", "bundle.handed-over"]
    for language in ("ar", "fr", "en"):
        assert "{" not in report.sentence(language)
    # without the receipt that names it nobody promised the successor
    files = files_in(octets)
    resent = next(name for name, one in files.items() if b"urn:wasl:event:Resent" in one and ".xml" in name)
    left = {name: one for name, one in files.items() if not name.startswith(resent)}
    forged = judged(sealed(left, hub.pki, hub.clock()), tmp_path, hub.home / "trust", hub.clock())
    assert "bundle.other-delivery" in codes(forged)
    assert state(hub, successor) == "HANDED_OVER"


def test_the_self_check_finds_nothing_wrong_with_a_line(hub: HubUnderTest, repair: Repair) -> None:
    again = give_up(hub, repair.resend(failed(hub), HOW, AGAIN))
    repair.resend(again, HOW, AGAIN)
    settle(hub)
    assert list(evidence.self_check(hub.gateway).find(deep=True)) == []


# The acknowledgment that comes late -----------------------------------------------------------------


def ended_then_resent(hub: HubUnderTest, repair: Repair, verb: Verbs) -> tuple[str, str]:
    delivery = ready(hub)
    verb.outcomes.give_up(case_of(hub, delivery), GONE_FOR_GOOD, doubt=False)
    return delivery, repair.resend(delivery, HOW, AGAIN)


@pytest.mark.parametrize("where", ["QUEUED", "HELD", "AVAILABLE"])
def test_an_acknowledgment_of_the_delivery_before_stops_the_successor(
    hub: HubUnderTest, repair: Repair, verb: Verbs, where: str
) -> None:
    delivery, successor = ended_then_resent(hub, repair, verb)
    if where == "HELD":
        repair.hold(successor, HOW)
    if where == "AVAILABLE":
        verb.outcomes.make_available(case_of(hub, claimed(hub, successor)), Place.HUB_OFFICE)
    desk = Reader(AGENCY, "Front desk", "client-1")
    hub.gateway.services.inbox.acknowledge(delivery, desk, Registered("7/2026"))
    assert told(hub, delivery)[-2:] == [Event.LATE_HANDOVER, Event.REGISTERED]
    assert hub.dispatch().run_once(100) == 0
    assert hub.dispatch().give_up_held() == 1
    assert state(hub, successor) == "FAILED"
    over = last(hub, successor, Event.CONTENT_HANDOVER_FAILURE)
    assert [reason.code for reason in over.reasons] == ["WASL-DLV-055"]
    assert over.outcome is not None
    assert not over.outcome.unknown
    assert lifecycle.overview(hub.gateway).show(delivery).possible == ()


def test_an_acknowledgment_leaves_alone_what_is_being_sent_or_has_arrived(
    hub: HubUnderTest, repair: Repair, verb: Verbs
) -> None:
    delivery, successor = ended_then_resent(hub, repair, verb)
    claimed(hub, successor)
    verb.outcomes.acknowledge(case_of(hub, delivery), "Front desk")
    assert (state(hub, successor), row(hub, successor).held_code) == ("DELIVERING", None)


def test_the_letter_that_was_sent_anew_at_the_same_moment_is_not(
    hub: HubUnderTest, repair: Repair, verb: Verbs
) -> None:
    """The acknowledgment and the operator look at the same time; whoever comes second looks again."""
    delivery = ready(hub)
    verb.outcomes.give_up(case_of(hub, delivery), GONE_FOR_GOOD, doubt=False)
    seen = case_of(hub, delivery)
    hub.gateway.services.inbox.acknowledge(delivery, Reader(AGENCY, "Front desk", "client-1"))
    stale = Resending(verb.redirecting.chains, verb.redirecting.succession, "operator-1")
    with pytest.raises(Conflict, match="WASL-DLV-019"):
        stale.resend(seen, AGAIN, "hub")
