"""Every recipient finds its office, or all that cannot are told together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from gateway.domain.errors import Refused
from gateway.domain.registry.parties import Office, Party, PartyKind, Route, RouteKind
from gateway.domain.transit import routing, routing_takes
from gateway.domain.transit.envelope import Attachment, Envelope, Recipient
from gateway.domain.transit.routing import find_routes
from gateway.domain.transit.routing_facts import LocalTime
from tests.support.almanac import Week

INBOX = Route(RouteKind.INBOX)
NOON = LocalTime(datetime(2026, 3, 2, 12, tzinfo=UTC), Week())


@dataclass
class Register:
    """A directory of three bodies that can be changed by a test."""

    parties: dict[str, Party] = field(default_factory=dict)
    offices: dict[str, Office] = field(default_factory=dict)
    senders: dict[tuple[str, str], str] = field(default_factory=dict)

    def party(self, party_id: str) -> Party | None:
        return self.parties.get(party_id)

    def office(self, office_id: str) -> Office | None:
        return self.offices.get(office_id)

    def default_office(self, party_id: str) -> Office | None:
        own = (office for office in self.offices.values() if office.party == party_id and office.default)
        return next(own, None)

    def sender_of(self, reference: str, reader: str) -> str | None:
        return self.senders.get((reference, reader))


@pytest.fixture
def register() -> Register:
    names = {"en": "A body"}
    return Register(
        {party: Party(party, PartyKind.ADMINISTRATION, names) for party in ("P1", "P2", "P3")},
        {
            "O1": Office("O1", "P1", names, INBOX, default=True, document_types={"letter": "L"}),
            "O2": Office("O2", "P2", names, INBOX),
        },
    )


def to(letter: Envelope, *recipients: Recipient) -> Envelope:
    return replace(letter, recipients=recipients)


def refusals(letter: Envelope, register: Register) -> list[tuple[str, str | None, str]]:
    with pytest.raises(Refused) as caught:
        find_routes(letter, register, NOON)
    return [(fault.code, fault.where, fault.values["recipient"]) for fault in caught.value.faults]


def test_offices_parties_and_answers_find_their_office_in_order(letter: Envelope, register: Register) -> None:
    register.senders["R", letter.sender.party] = "P1"
    sent = to(letter, Recipient(office="O2"), Recipient(party="P1"), Recipient(reply_to="R", unit="x"))
    found = find_routes(sent, register, NOON)
    assert [(way.office.id, way.party.id) for way in found] == [("O2", "P2"), ("O1", "P1"), ("O1", "P1")]
    assert tuple(way.recipient for way in found) == sent.recipients


def test_all_unknown_recipients_are_told_together(letter: Envelope, register: Register) -> None:
    sent = to(
        letter,
        Recipient(office="O9"),
        Recipient(office="O1"),
        Recipient(party="P3"),
        Recipient(party="P9"),
        Recipient(reply_to="R"),
    )
    assert refusals(sent, register) == [
        (routing_takes.UNKNOWN_RECIPIENT, "/recipients/0", "O9"),
        (routing.NO_DEFAULT_OFFICE, "/recipients/2", "P3"),
        (routing_takes.UNKNOWN_RECIPIENT, "/recipients/3", "P9"),
        (routing.UNKNOWN_ORIGINAL, "/recipients/4", "R"),
    ]


def test_a_letter_of_others_cannot_be_answered(letter: Envelope, register: Register) -> None:
    register.senders["R", "P2"] = "P1"
    assert refusals(to(letter, Recipient(reply_to="R")), register) == [
        (routing.UNKNOWN_ORIGINAL, "/recipients/0", "R")
    ]


@pytest.mark.parametrize("what", ["office", "party", "no party"])
def test_who_is_not_active_receives_nothing(what: str, letter: Envelope, register: Register) -> None:
    if what == "office":
        register.offices["O1"] = replace(register.offices["O1"], active=False)
    elif what == "party":
        register.parties["P1"] = replace(register.parties["P1"], active=False)
    else:
        del register.parties["P1"]
    assert refusals(to(letter, Recipient(office="O1")), register) == [
        (routing_takes.INACTIVE_RECIPIENT, "/recipients/0", "O1")
    ]


def test_a_test_letter_reaches_only_routes_that_opted_in(letter: Envelope, register: Register) -> None:
    test = replace(to(letter, Recipient(office="O1")), test=True)
    assert refusals(test, register) == [(routing_takes.NOT_A_TEST_ROUTE, "/recipients/0", "O1")]
    register.offices["O1"] = replace(register.offices["O1"], route=replace(INBOX, accepts_test=True))
    assert find_routes(test, register, NOON)[0].office.id == "O1"


@pytest.mark.parametrize(
    ("kind", "limit", "fits"),
    [
        (RouteKind.ADAPTER, 7, True),
        (RouteKind.ADAPTER, 6, False),
        (RouteKind.ADAPTER, None, True),
        (RouteKind.INBOX, 6, True),
        (RouteKind.OFFICE, 6, True),
    ],
)
def test_a_letter_fits_through_its_route(
    kind: RouteKind, limit: int | None, fits: bool, letter: Envelope, register: Register
) -> None:
    register.offices["O1"] = replace(register.offices["O1"], route=Route(kind, max_bytes=limit))
    files = tuple(Attachment(f"a{size}", "a.pdf", "application/pdf", size, "0" * 64) for size in (3, 4))
    sent = replace(to(letter, Recipient(office="O1")), attachments=files)
    if fits:
        assert find_routes(sent, register, NOON)
    else:
        assert refusals(sent, register) == [(routing_takes.TOO_LARGE_FOR_ROUTE, "/recipients/0", "O1")]


def test_an_unknown_document_type_is_remarked_and_never_refused(letter: Envelope, register: Register) -> None:
    sent = to(letter, Recipient(office="O1"), Recipient(office="O2"))
    notices = [way.notices for way in find_routes(replace(sent, document_type="letter"), register, NOON)]
    assert notices == [(), (routing.UNMAPPED_DOCUMENT_TYPE,)]
    assert all(way.notices == () for way in find_routes(sent, register, NOON))
