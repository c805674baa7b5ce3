"""What a recipient's system says later becomes receipts, once; what cannot be moves nothing and is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import Context, Delivered, Handed, News, Report
from gateway.bootstrap import verbs
from gateway.bootstrap.lifecycle import overview
from gateway.bootstrap.news import crew, polling
from gateway.domain.errors import Ambiguous, Conflict, Permanent, Refused, Temporary
from gateway.domain.evidence.receipt import Event, Registered
from gateway.domain.transit.breaker import BreakerState
from gateway.domain.transit.states import Processing
from gateway.exchange.transit.inbox import Reader
from gateway.exchange.transit.news import LaterNews, Result
from gateway.exchange.transit.news_poll import Polling
from gateway.store.transit import news_queries, route_queries
from gateway.store.transit.news_models import NewsRoute
from tests.support.hub import AGENCY_OFFICE, COMMUNE, COMMUNE_OFFICE, MINISTRY, HubUnderTest
from tests.support.shapes import Shape
from tests.support.systems import Simulator, accept, fresh_hub, receipts, route_of_commune, row

TAKEN = Delivered(b"{}", "application/json", "dossier-1")
Answer = Sequence[News] | Exception | Callable[[Sequence[Handed]], Any]


@dataclass
class Slow(Simulator):
    """A kind that takes letters without a number and can be asked later.

    Attributes:
        answers: one for each time that it is asked; afterwards it has no news.
    """

    answers: list[Answer] = field(default_factory=list)
    asked: list[Sequence[Handed]] = field(default_factory=list)

    def deliver(self, letter: Any, context: Context) -> Delivered:
        self.letters.append(letter)
        return Delivered(b"{}", "application/json", f"dossier-{len(self.letters)}")

    def can_poll(self, options: Mapping[str, Any]) -> bool:
        return not options.get("silent")

    def poll(self, letters: Sequence[Handed], context: Context) -> Sequence[News]:
        self.asked.append(letters)
        answer = self.answers.pop(0) if self.answers else ()
        if isinstance(answer, Exception):
            raise answer
        return answer(letters) if callable(answer) else answer  # type: ignore[no-any-return]


@pytest.fixture
def system() -> Slow:
    return Slow()


@pytest.fixture
def hub(tmp_path: Path, system: Slow) -> HubUnderTest:
    return fresh_hub(tmp_path, system)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    """A hub for tests that each have a letter of their own."""
    return fresh_hub(tmp_path_factory.mktemp("shared"), Slow())


@pytest.fixture
def either(tmp_path: Path, system: Slow, shape: Shape) -> HubUnderTest:
    """The same in both shapes."""
    return fresh_hub(tmp_path, system)


def handed_over(hub: HubUnderTest, **letter: Any) -> str:
    """A letter that the commune's system took without a number."""
    [delivery] = accept(hub, COMMUNE_OFFICE, **letter)
    hub.dispatch().run_once(100)
    assert (row(hub, delivery).state, row(hub, delivery).register_number) == ("HANDED_OVER", None)
    return delivery


def later(hub: HubUnderTest) -> LaterNews:
    return hub.gateway.services.reporting.news


def told(hub: HubUnderTest, delivery: str) -> list[Event]:
    return [one.event for one in receipts(hub, delivery) if one.event is not Event.TIME_LIMIT]


def take(hub: HubUnderTest, *news: News, office: str = COMMUNE_OFFICE) -> list[tuple[str, str | None]]:
    """What became of each: its result and, of what is not believed, the code."""
    found = later(hub).take(office, news)
    return [(one.result.value, one.fault.code if one.fault else None) for one in found]


def troubles(hub: HubUnderTest) -> list[tuple[str, str, int]]:
    with hub.gateway.store.read() as session:
        found = news_queries.troubles(session, hub.clock() - timedelta(days=1), 100)
        return [(one.delivery, one.code, one.times) for one in found]


# What is said -----------------------------------------------------------------------------------------


