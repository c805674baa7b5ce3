"""What recipients, senders and other hubs may do with a delivery: each a move, an event and a receipt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from gateway.bootstrap import Verbs, verbs
from gateway.domain.errors import Ambiguous, Conflict, Fault, Permanent, Refused
from gateway.domain.evidence.receipt import Event, Handover, Octets, Place, Receipt, Registered, Relay
from gateway.exchange.evidence.chain import Overtaken
from gateway.exchange.transit.letters import Case
from tests.support.hub import AGENCY_OFFICE, COMMUNE_OFFICE, MINISTRY_OFFICE, HubUnderTest
from tests.support.systems import (
    Simulator,
    accept,
    acceptance_digest,
    attempts,
    events,
    fresh_hub,
    receipt_rows,
    receipts,
    row,
    state,
    states,
)

NOT_OURS = Fault("WASL-DLV-031")
NUMBER = Registered("7/2026", date(2026, 11, 20), "Arrivals")
CUT = Ambiguous("WASL-DLV-004", "reset")
GONE = Permanent("WASL-DLV-005", "no")


@dataclass
class Desk:
    """A hub with its verbs."""

    hub: HubUnderTest
    verbs: Verbs
    system: Simulator

    def case(self, delivery: str) -> Case:
        return self.hub.dispatch().letters.case(delivery)

    def ready(self, office: str = AGENCY_OFFICE, **changes: object) -> str:
        """A letter that lies ready."""
        [delivery] = accept(self.hub, office, **changes)
        self.hub.dispatch().run_once(100)
        assert state(self.hub, delivery) == "AVAILABLE"
        return delivery

    def claimed(self) -> str:
        """A letter that is being delivered."""
        [delivery] = accept(self.hub)
        assert delivery in self.hub.dispatch().claims.claim(100)
        return delivery

    def held_in_doubt(self) -> str:
        delivery = self.claimed()
        self.verbs.outcomes.hold(self.case(delivery), CUT, self.hub.clock() + timedelta(days=1), doubt=True)
        return delivery

    def told(self, delivery: str) -> list[Event]:
        """The events of the delivery's receipts but for the time limit."""
        return [one.event for one in receipts(self.hub, delivery) if one.event is not Event.TIME_LIMIT]

    def last(self, delivery: str, event: Event) -> Receipt:
        return [one for one in receipts(self.hub, delivery) if one.event is event][-1]

    def notices(self, delivery: str) -> list[tuple[str, str | None]]:
        return [(one.now, one.why) for one in events(self.hub, delivery) if one.track == "notice"]

    def outcomes(self, delivery: str) -> int:
        return sum(one.outcome for one in receipt_rows(self.hub, delivery))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    system = Simulator()
    hub = fresh_hub(tmp_path_factory.mktemp("hub"), system)
    return Desk(hub, verbs(hub.gateway, "tests"), system)


def test_a_recipient_refuses_with_a_ground(desk: Desk) -> None:
    delivery = desk.ready()
    desk.verbs.outcomes.refuse(desk.case(delivery), NOT_OURS, "Front desk")
    refused = desk.last(delivery, Event.CONSIGNMENT_REJECTION)
    assert (state(desk.hub, delivery), desk.outcomes(delivery)) == ("REFUSED", 1)
    assert [reason.code for reason in refused.reasons] == ["WASL-DLV-031"]
    assert refused.outcome is not None
    assert (refused.outcome.state, refused.outcome.decided_by) == ("REFUSED", "Front desk")
    assert refused.stated_by == row(desk.hub, delivery).office_name
    assert events(desk.hub, delivery)[-1].why == "WASL-DLV-031"


def test_a_ground_in_own_words_stands_in_the_receipt(desk: Desk) -> None:
    delivery = desk.ready()
    ground = Fault("WASL-DLV-039", found="the form of 2019 is no longer used")
    desk.verbs.outcomes.refuse(desk.case(delivery), ground, "Front desk")
    [reason] = desk.last(delivery, Event.CONSIGNMENT_REJECTION).reasons
    assert "the form of 2019" in reason.text


