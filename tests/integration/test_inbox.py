"""An office reads what lies ready for it: locked, attested, acknowledged once, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.bootstrap import evidence, lifecycle
from gateway.domain.errors import Conflict, Damaged, Fault, Gone, NotFound, Refused
from gateway.domain.evidence.receipt import Event, Registered
from gateway.domain.transit.repairs import Decision
from gateway.domain.transit.states import Processing
from gateway.exchange.transit.inbox import Inbox, Reader
from gateway.store.transit.models import Message, Payload
from tests.support.deliveries import bring, case_of
from tests.support.hub import (
    AGENCY,
    AGENCY_OFFICE,
    COMMUNE,
    COMMUNE_OFFICE,
    JWS,
    MINISTRY,
    MINISTRY_OFFICE,
    XML,
    HubUnderTest,
)
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, events, fresh_hub, receipts, row, state

DESK = Reader(AGENCY, "Front desk", "client-1")
OTHER = Reader(AGENCY, "Permits", "client-2")
SAME_DESK = Reader(AGENCY, "Front desk", "client-3")
STRANGER = Reader(COMMUNE, "Front desk", "client-1")
NUMBER = Registered("7/2026")
GROUND = Fault("WASL-DLV-031")
DECIDED = Decision("operator-1", "asked for")


@pytest.fixture(scope="module")
def shaped(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    """A hub in each shape, for what is decided by the database's locks."""
    return fresh_hub(tmp_path_factory.mktemp("shaped"), Simulator())


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return fresh_hub(tmp_path_factory.mktemp("hub"), Simulator())


@pytest.fixture
def inbox(hub: HubUnderTest) -> Inbox:
    return hub.gateway.services.inbox


def lying(hub: HubUnderTest, office: str = AGENCY_OFFICE, **letter: object) -> str:
    """A letter that lies ready for the agency."""
    [delivery] = accept(hub, office, **letter)  # type: ignore[arg-type]
    hub.dispatch().run_once(100)
    assert state(hub, delivery) == "AVAILABLE"
    return delivery


def told(hub: HubUnderTest, delivery: str) -> list[Event]:
    left_out = (Event.CONTENT_CONSIGNMENT, Event.TIME_LIMIT)
    return [one.event for one in receipts(hub, delivery) if one.event not in left_out]


@pytest.fixture
def delivery(hub: HubUnderTest) -> str:
    return lying(hub)


# Peek ----------------------------------------------------------------------------------------------