def test_a_number_that_comes_later_becomes_the_registration_receipt(either: HubUnderTest) -> None:
    hub = either
    delivery = handed_over(hub)
    hub.clock.forward(hours=30)
    news = News(delivery, register_number="C-26-17", register_date=hub.clock().date(), at=hub.clock())
    assert take(hub, news) == [("taken", None)]
    assert told(hub, delivery) == [Event.CONTENT_HANDOVER, Event.REGISTERED]
    receipt = next(one for one in receipts(hub, delivery) if one.event is Event.REGISTERED)
    assert receipt.registered == Registered("C-26-17", hub.clock().date())
    assert (receipt.stated_by, receipt.stated_time) == (row(hub, delivery).office_name, hub.clock())
    assert (row(hub, delivery).register_number, row(hub, delivery).processing) == ("C-26-17", "REGISTERED")
    before = hub.kept()
    assert take(hub, news, News(delivery, register_number="C-26-17")) == [("known", None)] * 2
    assert hub.kept() == before


def test_all_that_a_system_may_tell_becomes_receipts_in_order(shared: HubUnderTest) -> None:
    hub = shared
    delivery = handed_over(hub)
    said = [
        News(delivery, register_number="1", progress="IN_PROGRESS"),
        News(delivery, progress="AWAITING_SENDER"),
        News(delivery, progress="IN_PROGRESS"),
        News(delivery, progress="REGISTERED"),
        News(delivery, progress="DECLINED", ground="WASL-DLV-031"),
        News(delivery, progress="CLOSED"),
    ]
    results = [result for result, _ in take(hub, *said)]
    assert results == ["taken", "taken", "taken", "known", "taken", "taken"]
    assert told(hub, delivery) == [
        Event.CONTENT_HANDOVER,
        Event.REGISTERED,
        Event.PROGRESS,
        Event.PROGRESS,
        Event.PROGRESS,
        Event.CONSIGNMENT_REJECTION,
        Event.PROGRESS,
    ]


def test_a_ground_alone_says_that_the_recipient_declines(shared: HubUnderTest) -> None:
    delivery = handed_over(shared)
    take(shared, News(delivery, register_number="7"))
    assert take(shared, News(delivery, ground="WASL-DLV-031")) == [("taken", None)]
    assert row(shared, delivery).processing == "DECLINED"
    assert take(shared, News(handed_over(shared), ground="WASL-DLV-001")) == [("refused", "WASL-DLV-084")]


def test_a_letter_is_meant_by_the_hubs_reference_or_the_systems_own(hub: HubUnderTest) -> None:
    one, two = handed_over(hub), handed_over(hub)
    [first] = later(hub).take(COMMUNE_OFFICE, [News(target_reference="dossier-1", register_number="1")])
    reference = receipts(hub, two)[0].reference
    [second] = later(hub).take(COMMUNE_OFFICE, [News(reference=reference, register_number="2")])
    assert [(told.result, told.delivery) for told in (first, second)] == [
        (Result.TAKEN, one),
        (Result.TAKEN, two),
    ]
    both = News(two, reference=receipts(hub, one)[0].reference, register_number="2")
    assert take(hub, both) == [("refused", "WASL-DLV-082")]


def test_news_of_two_letters_of_one_name_means_neither(hub: HubUnderTest, system: Slow) -> None:
    handed_over(hub)
    system.letters.clear()
    handed_over(hub)
    assert take(hub, News(target_reference="dossier-1", register_number="1")) == [("refused", "WASL-DLV-082")]


NOWHERE = "01950000-0000-7000-8000-00000000ffff"
NAMES: dict[str, News] = {
    "no-name": News(register_number="1"),
    "unknown": News(NOWHERE, register_number="1"),
    "huge": News("9" * 10_000, register_number="1"),
    "nul": News("\0", register_number="1"),
    "surrogate": News(reference="\ud800", register_number="1"),
    "sql": News(target_reference="' OR 1=1 --", register_number="1"),
}


@pytest.mark.parametrize("name", NAMES)
def test_news_of_no_letter_moves_nothing(shared: HubUnderTest, name: str) -> None:
    hub = shared
    delivery = handed_over(hub)
    assert take(hub, NAMES[name]) == [("refused", "WASL-DLV-082")]
    assert take(hub, NAMES[name]) == [("refused", "WASL-DLV-082")]
    assert told(hub, delivery) == [Event.CONTENT_HANDOVER]
    [(_, code, times)] = [one for one in troubles(hub) if not one[0]]
    assert (code, times >= 2) == ("WASL-DLV-082", True)