def test_a_refusal_on_no_ground_changes_nothing(desk: Desk) -> None:
    delivery = desk.ready()
    with pytest.raises(Refused, match="WASL-DLV-030"):
        desk.verbs.outcomes.refuse(desk.case(delivery), Fault("WASL-DLV-001"), "Front desk")
    assert state(desk.hub, delivery) == "AVAILABLE"


def test_a_recipient_acknowledges_and_registers(desk: Desk) -> None:
    delivery = desk.ready()
    desk.verbs.outcomes.acknowledge(desk.case(delivery), "Front desk", NUMBER)
    told = row(desk.hub, delivery)
    assert (told.state, told.processing, told.register_number) == ("HANDED_OVER", "REGISTERED", "7/2026")
    assert desk.told(delivery) == [Event.CONTENT_CONSIGNMENT, Event.CONTENT_HANDOVER, Event.REGISTERED]
    handover = desk.last(delivery, Event.CONTENT_HANDOVER).handover
    assert handover == Handover(acknowledged_by="Front desk")
    registration = desk.last(delivery, Event.REGISTERED)
    assert (registration.registered, registration.stated_by) == (NUMBER, told.office_name)
    with pytest.raises(Conflict):
        desk.verbs.outcomes.acknowledge(desk.case(delivery), "Front desk", NUMBER)


def test_an_acknowledgment_after_the_end_is_told_beside_the_outcome(desk: Desk) -> None:
    delivery = desk.ready(expires_at=desk.hub.clock() + timedelta(hours=1))
    with desk.hub.clock.moved(hours=2):
        assert desk.hub.dispatch().give_up_held() == 1
        desk.verbs.outcomes.acknowledge(desk.case(delivery), "Front desk", NUMBER)
        told = row(desk.hub, delivery)
        assert (told.state, told.processing, desk.outcomes(delivery)) == ("EXPIRED", "REGISTERED", 1)
        late = desk.last(delivery, Event.LATE_HANDOVER)
        assert (late.outcome is not None and late.outcome.state, late.handover is None) == ("EXPIRED", False)
        assert desk.notices(delivery) == [("LATE_HANDOVER", None)]
        with pytest.raises(Conflict):
            desk.verbs.outcomes.acknowledge(desk.case(delivery), "Front desk")
        desk.verbs.handling.begin_work(desk.case(delivery))
        assert row(desk.hub, delivery).processing == "IN_PROGRESS"


def test_a_letter_given_up_and_never_had_is_not_processed(desk: Desk) -> None:
    delivery = desk.claimed()
    desk.verbs.outcomes.give_up(desk.case(delivery), GONE, doubt=False)
    with pytest.raises(Conflict):
        desk.verbs.handling.register(desk.case(delivery), NUMBER)


def test_a_sender_takes_a_letter_back(desk: Desk) -> None:
    [queued] = accept(desk.hub, not_before=desk.hub.clock() + timedelta(days=1))
    ready, claimed = desk.ready(), desk.claimed()
    for delivery in (queued, ready, claimed):
        desk.verbs.outcomes.cancel(desk.case(delivery), "DEMONSTRATION ministry")
        assert (state(desk.hub, delivery), desk.outcomes(delivery)) == ("CANCELLED", 1)
        cancelled = desk.last(delivery, Event.CANCELLED)
        assert cancelled.outcome is not None
        assert cancelled.outcome.decided_by == "DEMONSTRATION ministry"
        with pytest.raises(Conflict, match="WASL-DLV-019"):
            desk.verbs.outcomes.cancel(desk.case(delivery), "DEMONSTRATION ministry")


def test_a_letter_that_may_have_arrived_is_not_taken_back(desk: Desk) -> None:
    doubtful, sending, opened = desk.held_in_doubt(), desk.claimed(), desk.ready()
    dispatch = desk.hub.dispatch()
    before = desk.case(sending)
    dispatch.claims.mark_sending(before.row)
    desk.verbs.notices.opened(desk.case(opened), "Front desk")
    for case in (desk.case(doubtful), before, desk.case(sending), desk.case(opened)):
        with pytest.raises(Conflict, match="WASL-DLV-020"):
            desk.verbs.outcomes.cancel(case, "DEMONSTRATION ministry")
    assert [state(desk.hub, one) for one in (doubtful, sending, opened)] == [
        "HELD",
        "DELIVERING",
        "AVAILABLE",
    ]