def test_peek_tells_what_lies_ready_page_by_page_and_attests_nothing(shape: Shape, tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    inbox = hub.gateway.services.inbox
    attached = tmp_path / "plan.txt"
    attached.write_bytes(b"twelve bytes")
    lies = sorted([lying(hub, subject="first"), lying(hub, files=(attached,)), lying(hub)])
    accept(hub, AGENCY_OFFICE, not_before=hub.clock() + timedelta(hours=1))
    lying(hub, MINISTRY_OFFICE)
    before = hub.kept()
    first = inbox.peek(DESK, AGENCY_OFFICE, limit=2)
    rest = inbox.peek(DESK, AGENCY_OFFICE, first[-1].delivery, 2)
    found = [*first, *rest]
    assert [one.delivery for one in found] == lies
    assert inbox.peek(DESK, AGENCY_OFFICE, lies[-1]) == ()
    assert [(one.attachments, one.octets) for one in found if one.octets] == [(1, 12)]
    assert "first" in [one.subject for one in found]
    assert {(one.sender, one.locked_until) for one in found} == {(MINISTRY, None)}
    assert hub.kept() == before
    assert len(inbox.peek(DESK, AGENCY_OFFICE, limit=0)) == 1
    assert len(inbox.peek(DESK, AGENCY_OFFICE, limit=10**9)) == 3
    inbox.acknowledge(lies[0], DESK)
    assert [one.delivery for one in inbox.peek(DESK, AGENCY_OFFICE)] == lies[1:]


@pytest.mark.parametrize("office", [COMMUNE_OFFICE, MINISTRY_OFFICE, "B0000999-I", ""])
def test_others_inboxes_do_not_exist(inbox: Inbox, office: str) -> None:
    with pytest.raises(NotFound, match="WASL-REQ-005"):
        inbox.peek(DESK, office)


# Locks ---------------------------------------------------------------------------------------------


def test_a_lock_keeps_other_readers_off_until_it_runs_out(hub: HubUnderTest, delivery: str) -> None:
    inbox = hub.gateway.services.inbox
    until = inbox.lock(delivery, DESK)
    assert until == hub.clock() + timedelta(minutes=5)
    shown = {one.delivery: one.locked_until for one in inbox.peek(DESK, AGENCY_OFFICE, limit=100)}
    assert shown[delivery] == until
    for act in OF_READERS.values():
        for other in (OTHER, SAME_DESK):
            with pytest.raises(Conflict, match="WASL-DLV-054"):
                act(inbox, delivery, other)
    assert told(hub, delivery) == []
    with hub.clock.moved(minutes=5):
        assert inbox.lock(delivery, OTHER) == hub.clock() + timedelta(minutes=5)
        with pytest.raises(Conflict, match="WASL-DLV-054"):
            inbox.acknowledge(delivery, DESK)


def test_a_lock_is_renewed_by_its_own_reader(hub: HubUnderTest, inbox: Inbox, delivery: str) -> None:
    inbox.lock(delivery, DESK)
    with hub.clock.moved(minutes=4):
        assert inbox.lock(delivery, DESK) == hub.clock() + timedelta(minutes=5)
    with hub.clock.moved(minutes=8), pytest.raises(Conflict, match="WASL-DLV-054"):
        inbox.lock(delivery, OTHER)


def test_a_lock_is_given_back_by_its_own_reader_only(inbox: Inbox, delivery: str) -> None:
    inbox.unlock(delivery, OTHER)
    inbox.lock(delivery, DESK)
    with pytest.raises(Conflict, match="WASL-DLV-054"):
        inbox.unlock(delivery, OTHER)
    inbox.unlock(delivery, DESK)
    inbox.unlock(delivery, DESK)
    inbox.acknowledge(delivery, OTHER)


def test_what_does_not_lie_ready_cannot_be_locked(hub: HubUnderTest, inbox: Inbox, delivery: str) -> None:
    inbox.acknowledge(delivery, DESK)
    with pytest.raises(Conflict, match="WASL-DLV-019"):
        inbox.lock(delivery, DESK)
    [queued] = accept(hub, AGENCY_OFFICE)
    with pytest.raises(Conflict, match="WASL-DLV-019"):
        inbox.lock(queued, DESK)


def test_of_many_readers_one_gets_the_lock(shaped: HubUnderTest) -> None:
    inbox, delivery = shaped.gateway.services.inbox, lying(shaped)

    def lock(number: int) -> bool:
        try:
            inbox.lock(delivery, Reader(AGENCY, "Front desk", f"client-{number}"))
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lock, range(8))) == 1


# Content -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", [XML, JWS])
def test_content_is_what_was_sent_and_its_first_look_is_attested(
    hub: HubUnderTest, inbox: Inbox, tmp_path: Path, media_type: str
) -> None:
    large = tmp_path / "plan.bin"
    large.write_bytes(bytes(range(256)) * 1024)
    delivery = lying(hub, media_type=media_type, files=(large,))
    content = inbox.content(delivery, DESK)
    with hub.gateway.store.read() as session:
        message = session.get_one(Message, row(hub, delivery).message)
        root = session.get_one(Payload, message.envelope)
        assert root.wrapped_key is not None
        sent = hub.gateway.payloads.read_small(root.object_id, root.wrapped_key, root.inline)
    assert (content.envelope, content.media_type, content.reference) == (
        sent,
        message.media_type,
        message.reference,
    )
    [attached] = content.attachments
    with content.open(attached.id) as stream:
        assert stream.read() == large.read_bytes()
    assert told(hub, delivery) == [Event.CONTENT_ACCESS_TRACKING]
    inbox.content(delivery, SAME_DESK)
    assert told(hub, delivery) == [Event.CONTENT_ACCESS_TRACKING]
    inbox.content(delivery, OTHER)
    units = [one.accessed_by for one in receipts(hub, delivery) if one.accessed_by]
    assert units == ["Front desk", "Permits"]
    assert [one.by for one in events(hub, delivery) if one.now == "OPENED"] == ["client-1", "client-2"]