def test_another_offices_letter_is_as_unknown_as_none(shared: HubUnderTest) -> None:
    hub = shared
    delivery = handed_over(hub)
    reference = receipts(hub, delivery)[0].reference
    for news in (News(delivery), News(reference=reference), News(target_reference="dossier-1")):
        said = News(**{**vars(news), "register_number": "1", "progress": "CLOSED"})
        assert take(hub, said, office=AGENCY_OFFICE) == [("refused", "WASL-DLV-082")]
    assert told(hub, delivery) == [Event.CONTENT_HANDOVER]
    assert delivery not in [name for name, _, _ in troubles(hub)]


WRONG: dict[str, dict[str, Any]] = {
    "control": {"register_number": "C\n1"},
    "bidi-line": {"register_number": "C\u20281"},
    "surrogate": {"register_number": "C\ud8001"},
    "blank": {"register_number": "   "},
    "long": {"register_number": "9" * 10_000},
    "long-book": {"register_number": "1", "register_book": "b" * 81},
    "date-alone": {"register_date": date(2026, 3, 1)},
    "year-one": {"register_number": "1", "register_date": date.min},
    "year-9999": {"register_number": "1", "register_date": date.max},
    "no-state": {"progress": "ABGELEHNT"},
    "nothing": {"progress": "NONE"},
    "answered": {"progress": "ANSWERED"},
    "redirected": {"progress": "REDIRECTED"},
    "no-ground": {"progress": "DECLINED"},
    "strange-ground": {"progress": "DECLINED", "ground": "WASL-DLV-001"},
    "wordless-ground": {"progress": "DECLINED", "ground": "WASL-DLV-039"},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_is_refused_and_seen(shared: HubUnderTest, name: str) -> None:
    hub = shared
    delivery = handed_over(hub)
    assert take(hub, News(delivery, **WRONG[name])) == [("refused", "WASL-DLV-084")]
    assert told(hub, delivery) == [Event.CONTENT_HANDOVER]
    assert (delivery, "WASL-DLV-084", 1) in troubles(hub)
    shown = overview(hub.gateway).show(delivery).news
    assert shown is not None
    assert shown.code == "WASL-DLV-084"
    assert take(hub, News(delivery, register_number="C-1")) == [("taken", None)]
    assert overview(hub.gateway).show(delivery).news is None


@pytest.mark.parametrize("days", [-3, 3])
def test_a_day_or_moment_outside_the_letters_life_is_refused(shared: HubUnderTest, days: int) -> None:
    hub = shared
    delivery = handed_over(hub)
    moment = hub.clock() + timedelta(days=days)
    assert take(hub, News(delivery, register_number="1", register_date=moment.date())) == [
        ("refused", "WASL-DLV-084")
    ]
    assert take(hub, News(delivery, register_number="1", at=moment)) == [("refused", "WASL-DLV-084")]
    naive = hub.clock().replace(tzinfo=None)
    assert take(hub, News(delivery, register_number="1", at=naive)) == [("refused", "WASL-DLV-084")]


def test_a_letter_keeps_its_first_number(shared: HubUnderTest) -> None:
    hub = shared
    delivery = handed_over(hub)
    take(hub, News(delivery, register_number="1"))
    assert take(hub, News(delivery, register_number="2")) == [("refused", "WASL-DLV-083")]
    assert row(hub, delivery).register_number == "1"
    assert (delivery, "WASL-DLV-083", 1) in troubles(hub)


def test_no_state_goes_back(shared: HubUnderTest) -> None:
    hub = shared
    delivery = handed_over(hub)
    take(hub, News(delivery, register_number="1", progress="CLOSED"))
    before = told(hub, delivery)
    for state in ("IN_PROGRESS", "AWAITING_SENDER"):
        assert take(hub, News(delivery, progress=state)) == [("refused", "WASL-DLV-083")]
    assert take(hub, News(delivery, progress="REGISTERED")) == [("known", None)]
    assert told(hub, delivery) == before


def test_a_number_after_work_began_is_attested_once_and_moves_nothing(shared: HubUnderTest) -> None:
    hub = shared
    delivery = handed_over(hub)
    assert take(hub, News(delivery, progress="IN_PROGRESS")) == [("taken", None)]
    assert take(hub, News(delivery, register_number="1")) == [("taken", None)]
    assert take(hub, News(delivery, register_number="1")) == [("known", None)]
    assert take(hub, News(delivery, register_number="2")) == [("refused", "WASL-DLV-083")]
    assert told(hub, delivery) == [Event.CONTENT_HANDOVER, Event.PROGRESS, Event.REGISTERED]
    assert (row(hub, delivery).processing, row(hub, delivery).register_number) == ("IN_PROGRESS", "1")


def test_who_passed_a_letter_on_numbers_it_no_more(shared: HubUnderTest) -> None:
    hub = shared
    delivery = handed_over(hub)
    case = hub.dispatch().letters.case(delivery)
    verbs(hub.gateway, "tests").redirecting.redirect(case, AGENCY_OFFICE, "Front desk")
    assert take(hub, News(delivery, register_number="1")) == [("refused", "WASL-DLV-083")]


def test_an_old_call_that_comes_again_leads_nowhere_back(shared: HubUnderTest) -> None:
    hub = shared
    delivery = handed_over(hub)
    hub.clock.forward(hours=1)
    first = News(delivery, progress="AWAITING_SENDER", at=hub.clock())
    hub.clock.forward(hours=1)
    second = News(delivery, progress="IN_PROGRESS", at=hub.clock())
    assert [result for result, _ in take(hub, first, second, first, second)] == [
        "taken",
        "taken",
        "known",
        "known",
    ]
    assert row(hub, delivery).processing == "IN_PROGRESS"


def test_news_before_the_handover_is_on_record_is_to_be_said_again(shared: HubUnderTest) -> None:
    hub = shared
    [delivery] = accept(hub, COMMUNE_OFFICE)
    assert take(hub, News(delivery, register_number="1")) == [("later", "WASL-DLV-019")]
    assert delivery not in [name for name, _, _ in troubles(hub)]


def test_a_number_for_a_letter_given_up_in_doubt_is_a_late_handover(hub: HubUnderTest) -> None:
    from gateway.bootstrap import letters, verbs
    from tests.support.deliveries import claimed

    [delivery] = accept(hub, COMMUNE_OFFICE)
    case = letters(hub.gateway).case(claimed(hub, delivery))
    verbs(hub.gateway, "worker-1").outcomes.give_up(case, Ambiguous("WASL-DLV-004", "cut"), True)
    assert take(hub, News(delivery, register_number="1")) == [("taken", None)]
    assert told(hub, delivery)[-2:] == [Event.LATE_HANDOVER, Event.REGISTERED]
    assert take(hub, News(delivery, register_number="1")) == [("known", None)]


# By an acknowledgment ---------------------------------------------------------------------------------


def test_an_acknowledgment_brings_the_number_of_a_letter_that_the_route_handed_over(
    shared: HubUnderTest,
) -> None:
    hub = shared
    delivery, by = handed_over(hub), Reader(COMMUNE, None, COMMUNE)
    inbox = hub.gateway.services.inbox
    inbox.acknowledge(delivery, by)
    assert told(hub, delivery) == [Event.CONTENT_HANDOVER]
    inbox.acknowledge(delivery, by, Registered("C-1"))
    inbox.acknowledge(delivery, by, Registered("C-1"))
    inbox.progress(delivery, by, Processing.IN_PROGRESS)
    assert told(hub, delivery) == [Event.CONTENT_HANDOVER, Event.REGISTERED, Event.PROGRESS]
    with pytest.raises(Conflict, match="WASL-DLV-019"):
        inbox.acknowledge(delivery, by, Registered("C-2"))
    assert take(hub, News(delivery, register_number="C-1")) == [("known", None)]


def test_the_three_ways_together_make_one_receipt(either: HubUnderTest) -> None:
    from concurrent.futures import ThreadPoolExecutor

    hub, by = either, Reader(COMMUNE, None, COMMUNE)
    delivery = handed_over(hub)

    def say(turn: int) -> None:
        if turn % 2:
            take(hub, News(delivery, register_number="C-1"))
        else:
            hub.gateway.services.inbox.acknowledge(delivery, by, Registered("C-1"))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(say, range(6)))
    assert told(hub, delivery) == [Event.CONTENT_HANDOVER, Event.REGISTERED]