def test_a_worker_whose_letter_was_taken_back_sends_nothing(desk: Desk) -> None:
    delivery = desk.claimed()
    seen = desk.case(delivery)
    desk.verbs.outcomes.cancel(desk.case(delivery), "DEMONSTRATION ministry")
    before = len(desk.system.letters)
    desk.hub.dispatch().work(delivery)
    assert (len(desk.system.letters), state(desk.hub, delivery)) == (before, "CANCELLED")
    with pytest.raises(Exception, match=delivery):
        desk.verbs.outcomes.give_up(seen, GONE, doubt=False)


def test_opening_is_attested_once_for_each_unit(desk: Desk) -> None:
    delivery = desk.ready()
    opened = [desk.verbs.notices.opened(desk.case(delivery), unit) for unit in ("One", "Two", "One")]
    assert opened == [True, True, False]
    units = [one.accessed_by for one in receipts(desk.hub, delivery) if one.accessed_by]
    assert (units, state(desk.hub, delivery)) == (["One", "Two"], "AVAILABLE")
    assert desk.notices(delivery) == [("OPENED", None)] * 2


def test_a_letter_that_was_opened_and_never_acknowledged_ends_unknown(desk: Desk) -> None:
    delivery = desk.ready(expires_at=desk.hub.clock() + timedelta(hours=1))
    desk.verbs.notices.opened(desk.case(delivery), "Front desk")
    with desk.hub.clock.moved(hours=2):
        desk.hub.dispatch().give_up_held()
    outcome = desk.last(delivery, Event.ACCEPTANCE_REJECTION_EXPIRY).outcome
    assert outcome is not None
    assert outcome.unknown


def test_a_recipient_says_once_that_it_will_take_it(desk: Desk) -> None:
    delivery = desk.ready()
    desk.verbs.notices.accept(desk.case(delivery), "Front desk")
    accepted = desk.last(delivery, Event.CONSIGNMENT_ACCEPTANCE)
    assert accepted.outcome is not None
    assert (accepted.outcome.state, desk.outcomes(delivery)) == ("AVAILABLE", 0)
    with pytest.raises(Conflict):
        desk.verbs.notices.accept(desk.case(delivery), "Front desk")
    assert desk.notices(delivery) == [("ACCEPTED", None)]


def test_a_recipient_is_told_or_could_not_be(desk: Desk) -> None:
    delivery = desk.ready()
    desk.verbs.notices.not_notified(desk.case(delivery), "email", times=3)
    desk.verbs.notices.notified(desk.case(delivery), "sms")
    failed = desk.last(delivery, Event.CONSIGNMENT_NOTIFICATION_FAILURE)
    assert failed.notified is not None
    assert (failed.notified.channel, failed.notified.times) == ("email", 3)
    assert [reason.code for reason in failed.reasons] == ["WASL-DLV-023"]
    assert desk.last(delivery, Event.CONSIGNMENT_NOTIFICATION).reasons == ()
    assert desk.notices(delivery) == [("NOT_NOTIFIED", "WASL-DLV-023"), ("NOTIFIED", None)]


def test_nothing_is_attested_behind_the_back_of_an_attempt(desk: Desk) -> None:
    delivery = desk.claimed()
    for verb in (
        lambda case: desk.verbs.notices.notified(case, "email"),
        lambda case: desk.verbs.notices.opened(case, "Front desk"),
        lambda case: desk.verbs.outcomes.refuse(case, NOT_OURS, "Front desk"),
        lambda case: desk.verbs.outcomes.acknowledge(case, "Front desk"),
        lambda case: desk.verbs.outcomes.hand_over_late(case, Handover()),
        lambda case: desk.verbs.outcomes.resend(case),
    ):
        with pytest.raises(Conflict, match="WASL-DLV-019"):
            verb(desk.case(delivery))
    assert receipts(desk.hub, delivery) == []


RELAY = Relay("OTHER-HUB", "OTHER-1", Octets("0" * 64))