def test_content_that_is_damaged_is_not_attested_as_read(
    hub: HubUnderTest, inbox: Inbox, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.bin"
    plan.write_bytes(b"x" * 100_000)
    delivery = lying(hub, files=(plan,))
    for payload in case_of(hub, delivery).contents.values():
        hub.gateway.payloads.delete(payload.object_id)
    with pytest.raises(Damaged):
        inbox.content(delivery, DESK)
    assert told(hub, delivery) == []


def test_content_stays_readable_after_the_handover_until_it_is_purged(shape: Shape, tmp_path: Path) -> None:
    hub = fresh_hub(tmp_path, Simulator())
    inbox = hub.gateway.services.inbox
    delivery = lying(hub)
    inbox.acknowledge(delivery, DESK, NUMBER)
    assert inbox.content(delivery, DESK).envelope
    hub.clock.forward(days=40_000)
    assert evidence.purge(hub.gateway).run("tests").letters
    with pytest.raises(Gone, match="WASL-RET-001"):
        inbox.content(delivery, DESK)
    with pytest.raises(Gone, match="WASL-RET-001"):
        inbox.redirect(delivery, DESK, COMMUNE_OFFICE)
    inbox.acknowledge(delivery, DESK, NUMBER)
    assert state(hub, delivery) == "HANDED_OVER"


def test_first_looks_at_once_are_attested_once(shaped: HubUnderTest) -> None:
    inbox, delivery = shaped.gateway.services.inbox, lying(shaped)
    with ThreadPoolExecutor(6) as pool:
        read = [pool.submit(inbox.content, delivery, DESK) for _ in range(6)]
        assert len({one.result().envelope for one in read}) == 1
    assert told(shaped, delivery) == [Event.CONTENT_ACCESS_TRACKING]


# Acknowledge ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("locked", [False, True])
def test_an_acknowledged_letter_is_handed_over_and_registered(
    hub: HubUnderTest, inbox: Inbox, delivery: str, locked: bool
) -> None:
    if locked:
        inbox.lock(delivery, DESK)
    inbox.content(delivery, DESK)
    inbox.acknowledge(delivery, DESK, NUMBER)
    taken = row(hub, delivery)
    assert (taken.state, taken.processing, taken.register_number) == ("HANDED_OVER", "REGISTERED", "7/2026")
    assert (taken.lock_owner, taken.lock_until) == (None, None)
    handover = next(one.handover for one in receipts(hub, delivery) if one.event is Event.CONTENT_HANDOVER)
    assert handover is not None
    assert (handover.acknowledged_by, handover.possible_duplicate) == ("Front desk", False)
    assert told(hub, delivery)[-2:] == [Event.CONTENT_HANDOVER, Event.REGISTERED]


def test_a_repeated_acknowledgment_changes_nothing(hub: HubUnderTest, inbox: Inbox, delivery: str) -> None:
    inbox.acknowledge(delivery, DESK, NUMBER)
    before = hub.kept()
    inbox.acknowledge(delivery, DESK, NUMBER)
    inbox.acknowledge(delivery, OTHER)
    assert hub.kept() == before
    with pytest.raises(Conflict, match="WASL-DLV-019"):
        inbox.acknowledge(delivery, DESK, Registered("8/2026"))
    assert hub.kept() == before


def test_a_number_that_comes_later_is_registered(hub: HubUnderTest, inbox: Inbox, delivery: str) -> None:
    inbox.acknowledge(delivery, DESK)
    inbox.acknowledge(delivery, DESK, NUMBER)
    assert told(hub, delivery) == [Event.CONTENT_HANDOVER, Event.REGISTERED]
    assert row(hub, delivery).register_number == "7/2026"


def test_acknowledgments_at_once_make_one_handover(shaped: HubUnderTest) -> None:
    inbox, delivery = shaped.gateway.services.inbox, lying(shaped)
    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(inbox.acknowledge, delivery, DESK, NUMBER) for _ in range(6)]
        for one in done:
            one.result()
    assert told(shaped, delivery) == [Event.CONTENT_HANDOVER, Event.REGISTERED]


