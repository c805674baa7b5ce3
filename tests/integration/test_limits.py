"""Every clock event of a delivery is a receipt; a letter under no procedure promises nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from gateway.bootstrap import Gateway, Verbs, verbs
from gateway.domain.errors import Conflict, Refused
from gateway.domain.evidence.receipt import Event, Pause, Receipt, Registered, TimeLimit
from gateway.domain.transit.envelope import Purpose, Recipient, RecipientRole
from gateway.i18n.country import MovableHoliday
from tests.support.hub import (
    AGENCY_OFFICE,
    COMMUNE_OFFICE,
    MINISTRY_OFFICE,
    TEST_OFFICE,
    Clock,
    HubUnderTest,
    receipt_of,
)
from tests.support.systems import Simulator, accept, events, fresh_hub, receipts, row

TODAY = datetime.now(UTC).date()
MONDAY = datetime.combine(TODAY + timedelta(days=7 - TODAY.weekday()), time(9), UTC)
"""The next one; dates below are counted from it, since certificates are made today."""
WITHOUT_HOLIDAYS = """
languages = ["ar", "fr", "en"]
time_zone = "Africa/Casablanca"
working_week = [1, 2, 3, 4, 5]
name = { ar = "المغرب", fr = "Maroc", en = "Morocco" }
"""
OWN = """
[[procedure]]
code = "deposit"
document_types = ["request"]
starts = "deposit"
days = 10
counts = "calendar"
completion_request = true
extension_days = 5
silence = "acceptance"
name = { ar = "أ", fr = "A", en = "A" }

[[procedure]]
code = "registration"
starts = "registration"
days = 5
counts = "working"
completion_request = false
extension_days = 0
silence = "refusal"
name = { ar = "ب", fr = "B", en = "B" }
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    folder = tmp_path_factory.mktemp("hub")
    pack = folder / "countries" / "ma"
    pack.mkdir(parents=True)
    (pack / "procedures.toml").write_text(OWN, "utf-8")
    (pack / "pack.toml").write_text(WITHOUT_HOLIDAYS, "utf-8")
    (pack / "holidays.toml").write_text("", "utf-8")
    return fresh_hub(folder, Simulator(), Clock(MONDAY))


@pytest.fixture
def hub(home: HubUnderTest) -> HubUnderTest:
    home.clock.moment = MONDAY
    return home


def day(number: int) -> date:
    """The day so many days after that Monday."""
    return MONDAY.date() + timedelta(days=number)


def desk(hub: HubUnderTest, gateway: Gateway | None = None) -> Verbs:
    return verbs(gateway or hub.gateway, "tests")


def sent(hub: HubUnderTest, office: str = COMMUNE_OFFICE, **changes: object) -> str:
    """A letter that came to rest."""
    [delivery] = accept(hub, office, **changes)
    hub.dispatch().run_once(100)
    return delivery


def told(hub: HubUnderTest, delivery: str) -> list[TimeLimit]:
    return [one.time_limit for one in receipts(hub, delivery) if one.time_limit is not None]


def accepted(hub: HubUnderTest, **changes: object) -> Receipt:
    return receipt_of(hub.post(hub.signed(hub.envelope(**changes))))


def last(hub: HubUnderTest, delivery: str) -> Receipt:
    return [one for one in receipts(hub, delivery) if one.event is Event.TIME_LIMIT][-1]


def test_the_acceptance_says_which_limit_applies(hub: HubUnderTest) -> None:
    limit = accepted(hub).time_limit
    assert limit is not None
    assert (limit.known, limit.procedure, limit.days) == (True, "deposit", 10)
    assert (limit.start, limit.end) == (MONDAY, day(10))
    waiting = accepted(hub, procedure="registration").time_limit
    assert waiting is not None
    assert (waiting.procedure, waiting.start, waiting.end) == ("registration", None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"document_type": "note"},
        {"procedure": "unlisted"},
        {"purpose": Purpose.REMINDER},
        {"test": True, "recipients": (Recipient(office=TEST_OFFICE),)},
    ],
)
def test_a_letter_under_no_procedure_and_a_test_promise_nothing(
    hub: HubUnderTest, changes: dict[str, object]
) -> None:
    receipt = accepted(hub, **changes)
    assert receipt.time_limit == TimeLimit(known=False)
    [recipient] = receipt.recipients
    assert recipient.delivery is not None
    hub.dispatch().run_once(100)
    assert told(hub, recipient.delivery) == [TimeLimit(known=False)]


@pytest.mark.parametrize("office", [COMMUNE_OFFICE, AGENCY_OFFICE])
def test_a_delivery_at_rest_tells_its_limit_once(hub: HubUnderTest, office: str) -> None:
    delivery = sent(hub, office)
    if office == AGENCY_OFFICE:
        case = hub.dispatch().letters.case(delivery)
        desk(hub).outcomes.acknowledge(case, "Front desk", Registered("7"))
    [limit] = told(hub, delivery)
    assert (limit.start, limit.end, limit.procedure) == (MONDAY, day(10), "deposit")


def test_a_copy_for_information_has_no_limit(hub: HubUnderTest) -> None:
    both = (Recipient(office=COMMUNE_OFFICE), Recipient(office=MINISTRY_OFFICE, role=RecipientRole.CC))
    deliveries = [one.delivery or "" for one in accepted(hub, recipients=both).recipients]
    hub.dispatch().run_once(100)
    assert [told(hub, delivery)[0].known for delivery in deliveries] == [True, False]