def test_another_hub_takes_charge_and_tells_the_outcome_later(desk: Desk) -> None:
    delivery = desk.claimed()
    desk.verbs.relays.relayed(desk.case(delivery), RELAY)
    told = row(desk.hub, delivery)
    assert (told.state, told.target_reference, desk.outcomes(delivery)) == ("AVAILABLE", "OTHER-1", 0)
    taken = desk.last(delivery, Event.RELAY_ACCEPTANCE)
    assert (taken.relay, taken.stated_by) == (RELAY, "OTHER-HUB")
    with pytest.raises(Conflict, match="WASL-DLV-020"):
        desk.verbs.outcomes.cancel(desk.case(delivery), "DEMONSTRATION ministry")
    desk.verbs.outcomes.acknowledge(desk.case(delivery), "OTHER-HUB")
    assert (state(desk.hub, delivery), desk.outcomes(delivery)) == ("HANDED_OVER", 1)


@pytest.mark.parametrize(
    ("verb", "event", "unknown"),
    [
        (lambda desk, case: desk.verbs.relays.relay_refused(case, RELAY),
         Event.RELAY_REJECTION, False),
        (lambda desk, case: desk.verbs.relays.relay_failed(case, RELAY, True),
         Event.RELAY_FAILURE, True),
        (lambda desk, case: desk.verbs.outcomes.fail_to_make_available(case, GONE),
         Event.CONTENT_CONSIGNMENT_FAILURE, False),
    ],
)  # fmt: skip
def test_what_failed_on_the_way_ends_the_delivery(
    desk: Desk, verb: Callable[[Desk, Case], None], event: Event, unknown: bool
) -> None:
    delivery = desk.claimed()
    desk.hub.dispatch().claims.mark_sending(desk.case(delivery).row)
    verb(desk, desk.case(delivery))
    assert desk.told(delivery) == [event, Event.CONTENT_HANDOVER_FAILURE]
    assert all(one.reasons for one in receipts(desk.hub, delivery))
    failed = desk.last(delivery, Event.CONTENT_HANDOVER_FAILURE).outcome
    assert failed is not None
    assert (failed.unknown, state(desk.hub, delivery), desk.outcomes(delivery)) == (unknown, "FAILED", 1)
    assert all(one.ended_at is not None for one in attempts(desk.hub, delivery))


def test_mail_is_no_delivery(desk: Desk) -> None:
    mailed, ready = desk.claimed(), desk.ready()
    for delivery in (mailed, ready):
        desk.verbs.relays.mailed(desk.case(delivery))
        assert (state(desk.hub, delivery), desk.outcomes(delivery)) == ("AVAILABLE", 0)
        sent = desk.last(delivery, Event.RELAY_TO_NON_ERDS).notified
        assert sent is not None
        assert sent.channel == "email"
    with pytest.raises(Conflict):
        desk.verbs.relays.relayed(desk.case(ready), RELAY)


def test_a_letter_sent_again_after_doubt_is_told_as_a_possible_duplicate(desk: Desk) -> None:
    delivery = desk.held_in_doubt()
    desk.verbs.outcomes.resend(desk.case(delivery))
    assert desk.hub.dispatch().run_once(100) >= 1
    assert (state(desk.hub, delivery), desk.system.letters[-1].possible_duplicate) == ("HANDED_OVER", True)
    handover = desk.last(delivery, Event.CONTENT_HANDOVER).handover
    assert handover is not None
    assert handover.possible_duplicate


def test_a_decision_to_send_again_is_for_one_attempt(desk: Desk) -> None:
    delivery = desk.held_in_doubt()
    desk.verbs.outcomes.resend(desk.case(delivery))
    claims = desk.hub.dispatch("dies").claims
    assert delivery in claims.claim(100)
    claims.mark_sending(desk.case(delivery).row)
    with desk.hub.clock.moved(days=1):
        desk.hub.dispatch("other").run_once(100)
    assert state(desk.hub, delivery) == "HELD"
    assert delivery not in [letter.delivery_id for letter in desk.system.letters]


def test_a_held_letter_without_doubt_is_sent_again_as_new(desk: Desk) -> None:
    delivery = desk.claimed()
    desk.verbs.outcomes.hold(desk.case(delivery), GONE, desk.hub.clock() + timedelta(days=1), doubt=False)
    desk.verbs.outcomes.resend(desk.case(delivery))
    desk.hub.dispatch().run_once(100)
    assert not desk.system.letters[-1].possible_duplicate
    assert desk.outcomes(delivery) == 1