@pytest.mark.parametrize("ended", ["EXPIRED", "FAILED"])
def test_an_acknowledgment_after_the_end_is_a_late_handover(
    hub: HubUnderTest, inbox: Inbox, ended: str
) -> None:
    delivery = lying(hub, expires_at=hub.clock() + timedelta(days=1))
    inbox.lock(delivery, DESK)
    if ended == "EXPIRED":
        with hub.clock.moved(days=2):
            hub.dispatch().give_up_held(100)
    else:
        inbox.unlock(delivery, DESK)
        lifecycle.repair(hub.gateway).fail(delivery, DECIDED)
    assert state(hub, delivery) == ended
    with pytest.raises(Conflict, match="WASL-DLV-019"):
        inbox.content(delivery, DESK)
    inbox.acknowledge(delivery, DESK, NUMBER)
    inbox.acknowledge(delivery, DESK, NUMBER)
    assert told(hub, delivery)[-2:] == [Event.LATE_HANDOVER, Event.REGISTERED]
    assert told(hub, delivery).count(Event.LATE_HANDOVER) == 1
    assert state(hub, delivery) == ended
    assert inbox.content(delivery, DESK).envelope


@pytest.mark.parametrize(
    "registered",
    [
        Registered(""),
        Registered(" "),
        Registered("x" * 121),
        Registered("a\nb"),
        Registered("1", None, "b" * 81),
    ],
)
def test_a_register_number_is_a_line(
    hub: HubUnderTest, inbox: Inbox, delivery: str, registered: Registered
) -> None:
    with pytest.raises(Refused, match="WASL-REQ-010"):
        inbox.acknowledge(delivery, DESK, registered)
    assert state(hub, delivery) == "AVAILABLE"


# What else a reader does -----------------------------------------------------------------------------


def test_work_is_told_step_by_step_and_a_repeat_tells_nothing_new(
    hub: HubUnderTest, inbox: Inbox, delivery: str
) -> None:
    with pytest.raises(Conflict, match="WASL-DLV-019"):
        inbox.progress(delivery, DESK, Processing.IN_PROGRESS)
    inbox.acknowledge(delivery, DESK)
    for step in (Processing.IN_PROGRESS, Processing.AWAITING_SENDER, Processing.CLOSED):
        inbox.progress(delivery, DESK, step)
        inbox.progress(delivery, DESK, step)
    assert told(hub, delivery)[1:] == [Event.PROGRESS] * 3
    for wrong in (Processing.ANSWERED, Processing.REGISTERED, Processing.NONE):
        with pytest.raises(Refused, match="WASL-REQ-010"):
            inbox.progress(delivery, DESK, wrong)


def test_a_letter_is_refused_on_a_ground_before_and_declined_after(hub: HubUnderTest, inbox: Inbox) -> None:
    refused, declined = lying(hub), lying(hub)
    with pytest.raises(Refused, match="WASL-DLV-030"):
        inbox.refuse(refused, DESK, Fault("WASL-HUB-001"))
    inbox.refuse(refused, DESK, GROUND)
    inbox.acknowledge(declined, DESK)
    inbox.refuse(declined, DESK, GROUND)
    assert (state(hub, refused), row(hub, declined).processing) == ("REFUSED", "DECLINED")
    for one in (refused, declined):
        last = receipts(hub, one)[-1]
        assert (last.event, [reason.code for reason in last.reasons]) == (
            Event.CONSIGNMENT_REJECTION,
            [GROUND.code],
        )
        assert last.outcome is not None
        assert last.outcome.decided_by == "Front desk"


def test_a_letter_passed_on_lies_with_the_other_office(
    hub: HubUnderTest, inbox: Inbox, delivery: str
) -> None:
    inbox.content(delivery, DESK)
    successor = inbox.redirect(delivery, DESK, MINISTRY_OFFICE, GROUND)
    hub.dispatch().run_once(100)
    assert (state(hub, delivery), state(hub, successor)) == ("REDIRECTED", "AVAILABLE")
    with pytest.raises(NotFound):
        inbox.content(successor, DESK)
    theirs = Reader(MINISTRY, "Registry", "client-9")
    assert inbox.content(successor, theirs).envelope
    for act in OF_READERS.values():
        with pytest.raises(Conflict, match="WASL-DLV-019"):
            act(inbox, delivery, DESK)