# By poll ----------------------------------------------------------------------------------------------


def asks(hub: HubUnderTest) -> Polling:
    return polling(hub.gateway, "worker-1")


def route(hub: HubUnderTest) -> NewsRoute:
    with hub.gateway.store.read() as session:
        return news_queries.asked(session, [COMMUNE_OFFICE])[COMMUNE_OFFICE]


def test_a_poll_brings_the_number_to_the_senders_feed(either: HubUnderTest, system: Slow) -> None:
    hub = either
    delivery, other = handed_over(hub), handed_over(hub)
    system.answers = [[News(delivery, register_number="C-1")]]
    assert asks(hub).run_once() == 1
    [letters] = system.asked
    assert [(one.delivery_id, one.target_reference, one.register_number) for one in letters] == [
        (delivery, "dossier-1", None),
        (other, "dossier-2", None),
    ]
    assert letters[0].reference == receipts(hub, delivery)[0].reference
    assert letters[0].handed_over_at == hub.clock()
    feed = hub.get("/api/v1/events", MINISTRY).json["events"]
    assert [one["event"] for one in feed if one["delivery"] == delivery][-1].endswith("egistered")


def test_a_letter_without_news_is_asked_about_less_and_less(hub: HubUnderTest, system: Slow) -> None:
    delivery = handed_over(hub)
    turns, waits = asks(hub), []
    for _ in range(11):
        assert turns.run_once() == 1
        due = row(hub, delivery).news_due_at
        assert due is not None
        waits.append(round((due - hub.clock()).total_seconds() / 60))
        hub.clock.moment = due - timedelta(seconds=1)
        assert turns.run_once() == 0
        hub.clock.forward(seconds=61)
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440]