def test_a_letter_passed_on_has_a_successor_that_owes_the_outcome(desk: Desk) -> None:
    delivery = desk.ready()
    desk.verbs.notices.opened(desk.case(delivery), "Front desk")
    desk.hub.clock.forward(seconds=5)
    successor = desk.verbs.redirecting.redirect(
        desk.case(delivery), MINISTRY_OFFICE, "Front desk", NOT_OURS, unit="Permits"
    )
    redirected = desk.last(delivery, Event.REDIRECTED)
    assert redirected.outcome is not None
    assert (redirected.outcome.successor, redirected.outcome.decided_by) == (successor, "Front desk")
    assert (state(desk.hub, delivery), desk.outcomes(delivery)) == ("REDIRECTED", 1)
    new = row(desk.hub, successor)
    assert (new.state, new.office, new.unit, new.ordinal) == ("QUEUED", MINISTRY_OFFICE, "Permits", 1)
    assert (new.chain_digest, new.chain_time) == (
        acceptance_digest(desk.hub, delivery),
        redirected.event_time,
    )
    assert states(desk.hub, successor) == ["QUEUED"]
    dispatch = desk.hub.dispatch()
    assert successor in dispatch.claims.claim(100)
    desk.hub.clock.forward(seconds=-5)
    dispatch.work(successor)
    first = receipts(desk.hub, successor)[0]
    assert first.predecessor == acceptance_digest(desk.hub, delivery)
    assert first.event_time == redirected.event_time
    assert first.recipient is not None
    assert (first.recipient.office, first.recipient.delivery) == (MINISTRY_OFFICE, successor)
    desk.verbs.outcomes.acknowledge(desk.case(successor), "Permits")
    assert desk.outcomes(successor) == 1


def test_a_letter_goes_round_no_circle_and_is_passed_on_three_times_at_most(desk: Desk) -> None:
    delivery = desk.ready()
    with pytest.raises(Refused, match="WASL-RTE-008"):
        desk.verbs.redirecting.redirect(desk.case(delivery), AGENCY_OFFICE, "Front desk")
    for office in (MINISTRY_OFFICE, COMMUNE_OFFICE):
        delivery = desk.verbs.redirecting.redirect(desk.case(delivery), office, "Front desk")
        with pytest.raises(Refused, match="WASL-RTE-008"):
            desk.verbs.redirecting.redirect(desk.case(delivery), AGENCY_OFFICE, "Front desk")
    with pytest.raises(Refused, match="WASL-RTE-001"):
        desk.verbs.redirecting.redirect(desk.case(delivery), "B9999999-X", "Front desk")
    assert state(desk.hub, delivery) == "QUEUED"


def test_a_letter_with_its_outcome_or_in_doubt_is_not_passed_on(desk: Desk) -> None:
    doubtful, cancelled = desk.held_in_doubt(), desk.ready()
    desk.verbs.outcomes.cancel(desk.case(cancelled), "DEMONSTRATION ministry")
    for delivery, code in ((doubtful, "WASL-DLV-020"), (cancelled, "WASL-DLV-019")):
        before = desk.hub.kept()
        with pytest.raises(Conflict, match=code):
            desk.verbs.redirecting.redirect(desk.case(delivery), MINISTRY_OFFICE, "the hub")
        assert desk.hub.kept() == before


def test_who_comes_second_changes_nothing(desk: Desk) -> None:
    delivery = desk.ready()
    seen = desk.case(delivery)
    desk.verbs.outcomes.acknowledge(desk.case(delivery), "Front desk")
    before = desk.hub.kept()
    for late in (
        lambda: desk.verbs.outcomes.refuse(seen, NOT_OURS, "Front desk"),
        lambda: desk.verbs.outcomes.cancel(seen, "DEMONSTRATION ministry"),
        lambda: desk.verbs.redirecting.redirect(seen, MINISTRY_OFFICE, "Front desk"),
        lambda: desk.verbs.notices.opened(seen, "Front desk"),
        lambda: desk.verbs.outcomes.make_available(seen, Place.INBOX),
    ):
        with pytest.raises(Overtaken):
            late()
    assert desk.hub.kept() == before