# Strangers -----------------------------------------------------------------------------------------

Act = Callable[[Inbox, str, Reader], object]
OF_READERS: dict[str, Act] = {
    "lock": lambda inbox, one, by: inbox.lock(one, by),
    "content": lambda inbox, one, by: inbox.content(one, by),
    "acknowledge": lambda inbox, one, by: inbox.acknowledge(one, by, NUMBER),
    "progress": lambda inbox, one, by: inbox.progress(one, by, Processing.IN_PROGRESS),
    "refuse": lambda inbox, one, by: inbox.refuse(one, by, GROUND),
    "redirect": lambda inbox, one, by: inbox.redirect(one, by, COMMUNE_OFFICE),
}


@pytest.mark.parametrize("verb", [*OF_READERS, "unlock"])
def test_a_letter_exists_for_its_own_party_only(
    hub: HubUnderTest, inbox: Inbox, delivery: str, verb: str
) -> None:
    act: Act = OF_READERS.get(verb, lambda box, one, by: box.unlock(one, by))
    inbox.lock(delivery, DESK)
    before = hub.kept()
    for name, reader in ((delivery, STRANGER), ("01890a5d-ac96-774b-bcce-b302099a8057", DESK), ("", DESK)):
        with pytest.raises(NotFound) as caught:
            act(inbox, name, reader)
        assert caught.value.faults == (Fault("WASL-REQ-005"),)
    assert hub.kept() == before


@pytest.mark.parametrize(
    ("unit", "name"), [("", "x"), ("x" * 501, "x"), ("a\nb", "x"), ("x", ""), ("x", "n" * 121)]
)
def test_a_reader_has_a_unit_and_a_name(unit: str, name: str) -> None:
    with pytest.raises(Refused, match="WASL-REQ-010"):
        Reader(AGENCY, unit, name)


# Ends that come by themselves ------------------------------------------------------------------------


@pytest.mark.parametrize("waits", ["QUEUED", "WAITING"])
def test_a_letter_whose_end_has_passed_is_expired_though_nobody_claims_it(
    hub: HubUnderTest, waits: str
) -> None:
    [delivery] = accept(hub, COMMUNE_OFFICE, expires_at=hub.clock() + timedelta(minutes=30))
    [lasting] = accept(hub, COMMUNE_OFFICE)
    bring(hub, delivery, waits, doubt=waits == "WAITING")
    lapses = lifecycle.lapses(hub.gateway, "worker-1")
    assert lapses.run() == 0
    with hub.clock.moved(minutes=30):
        assert lapses.run() == 1
        assert lapses.run() == 0
    assert (state(hub, delivery), state(hub, lasting)) == ("EXPIRED", "QUEUED")
    [expired] = receipts(hub, delivery)
    assert expired.event is Event.ACCEPTANCE_REJECTION_EXPIRY
    assert expired.outcome is not None
    assert expired.outcome.unknown is (waits == "WAITING")
    lifecycle.repair(hub.gateway).cancel(lasting, DECIDED)


@pytest.mark.parametrize("rests", ["HELD", "AVAILABLE"])
def test_what_rests_is_ended_when_the_senders_end_comes(hub: HubUnderTest, rests: str) -> None:
    [delivery] = accept(hub, COMMUNE_OFFICE, expires_at=hub.clock() + timedelta(minutes=30))
    bring(hub, delivery, rests)
    with hub.clock.moved(hours=2):
        hub.dispatch().give_up_held(100)
    assert state(hub, delivery) == "EXPIRED"
    assert receipts(hub, delivery)[-1].event is Event.ACCEPTANCE_REJECTION_EXPIRY


def test_a_letter_is_not_delivered_before_its_time(hub: HubUnderTest) -> None:
    [delivery] = accept(hub, AGENCY_OFFICE, not_before=hub.clock() + timedelta(hours=1))
    hub.dispatch().run_once(100)
    assert state(hub, delivery) == "QUEUED"
    with hub.clock.moved(hours=1):
        hub.dispatch().run_once(100)
    assert state(hub, delivery) == "AVAILABLE"
