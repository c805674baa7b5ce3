"""Rules of an office lead its letters to another one, by what the letter says and by the time it comes."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from gateway.domain.errors import Refused
from gateway.domain.identifiers import directory_id
from gateway.domain.registry.parties import Office, Party, PartyKind, Route, RouteKind
from gateway.domain.transit import routing_passage, routing_takes
from gateway.domain.transit.envelope import (
    Attachment,
    Confidentiality,
    ConfidentialityLevel,
    Envelope,
    Recipient,
)
from gateway.domain.transit.persons import Assurance, Identification, Identifier, Person, PersonKind, Sender
from gateway.domain.transit.routing import Destination, find_routes
from gateway.domain.transit.routing_checks import never_asked, never_met, too_far
from gateway.domain.transit.routing_conditions import meets
from gateway.domain.transit.routing_facts import Facts, LocalTime
from gateway.domain.transit.routing_fields import fields
from gateway.domain.transit.routing_rules import MOST_HOPS, Closing, Condition, Rule
from tests.support.almanac import HOLIDAY, Week

BODY, OTHER = directory_id("A", 1), directory_id("A", 2)
A, B, C, D, E = (directory_id("B", number) for number in range(1, 6))
INBOX = Route(RouteKind.INBOX)
LARGE = Condition("attachments.octets", at_least=1000)


def at(*moment: int) -> LocalTime:
    return LocalTime(datetime(*moment, tzinfo=UTC), Week())  # type: ignore[misc,arg-type]


MONDAY_MORNING = at(2026, 4, 6, 9)


class Register:
    """A directory of one body's offices, and one of another's."""

    def __init__(self, *offices: Office) -> None:
        self.offices = {one.id: one for one in offices}
        self.parties = {one: Party(one, PartyKind.ADMINISTRATION, {}) for one in (BODY, OTHER)}

    def party(self, party_id: str) -> Party | None:
        return self.parties.get(party_id)

    def office(self, office_id: str) -> Office | None:
        return self.offices.get(office_id)

    def default_office(self, party_id: str) -> Office | None:
        return next((one for one in self.offices.values() if one.party == party_id and one.default), None)

    def sender_of(self, reference: str, reader: str) -> str | None:
        return BODY


def office(name: str, *rules: Rule, party: str = BODY, **more: Any) -> Office:
    return Office(name, party, {"en": name}, more.pop("route", INBOX), rules=rules, **more)


def rule(name: str, to: str, *when: Condition, **days: date) -> Rule:
    return Rule(name, {"en": name}, to, when, **days)


def sized(letter: Envelope, size: int, **more: Any) -> Envelope:
    file = Attachment("a", "خطة.pdf", "application/pdf", size, "0" * 64)
    return replace(letter, attachments=(file,), **more)


def routed(letter: Envelope, *offices: Office, to: str = A, now: LocalTime = MONDAY_MORNING) -> Destination:
    sent = replace(letter, recipients=(Recipient(office=to),))
    return find_routes(sent, Register(*offices), now)[0]


def refusal(letter: Envelope, *offices: Office, **more: Any) -> tuple[str, str | None]:
    with pytest.raises(Refused) as caught:
        routed(letter, *offices, **more)
    return caught.value.faults[0].code, caught.value.faults[0].expected


def test_an_office_without_rules_decides_nothing(letter: Envelope) -> None:
    found = routed(letter, office(A))
    assert (found.office.id, found.addressed.id, found.decision, found.notices) == (A, A, None, ())


def test_the_first_rule_that_fits_leads_on_and_says_why(letter: Envelope) -> None:
    never = rule("never", C, Condition("test", equals=(True,)))
    found = routed(sized(letter, 1000), office(A, never, rule("large", B, LARGE), rule("all", C)), office(B))
    assert (found.office.id, found.addressed.id, found.notices) == (B, A, ("WASL-RTE-103",))
    assert found.decision is not None
    first, last = found.decision.hops
    assert [(one.rule.id, one.fits) for one in first.asked] == [("never", False), ("large", True)]
    assert first.rule is not None
    assert first.rule.id == "large"
    assert first.asked[1].found[0].values == (1000,)
    assert (last.office.id, last.to, last.asked) == (B, None, ())


def test_what_no_rule_fits_stays_and_that_is_recorded_too(letter: Envelope) -> None:
    found = routed(sized(letter, 999), office(A, rule("large", B, LARGE)), office(B))
    assert (found.office.id, found.notices) == (A, ())
    assert found.decision is not None
    assert found.decision.hops[0].asked[0].found[0].values == (999,)


def test_every_office_on_the_way_asks_its_own_rules_three_times_at_most(letter: Envelope) -> None:
    chain = [office(one, rule("on", to)) for one, to in ((A, B), (B, C), (C, D))]
    found = routed(letter, *chain, office(D))
    assert found.decision is not None
    assert [hop.office.id for hop in found.decision.hops] == [A, B, C, D]
    too_long = routed(letter, *chain, office(D, rule("on", E)), office(E))
    assert too_long.office.id == D  # the fourth step leads nowhere: the letter stays where it is
    assert too_long.decision is not None
    assert too_long.decision.hops[-1].asked[0].cannot == routing_passage.LED_TOO_FAR


def test_rules_that_lead_round_keep_the_letter(letter: Envelope) -> None:
    found = routed(letter, office(A, rule("to-b", B)), office(B, rule("back", A)))
    assert found.office.id == B


@pytest.mark.parametrize(
    ("other", "code"),
    [
        (office(B, active=False), routing_takes.INACTIVE_RECIPIENT),
        (office(B, route=Route(RouteKind.ADAPTER, "rest", max_bytes=10)), routing_takes.TOO_LARGE_FOR_ROUTE),
        (office(B, route=Route(RouteKind.INBOX, test_only=True)), routing_takes.TESTS_ONLY),
        (office(B, party=OTHER), routing_passage.NOT_AGREED),
        (office(B, closing=Closing(date(2026, 1, 1))), routing_passage.CLOSED),
        (office(C), routing_takes.UNKNOWN_RECIPIENT),
    ],
    ids=["inactive", "too-small", "tests-only", "of-another-body", "closed", "unknown"],
)
def test_a_rule_that_leads_to_nobody_is_passed_over(other: Office, code: str, letter: Envelope) -> None:
    found = routed(sized(letter, 1000), office(A, rule("large", B, LARGE), rule("rest", D)), other, office(D))
    assert found.office.id == D
    assert found.decision is not None
    assert [one.cannot for one in found.decision.hops[0].asked] == [code, None]


@pytest.mark.parametrize("serves", [(BODY,), ("*",)], ids=["named", "all"])
def test_another_body_that_agreed_receives(serves: tuple[str, ...], letter: Envelope) -> None:
    found = routed(letter, office(A, rule("scan", B)), office(B, party=OTHER, serves=serves))
    assert (found.office.id, found.party.id) == (B, OTHER)


def test_who_is_inactive_leads_nothing_on(letter: Envelope) -> None:
    assert refusal(letter, office(A, rule("all", B), active=False), office(B))[0] == "WASL-RTE-002"


def test_a_letter_too_large_for_its_office_is_led_to_one_that_takes_it(letter: Envelope) -> None:
    small = Route(RouteKind.ADAPTER, "rest", max_bytes=999)
    assert (
        routed(sized(letter, 1000), office(A, rule("large", B, LARGE), route=small), office(B)).office.id == B
    )
    assert refusal(sized(letter, 1000), office(A, route=small))[0] == "WASL-RTE-006"


def test_rules_of_many_offices_are_asked_within_bounds(letter: Envelope) -> None:
    many = [directory_id("B", 100 + number) for number in range(100)]
    more = [directory_id("B", 5000 + number) for number in range(100)]
    tests_only = Route(RouteKind.INBOX, test_only=True)
    middle = [office(one, *[rule(to, to) for to in more], route=tests_only) for one in many]
    shut = [office(one, active=False) for one in more]
    begun = time.process_time()
    found = routed(letter, office(A, *[rule(to, to) for to in many]), *middle, *shut)
    assert time.process_time() - begun < 1
    assert found.office.id == A
    assert found.decision is not None
    assert len(found.decision.hops[0].asked) < 5  # the bound was used up on the way


# closure


@pytest.mark.parametrize(("day", "receives"), [((2026, 3, 31, 22, 59), A), ((2026, 3, 31, 23), B)])
def test_an_office_closes_at_the_start_of_a_day_on_the_country_s_clocks(
    day: tuple[int, ...], receives: str, letter: Envelope
) -> None:
    closed = office(A, closing=Closing(date(2026, 4, 1), B))
    found = routed(letter, closed, office(B), now=at(*day))
    assert found.office.id == receives
    assert found.notices == (("WASL-RTE-102",) if receives == B else ())


def test_a_closed_office_s_rules_are_asked_no_more(letter: Envelope) -> None:
    closed = office(A, rule("all", C), closing=Closing(date(2026, 4, 1), B))
    found = routed(letter, closed, office(B), office(C))
    assert found.office.id == B
    assert found.decision is not None
    assert found.decision.hops[0].closed == date(2026, 4, 1)


def test_the_successor_s_own_rules_and_closure_count(letter: Envelope) -> None:
    first = office(A, closing=Closing(date(2025, 1, 1), B))
    second = office(B, closing=Closing(date(2026, 1, 1), C))
    found = routed(letter, first, second, office(C, rule("all", D)), office(D))
    assert (found.office.id, found.notices) == (D, ("WASL-RTE-102", "WASL-RTE-103"))


def test_without_a_successor_or_its_consent_the_sender_is_told(letter: Envelope) -> None:
    since = date(2026, 1, 1)
    assert refusal(letter, office(A, closing=Closing(since))) == ("WASL-RTE-010", None)
    assert refusal(letter, office(A, closing=Closing(since, B, False)), office(B)) == ("WASL-RTE-011", B)
    assert refusal(letter, office(A, closing=Closing(since, B)), office(B, party=OTHER))[0] == "WASL-RTE-012"
    round_ = office(A, closing=Closing(since, B)), office(B, closing=Closing(since, A))
    assert refusal(letter, *round_) == ("WASL-RTE-013", str(MOST_HOPS))


def test_answers_to_old_letters_and_to_the_body_reach_the_successor(letter: Envelope) -> None:
    closed = office(A, default=True, closing=Closing(date(2026, 1, 1), B))
    register = Register(closed, office(B))
    sent = replace(letter, recipients=(Recipient(reply_to="AAAA-AAAA-AAA"), Recipient(party=BODY)))
    assert [one.office.id for one in find_routes(sent, register, MONDAY_MORNING)] == [B, B]


def test_the_successor_of_a_dissolved_body_receives(letter: Envelope) -> None:
    register = Register(
        office(A, closing=Closing(date(2026, 1, 1), B)), office(B, party=OTHER, serves=(BODY,))
    )
    register.parties[BODY] = replace(register.parties[BODY], active=False)
    sent = replace(letter, recipients=(Recipient(office=A),))
    assert find_routes(sent, register, MONDAY_MORNING)[0].party.id == OTHER


# conditions

PERSON = Person(
    PersonKind.COMPANY,
    "Société d'Électricité (fictive)",
    Identification(Assurance.VERIFIED, OTHER),
    (Identifier("ice", "000000000000000"),),
)


@pytest.fixture
def full(letter: Envelope) -> Envelope:
    files = (
        Attachment("a", "مخطط.PDF", "application/pdf", 600, "0" * 64),
        Attachment("b", "photo.jpg", "image/jpeg", 500, "1" * 64, language="ar-MA"),
    )
    return replace(
        letter,
        subject="طلبُ رُخصةِ البناء رقم ١٢",
        sender=Sender(party=BODY, unit="Service des Marchés", on_behalf_of=PERSON),
        recipients=(Recipient(office=A, unit="Urbanisme"), Recipient(office=B, unit="Voirie")),
        document_type="request",
        language="ar",
        attachments=files,
        confidentiality=Confidentiality(ConfidentialityLevel.RESTRICTED),
        not_before=datetime(2026, 4, 9, 23, 30, tzinfo=UTC),
        references=("2025/17", "2025/18"),
    )


CONDITIONS: list[tuple[dict[str, Any], bool]] = [
    ({"field": "documentType", "equals": ("request",)}, True),
    ({"field": "documentType", "equals": ("Request",)}, False),  # a code is compared character by character
    ({"field": "documentType", "starts": ("req",)}, True),
    ({"field": "subject", "contains": ("رخصة البناء",)}, True),  # without vowel marks
    ({"field": "subject", "contains": ("رخـــصة",)}, True),  # stretched
    ({"field": "subject", "contains": ("شكاية", "رخصة")}, True),
    ({"field": "subject", "starts": ("طلب رخصة",)}, True),
    ({"field": "subject", "ends": ("رقم 12",)}, True),  # digits of either kind
    ({"field": "subject", "contains": ("خرصة",)}, False),
    ({"field": "sender.unit", "equals": ("service des marches",)}, True),
    ({"field": "sender.party", "equals": (OTHER, BODY)}, True),
    ({"field": "sender.kind", "equals": ("administration",)}, True),
    ({"field": "sender.kind", "equals": ("platform",)}, False),
    ({"field": "sender.onBehalfOf.kind", "equals": ("company", "association")}, True),
    ({"field": "sender.onBehalfOf.kind", "present": True}, True),
    ({"field": "sender.onBehalfOf.contact.email", "present": False}, True),
    ({"field": "sender.onBehalfOf.contact.email", "present": True}, False),
    ({"field": "sender.onBehalfOf.contact.email", "contains": ("@",), "negated": True}, True),
    ({"field": "sender.onBehalfOf.name", "ends": ("(FICTIVE)",)}, True),
    ({"field": "sender.onBehalfOf.identifiers.scheme", "equals": ("ice",)}, True),
    ({"field": "recipient.unit", "equals": ("URBANISME",)}, True),
    ({"field": "recipient.unit", "equals": ("voirie",)}, False),  # another recipient's
    ({"field": "recipient.role", "equals": ("to",)}, True),
    ({"field": "priority", "equals": ("urgent",)}, False),
    ({"field": "priority", "equals": ("urgent",), "negated": True}, True),
    ({"field": "confidentiality.level", "equals": ("restricted", "secret")}, True),
    ({"field": "language", "equals": ("ar",)}, True),
    ({"field": "test", "equals": (False,)}, True),
    ({"field": "test", "equals": (True,)}, False),
    ({"field": "references", "equals": ("2025/18",)}, True),
    ({"field": "attachments.count", "at_least": 2, "at_most": 2}, True),
    ({"field": "attachments.octets", "at_least": 1100}, True),
    ({"field": "attachments.octets", "at_least": 1101}, False),
    ({"field": "attachments.size", "at_least": 501, "at_most": 599}, False),  # no single one
    ({"field": "attachments.size", "at_least": 501, "at_most": 600}, True),
    ({"field": "attachments.mediaType", "starts": ("image/",)}, True),
    ({"field": "attachments.mediaType", "equals": ("text/plain",)}, False),
    ({"field": "attachments.name", "ends": (".pdf",)}, True),
    ({"field": "attachments.encryption.form", "present": False}, True),
    ({"field": "notBefore", "equals": ("2026-04-10",)}, True),  # the day there, an hour east of UTC
    ({"field": "notBefore", "at_most": "2026-04-09"}, False),
    ({"field": "time.weekday", "equals": ("monday",)}, True),
    ({"field": "time.day", "at_least": "2026-04-06", "at_most": "2026-04-06"}, True),
    ({"field": "time.workingDay", "equals": (True,)}, True),
    ({"field": "time.holiday", "equals": (True,)}, False),
]


@pytest.mark.parametrize(
    ("asked", "good"),
    CONDITIONS,
    ids=[f"{number}-{one['field']}" for number, (one, _) in enumerate(CONDITIONS)],
)
def test_a_condition_is_met_by_what_the_letter_says(
    asked: dict[str, Any], good: bool, full: Envelope
) -> None:
    facts = Facts(full, full.recipients[0], MONDAY_MORNING, Register().party)
    assert meets(Condition(**asked), facts) is good


@pytest.mark.parametrize(
    ("moment", "good"),
    [
        ((2026, 4, 6, 7, 29), True),
        ((2026, 4, 6, 7, 30), False),
        ((2026, 4, 6, 15, 30), False),
        ((2026, 4, 6, 15, 31), True),
    ],
)
def test_hours_are_those_of_the_country_s_clocks(
    moment: tuple[int, ...], good: bool, letter: Envelope
) -> None:
    outside = Condition("time.clock", at_least="08:30", at_most="16:30", negated=True)
    assert meets(outside, Facts(letter, letter.recipients[0], at(*moment), Register().party)) is good


def test_a_holiday_is_one_and_no_working_day(letter: Envelope) -> None:
    facts = Facts(letter, letter.recipients[0], at(*HOLIDAY.timetuple()[:3], 12), Register().party)
    assert meets(Condition("time.holiday", equals=(True,)), facts)
    assert meets(Condition("time.workingDay", equals=(False,)), facts)


def test_a_rule_counts_on_its_days_alone(letter: Envelope) -> None:
    summer = rule("summer", B, first=date(2026, 7, 1), last=date(2026, 8, 31))
    for day, receives in (((6, 30), A), ((7, 1), B), ((8, 31), B), ((9, 1), A)):
        assert routed(letter, office(A, summer), office(B), now=at(2026, *day, 12)).office.id == receives


def test_every_field_can_be_asked_of_any_letter(full: Envelope, letter: Envelope) -> None:
    assert len(fields()) > 60
    for sent in (full, letter):
        facts = Facts(sent, sent.recipients[0], MONDAY_MORNING, Register().party)
        for one in fields().values():
            assert all(isinstance(value, str | int) for value in facts.values(one)), one
            assert meets(Condition(one.path, present=True), facts) is bool(facts.values(one))


def test_no_rule_asks_the_text_of_a_letter_or_who_else_has_it() -> None:
    assert not {"body", "attachments.content", "recipients"} & set(fields())
    assert not any(path.startswith("recipients.") for path in fields())


def test_people_s_own_words_are_not_in_the_decision(full: Envelope) -> None:
    asks = (
        Condition("subject", contains=("رخصة",)),
        Condition("sender.onBehalfOf.identifiers.value", starts=("000",)),
        Condition("attachments.mediaType", starts=("image/",)),
        Condition("sender.signatory.name", present=False),
    )
    found = routed(full, office(A, rule("permits", B, *asks)), office(B))
    assert found.decision is not None
    told = [(one.values, one.shown) for one in found.decision.hops[0].asked[0].found]
    assert told == [((), False), ((), False), (("application/pdf", "image/jpeg"), True), ((), True)]


def test_long_texts_take_time_in_proportion(letter: Envelope) -> None:
    heavy = tuple("ا" * 239 + chr(0x628 + number % 20) for number in range(1000))
    begun = time.process_time()
    sent = replace(letter, summary="ا" * 4000, subject="ا" * 240)
    facts = Facts(sent, sent.recipients[0], MONDAY_MORNING, Register().party)
    assert not meets(Condition("summary", contains=heavy), facts)
    assert time.process_time() - begun < 2


# what can be known without a letter


@pytest.mark.parametrize(
    ("earlier", "later", "hidden"),
    [
        ((), (LARGE,), True),
        ((LARGE,), (), False),
        ((LARGE,), (Condition("attachments.octets", at_least=2000),), True),
        ((LARGE,), (Condition("attachments.octets", at_least=999),), False),
        ((LARGE,), (Condition("attachments.count", at_least=2000),), False),
        ((LARGE,), (LARGE, Condition("test", equals=(True,))), True),
        ((Condition("documentType", equals=("a", "b")),), (Condition("documentType", equals=("b",)),), True),
        ((Condition("documentType", equals=("b",)),), (Condition("documentType", equals=("a", "b")),), False),
        ((Condition("subject", contains=("رُخصة",)),), (Condition("subject", contains=("رخصة",)),), True),
        ((Condition("documentType", starts=("B",)),), (Condition("documentType", starts=("b",)),), False),
        ((Condition("documentType", present=True),), (Condition("documentType", equals=("a",)),), True),
        ((Condition("documentType", present=True),), (Condition("documentType", present=False),), False),
        ((Condition("documentType", present=False),), (Condition("documentType", present=False),), True),
        (
            (Condition("documentType", equals=("a",), negated=True),),
            (Condition("documentType", equals=("a", "b"), negated=True),),
            True,
        ),
        (
            (Condition("documentType", equals=("a", "b"), negated=True),),
            (Condition("documentType", equals=("a",), negated=True),),
            False,
        ),
        (
            (Condition("time.clock", at_least="08:00", at_most="17:00"),),
            (Condition("time.clock", at_least="09:00"),),
            False,
        ),
    ],
)  # fmt: skip
def test_a_rule_behind_one_that_fits_whatever_it_fits_is_told(
    earlier: tuple[Condition, ...], later: tuple[Condition, ...], hidden: bool
) -> None:
    rules = (rule("first", B, *earlier), rule("second", C, *later))
    assert [one.id for one, _ in never_asked(rules)] == (["second"] if hidden else [])


def test_a_rule_of_other_days_hides_none() -> None:
    march = {"first": date(2026, 3, 1), "last": date(2026, 3, 31)}
    assert list(never_asked((rule("march", B, **march), rule("all", C)))) == []
    week = {"first": date(2026, 3, 2), "last": date(2026, 3, 8)}
    assert [one.id for one, _ in never_asked((rule("march", B, **march), rule("week", C, **week)))] == [
        "week"
    ]


def test_bounds_that_leave_nothing_are_seen() -> None:
    assert never_met(Condition("attachments.size", at_least=2, at_most=1))
    assert not never_met(Condition("attachments.size", at_least=1, at_most=1))
    assert not never_met(Condition("time.clock", at_least="18:00", at_most="07:00", negated=True))


@pytest.mark.parametrize(
    ("leads", "wrong"),
    [
        ({A: (B,), B: (C,), C: (D,)}, []),
        ({A: (B,), B: (C,), C: (D,), D: (E,)}, [A]),
        ({A: (B,), B: (A,)}, [A, B]),
        ({A: (A,)}, [A]),
        ({A: (B, C), B: (C,)}, []),
    ],
    ids=["three", "four", "round", "itself", "two-ways"],
)
def test_ways_that_are_too_long_or_go_round_are_seen(
    leads: dict[str, tuple[str, ...]], wrong: list[str]
) -> None:
    assert too_far(leads) == wrong
