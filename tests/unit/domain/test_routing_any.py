"""Whatever rules say, a letter ends where it is taken or is refused, and no rule is wrongly called hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.errors import Refused
from gateway.domain.identifiers import directory_id
from gateway.domain.registry.parties import Office, Party, PartyKind, Route, RouteKind
from gateway.domain.transit.envelope import Attachment, Envelope, Priority, Recipient
from gateway.domain.transit.routing import Destination, find_routes
from gateway.domain.transit.routing_checks import never_asked
from gateway.domain.transit.routing_conditions import meets
from gateway.domain.transit.routing_facts import Facts, LocalTime
from gateway.domain.transit.routing_rules import MOST_HOPS, Closing, Condition, Rule
from gateway.domain.transit.routing_takes import check_takes
from tests.support.almanac import Week

BODIES = [directory_id("A", number) for number in (1, 2)]
OFFICES = [directory_id("B", number) for number in range(6)]
NOON = LocalTime(datetime(2026, 4, 6, 11, tzinfo=UTC), Week())
DAYS = st.sampled_from([None, date(2026, 4, 5), date(2026, 4, 6), date(2026, 4, 7)])
WORDS = st.lists(st.sampled_from(["رخصة", "رُخصة", "شكاية", "Été", "ete"]), max_size=2).map(tuple)
SIZES = st.one_of(st.none(), st.integers(0, 3))


def condition(field: str, **asked: st.SearchStrategy[Any]) -> st.SearchStrategy[Condition]:
    return st.builds(Condition, st.just(field), negated=st.booleans(), **asked)


SUBJECTS = ["طلب رُخصة البناء", "شكاية", "L'ÉTÉ", "x"]


def presence(*names: str) -> st.SearchStrategy[Condition]:
    return st.builds(Condition, st.sampled_from(names), present=st.booleans(), negated=st.booleans())


KINDS = st.lists(st.sampled_from("abc"), min_size=1, max_size=2).map(tuple)
ABOUT_ONE_FIELD = [
    condition("subject", contains=WORDS, starts=WORDS),
    st.one_of(condition("documentType", equals=KINDS), presence("documentType")),
    condition("priority", equals=st.sampled_from([("urgent",), ("normal",), ("normal", "urgent")])),
    st.one_of(condition("attachments.size", at_least=SIZES, at_most=SIZES), presence("attachments.size")),
    condition("attachments.count", at_least=SIZES, at_most=SIZES),
]
CONDITIONS = st.one_of(*ABOUT_ONE_FIELD, presence("sender.unit"))
RULES = st.builds(
    Rule,
    st.uuids().map(str),
    st.just({}),
    st.sampled_from(OFFICES),
    st.lists(CONDITIONS, max_size=3).map(tuple),
    DAYS,
    DAYS,
)


def letters(base: Envelope) -> st.SearchStrategy[Envelope]:
    file = st.integers(0, 3).map(lambda size: Attachment(f"a{size}", "a", "text/plain", size, "0" * 64))
    return st.builds(
        replace,
        st.just(base),
        subject=st.sampled_from(SUBJECTS),
        document_type=st.sampled_from([None, "a", "b"]),
        priority=st.sampled_from(Priority),
        attachments=st.lists(file, max_size=3).map(tuple),
        test=st.booleans(),
        recipients=st.sampled_from(OFFICES).map(lambda office: (Recipient(office=office),)),
    )


@st.composite
def registers(draw: st.DrawFn) -> dict[str, Office]:
    found = {}
    for name in OFFICES[:-1]:  # the last one is not registered
        route = Route(RouteKind.INBOX, accepts_test=draw(st.booleans()), test_only=draw(st.booleans()))
        since = draw(DAYS)
        closing = since and Closing(since, draw(st.sampled_from([None, *OFFICES])), draw(st.booleans()))
        found[name] = Office(
            name,
            draw(st.sampled_from(BODIES)),
            {},
            route,
            active=draw(st.integers(0, 5)) > 0,
            rules=tuple(draw(st.lists(RULES, max_size=4))),
            closing=closing,
            serves=draw(st.sampled_from([(), ("*",), (BODIES[0],)])),
        )
    return found


class Register:
    def __init__(self, offices: dict[str, Office]) -> None:
        self.offices = offices

    def party(self, party_id: str) -> Party | None:
        return Party(party_id, PartyKind.ADMINISTRATION, {})

    def office(self, office_id: str) -> Office | None:
        return self.offices.get(office_id)

    def default_office(self, party_id: str) -> Office | None:
        return None

    def sender_of(self, reference: str, reader: str) -> str | None:
        return None


ANY = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def _routed(sent: Envelope, register: Register) -> Destination | None:
    try:
        return find_routes(sent, register, NOON)[0]
    except Refused:
        return None


@ANY
@given(data=st.data())
def test_a_letter_ends_at_an_office_that_takes_it_or_is_refused(
    letter: Envelope, data: st.DataObject
) -> None:
    register = Register(data.draw(registers()))
    sent = data.draw(letters(letter))
    found = _routed(sent, register)
    if found is None:
        return
    check_takes(sent, found.office, register, None)
    assert found.office.closed_on(NOON.day) is None
    way = [hop.office.id for hop in found.decision.hops] if found.decision else [found.office.id]
    assert way[0] == sent.recipients[0].office
    assert len(way) == len(set(way)) <= MOST_HOPS + 1


@pytest.mark.parametrize("field", ["subject", "documentType", "attachments.size", "attachments.count"])
def test_a_rule_called_hidden_never_fits_alone(letter: Envelope, field: str) -> None:
    letters = list(_every_letter(letter))
    fitting = {one: _fitting(one, letters) for one in _every_condition(field)}
    hidden = 0
    for wide, narrow in product(fitting, repeat=2):
        rules = [Rule("first", {}, OFFICES[0], (wide,)), Rule("second", {}, OFFICES[1], (narrow,))]
        if list(never_asked(rules)):
            hidden += 1
            assert fitting[narrow] <= fitting[wide], (wide, narrow)
    assert hidden > len(fitting)  # each is hidden by itself, and some by others


def _fitting(one: Condition, letters: list[Envelope]) -> set[int]:
    """Which letters meet a condition."""
    body = Register({}).party
    return {
        number
        for number, sent in enumerate(letters)
        if meets(one, Facts(sent, sent.recipients[0], NOON, body))
    }


def _every_condition(field: str) -> Iterator[Condition]:
    """Every condition on a field with few values, each with its opposite."""
    some = [(), ("رُخصة",), ("شكاية",), ("رخصة", "شكاية"), ("طلب", "x")]
    few = [(), ("a",), ("b",), ("a", "b")]
    bounds = [None, 0, 1, 2]
    asked: list[dict[str, Any]] = []
    if field == "subject":
        asked = [{"contains": inside, "starts": begin} for inside, begin in product(some, some)]
    elif field == "documentType":
        asked = [{"equals": values} for values in few]
    else:
        asked = [{"at_least": least, "at_most": most} for least, most in product(bounds, bounds)]
    asked = [one for one in asked if any(value not in ((), None) for value in one.values())]
    for one, negated in product((*asked, {"present": True}, {"present": False}), (False, True)):
        yield Condition(field, negated=negated, **one)


def _every_letter(base: Envelope) -> Iterator[Envelope]:
    """Letters of which one tells any two conditions apart that are not the same."""
    sizes = ((), (0,), (1,), (2,), (3,), (0, 3), (1, 2))
    for subject, kind, files in product(SUBJECTS, (None, "a", "b", "c"), sizes):
        attachments = tuple(Attachment(f"a{size}", "a", "text/plain", size, "0" * 64) for size in files)
        urgent = Priority.URGENT if len(files) % 2 else Priority.NORMAL
        changes = {"subject": subject, "document_type": kind, "priority": urgent}
        yield replace(base, attachments=attachments, **changes)