def test_whoever_was_never_asked_about_comes_first_and_batches_are_bounded(
    tmp_path: Path, system: Slow
) -> None:
    hub = fresh_hub(tmp_path, system, WASL_NEWS_BATCH="2")

    def one_by_one(many: int) -> list[str]:
        found = []
        for _ in range(many):
            hub.clock.forward(seconds=1)
            found.append(handed_over(hub))
        return found

    first = one_by_one(2)
    assert asks(hub).run_once() == 1
    second = one_by_one(3)
    hub.clock.forward(hours=1)
    turns = asks(hub)
    turns.run_once()
    hub.clock.forward(minutes=1)
    turns.run_once()
    found = [[one.delivery_id for one in letters] for letters in system.asked]
    assert found == [first, second[:2], [second[2], min(first)]]


def test_letters_that_are_closed_or_old_are_not_asked_about(hub: HubUnderTest, system: Slow) -> None:
    closed, old = handed_over(hub), handed_over(hub)
    take(hub, News(closed, progress="CLOSED"))
    asks(hub).run_once()
    assert [one.delivery_id for one in system.asked[0]] == [old]
    hub.clock.forward(days=61)
    assert asks(hub).run_once() == 0


def test_a_letter_near_its_end_is_put_out_of_the_way(hub: HubUnderTest, system: Slow) -> None:
    delivery = handed_over(hub)
    hub.clock.forward(days=59, hours=23, minutes=59)
    assert asks(hub).run_once() == 1
    assert row(hub, delivery).news_due_at == news_queries.NEVER