def test_a_registration_starts_the_clock_that_waits_for_it(hub: HubUnderTest) -> None:
    delivery = sent(hub, procedure="registration")
    hub.clock.forward(days=2)
    registered = Registered("7", day(1))
    desk(hub).handling.register(hub.dispatch().letters.case(delivery), registered)
    before, after = told(hub, delivery)
    assert (before.start, before.end) == (None, None)
    zone = hub.gateway.pack.time_zone
    assert after.start == datetime.combine(day(1), time(), zone)
    assert after.end == day(8)


def test_a_completion_request_stops_the_clock_once(hub: HubUnderTest) -> None:
    delivery = sent(hub)
    letters, handling = hub.dispatch().letters, desk(hub).handling
    hub.clock.forward(days=2)
    handling.await_sender(letters.case(delivery))
    asked = hub.clock()
    assert (told(hub, delivery)[-1].pauses, told(hub, delivery)[-1].end) == ((Pause(asked),), None)
    hub.clock.forward(days=4)
    handling.begin_work(letters.case(delivery))
    resumed = told(hub, delivery)[-1]
    assert resumed.pauses == (Pause(asked, hub.clock()),)
    assert resumed.end == day(15)  # five days touched by the pause are not counted
    handling.await_sender(letters.case(delivery))
    assert len(told(hub, delivery)) == 3


def test_one_reasoned_extension_is_told(hub: HubUnderTest) -> None:
    delivery = sent(hub)
    letters, limits = hub.dispatch().letters, desk(hub).limits
    with pytest.raises(Refused, match="WASL-DLV-042"):
        limits.extend(letters.case(delivery), "  ")
    limits.extend(letters.case(delivery), "a site must be visited")
    extended = last(hub, delivery)
    assert extended.time_limit is not None
    assert (extended.time_limit.extended_by, extended.time_limit.end) == (5, day(15))
    [reason] = extended.reasons
    assert (reason.code, "a site must be visited" in reason.text) == ("WASL-DLV-043", True)
    with pytest.raises(Conflict, match="WASL-DLV-042"):
        limits.extend(letters.case(delivery), "again")
    assert [one.now for one in events(hub, delivery) if one.track == "notice"] == ["EXTENDED"]


def test_no_extension_where_none_is_left(hub: HubUnderTest) -> None:
    over, none, answered = sent(hub), sent(hub, procedure="registration"), sent(hub)
    letters, verbs_ = hub.dispatch().letters, desk(hub)
    verbs_.handling.register(letters.case(none), Registered("7"))
    verbs_.handling.answer(letters.case(answered), "0123-4567-89T")
    unknown, queued = sent(hub, document_type="note"), accept(hub)[0]
    for delivery in (none, answered, unknown, queued):
        with pytest.raises(Conflict, match="WASL-DLV-042"):
            verbs_.limits.extend(letters.case(delivery), "more time")
    hub.clock.forward(days=11)
    with pytest.raises(Conflict, match="WASL-DLV-042"):
        verbs_.limits.extend(letters.case(over), "more time")


def announced(hub: HubUnderTest, first: date) -> Gateway:
    """The hub after a restart with one more holiday announced."""
    pack = hub.gateway.pack
    holiday = MovableHoliday(first, 1, {"ar": "ع", "fr": "F", "en": "F"}, announced=True)
    return replace(hub.gateway, pack=replace(pack, movable_holidays=(*pack.movable_holidays, holiday)))


def test_an_end_that_an_announced_holiday_moves_is_told_anew(hub: HubUnderTest) -> None:
    moved, other = sent(hub, procedure="registration"), sent(hub)
    answered = sent(hub, procedure="registration")
    letters, handling = hub.dispatch().letters, desk(hub).handling
    handling.register(letters.case(moved), Registered("7"))
    handling.register(letters.case(answered), Registered("8"))
    handling.answer(letters.case(answered), "0123-4567-89T")
    assert desk(hub).limits.reckon() == 0
    assert told(hub, moved)[-1].end == day(7)
    later = desk(hub, announced(hub, day(3))).limits
    assert later.reckon() >= 1
    assert later.reckon() == 0
    assert told(hub, moved)[-1].end == day(8)
    assert [reason.code for reason in last(hub, moved).reasons] == ["WASL-DLV-044"]
    assert (len(told(hub, other)), told(hub, answered)[-1].end) == (1, day(7))


def test_an_end_that_passed_does_not_move_any_more(hub: HubUnderTest) -> None:
    delivery = sent(hub, procedure="registration")
    desk(hub).handling.register(hub.dispatch().letters.case(delivery), Registered("7"))
    hub.clock.forward(days=60)
    desk(hub, announced(hub, day(2))).limits.reckon()
    assert told(hub, delivery)[-1].end == day(7)


def test_a_rule_that_changes_later_does_not_change_what_was_promised(hub: HubUnderTest) -> None:
    delivery = sent(hub)
    stricter = replace(hub.gateway, pack=replace(hub.gateway.pack, procedures=()))
    desk(hub, stricter).limits.extend(hub.dispatch().letters.case(delivery), "more time")
    assert told(hub, delivery)[-1].end == day(15)


def test_the_successor_of_a_delivery_keeps_the_deposit(hub: HubUnderTest) -> None:
    delivery = sent(hub, AGENCY_OFFICE)
    hub.clock.forward(days=3)
    successor = desk(hub).redirecting.redirect(
        hub.dispatch().letters.case(delivery), COMMUNE_OFFICE, "Front desk"
    )
    hub.dispatch().run_once(100)
    [limit] = told(hub, successor)
    assert (limit.start, limit.end) == (MONDAY, day(10))


def test_a_delivery_of_before_clocks_were_kept_knows_no_limit(hub: HubUnderTest) -> None:
    [delivery] = accept(hub)
    with hub.gateway.store.write() as session:
        session.get_one(type(row(hub, delivery)), delivery).clock = None
    hub.dispatch().run_once(100)
    assert told(hub, delivery) == [TimeLimit(known=False)]