TROUBLES: dict[str, tuple[Answer, str]] = {
    "down": (Temporary("WASL-DLV-002", "HTTP 503"), "WASL-DLV-002"),
    "refuses": (Permanent("WASL-DLV-003", "HTTP 404"), "WASL-DLV-003"),
    "breaks": (ValueError("secret words"), "WASL-DLV-014"),
    "nonsense": (lambda _: None, "WASL-DLV-014"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_a_system_that_cannot_be_asked_rests_longer_each_time(
    hub: HubUnderTest, system: Slow, name: str
) -> None:
    delivery = handed_over(hub)
    trouble, code = TROUBLES[name]
    system.answers = [trouble, trouble]
    turns = asks(hub)
    for failures, wait in ((1, 60), (2, 120)):
        assert turns.run_once() == 1
        assert (route(hub).failures, route(hub).code) == (failures, code)
        assert "secret words" not in (route(hub).said or "")
        hub.clock.forward(seconds=wait - 1)
        assert turns.run_once() == 0
        hub.clock.forward(seconds=1)
    assert row(hub, delivery).news_asks == 0
    assert turns.run_once() == 1
    assert (route(hub).failures, route(hub).code, route(hub).failing_since) == (0, None, None)


def test_a_system_is_left_alone_for_as_long_as_it_asks(hub: HubUnderTest, system: Slow) -> None:
    handed_over(hub)
    system.answers = [Temporary("WASL-DLV-012", "HTTP 429", 900)]
    turns = asks(hub)
    turns.run_once()
    hub.clock.forward(seconds=899)
    assert turns.run_once() == 0
    hub.clock.forward(seconds=1)
    assert turns.run_once() == 1


def test_a_system_that_replaces_one_that_could_not_be_asked_is_asked_at_once(
    hub: HubUnderTest, system: Slow
) -> None:
    handed_over(hub)
    system.answers = [Temporary("WASL-DLV-002", "HTTP 503")]
    turns = asks(hub)
    assert (turns.run_once(), turns.run_once()) == (1, 0)
    route_of_commune(hub, options={"url": "http://other/"})
    assert (turns.run_once(), route(hub).failures) == (1, 0)


def test_a_route_that_is_open_or_paused_or_says_nothing_of_it_is_not_asked(
    hub: HubUnderTest, system: Slow
) -> None:
    handed_over(hub)
    with hub.gateway.store.write() as session:
        state = route_queries.locked(session, COMMUNE_OFFICE)
        assert state is not None
        state.state, state.probe_until = BreakerState.OPEN.value, hub.clock() + timedelta(minutes=5)
    assert asks(hub).run_once() == 0
    hub.clock.forward(minutes=5)
    route_of_commune(hub, paused=True)
    assert asks(hub).run_once() == 0
    route_of_commune(hub, options={"silent": True})
    assert asks(hub).run_once() == 0
    route_of_commune(hub)
    assert asks(hub).run_once() == 1


def test_a_clock_that_was_ahead_keeps_no_route_waiting(hub: HubUnderTest, system: Slow) -> None:
    handed_over(hub)
    with hub.clock.moved(days=400), hub.gateway.store.write() as session:
        news_queries.locked(session, COMMUNE_OFFICE, hub.clock())
    assert asks(hub).run_once() == 1
    hub.clock.forward(days=1)
    with hub.clock.moved(days=20):
        assert asks(hub).run_once() == 1
    assert asks(hub).run_once() == 1


def test_a_system_that_hangs_delays_no_other(tmp_path: Path) -> None:
    from threading import Event as Flag

    begun, go_on = Flag(), Flag()

    def hang(_: Sequence[Handed]) -> Sequence[News]:
        begun.set()
        go_on.wait(20)
        return ()

    system = Slow()
    hub = fresh_hub(tmp_path, system)
    other = next(one for one in hub.gateway.registry.export()["office"] if one["id"] == AGENCY_OFFICE)
    hub.apply({"office": [{**other, "route": {"kind": "adapter", "adapter": "simulator"}}]})
    system.answers = [hang]
    [first] = accept(hub, COMMUNE_OFFICE)
    hub.dispatch().run_once(100)
    pollers = crew(asks(hub), 2)
    try:
        assert pollers.run() == 1
        assert begun.wait(20)
        [second] = accept(hub, AGENCY_OFFICE)
        hub.dispatch().run_once(100)
        system.answers = [[News(second, register_number="A-1")]]
        hub.clock.forward(minutes=2)
        assert pollers.run() == 1
    finally:
        go_on.set()
        pollers.close()
    assert row(hub, second).register_number == "A-1"
    assert row(hub, first).register_number is None


def test_an_answer_about_other_letters_of_the_office_counts_and_of_others_does_not(
    hub: HubUnderTest, system: Slow
) -> None:
    mine, other = handed_over(hub), accept(hub, AGENCY_OFFICE)[0]
    hub.dispatch().run_once(100)
    system.answers = [[News(other, register_number="1"), News(mine, register_number="2")]]
    asks(hub).run_once()
    assert (row(hub, mine).register_number, row(hub, other).register_number) == ("2", None)


# What an operator sees ---------------------------------------------------------------------------------


def test_an_operator_sees_what_was_not_believed_and_who_cannot_be_asked(
    hub: HubUnderTest, system: Slow
) -> None:
    from gateway.cli.delivery_text import tell_file
    from gateway.exchange.operate.news import later_news

    def findings() -> list[str]:
        return [f"{one.mark.value} {one.said}" for one in later_news(hub.gateway.store, hub.clock())]

    delivery = handed_over(hub)
    assert findings() == ["good every system that is asked answers, and is believed"]
    take(hub, News(delivery, register_number="1"), News(delivery, register_number="2\x1b[31m"))
    take(hub, News(delivery, register_number="2\x1b[31m"), News("x", register_number="9"))
    system.answers = [Temporary("WASL-DLV-002", "HTTP 503:\nbusy")]
    asks(hub).run_once()
    told_of = "\n".join(tell_file(overview(hub.gateway).show(delivery)))
    assert "news not believed" in told_of
    assert "2 times" in told_of
    assert "WASL-DLV-084" not in told_of  # the words, not the code
    found = findings()
    assert [one.partition(" ")[0] for one in found] == ["look"] * 3
    assert "cannot be asked since" in found[0]
    assert any(f"delivery {delivery}" in one for one in found)
    assert not any("\n" in one or "\x1b" in one for one in [told_of.replace("\n", ""), *found])


def test_a_long_list_of_what_is_known_costs_looks_and_no_transaction(hub: HubUnderTest) -> None:
    delivery = handed_over(hub)
    news = [News(delivery, register_number="1", progress="REGISTERED")] * 200
    assert [result for result, _ in take(hub, *news[:1])] == ["taken"]
    before = hub.kept()
    assert {result for result, _ in take(hub, *news)} == {"known"}
    unknown = [News("x", register_number="1")] * 200
    assert {code for _, code in take(hub, *unknown)} == {"WASL-DLV-082"}
    assert troubles(hub) == [("", "WASL-DLV-082", 1)]  # a call's are one line, however many it names
    assert {**hub.kept(), "news_trouble": 0} == {**before, "news_trouble": 0}


def test_news_without_end_are_heard_as_far_as_a_turn_goes(hub: HubUnderTest, system: Slow) -> None:
    delivery = handed_over(hub)
    given = 0

    def endless(letters: Sequence[Handed]) -> Iterator[Any]:
        nonlocal given
        while True:
            given += 1
            yield News(delivery, register_number="C-1") if given == 2 else "no news"

    system.answers = [endless]
    assert polling(hub.gateway, "worker-1").run_once(1) == 1
    assert given == 1000
    assert row(hub, delivery).register_number == "C-1"


def test_report_without_end_is_refused(hub: HubUnderTest) -> None:
    class Calling(Slow):
        given = 0

        def can_report(self, options: Mapping[str, Any]) -> bool:
            return True

        def read_report(self, report: Report, context: Context) -> Iterator[Any]:
            while True:
                self.given += 1
                yield News("x", register_number="1")

    system = Calling()
    reporting = hub.gateway.services.reporting
    kind: dict[str, Any] = {**reporting.adapters, "simulator": system}
    with pytest.raises(Refused) as caught:
        replace(reporting, adapters=kind).take(COMMUNE_OFFICE, Report({}, b""))
    assert caught.value.faults[0].code == "WASL-DLV-084"
    assert system.given == 1001
