"""A letter is passed on to who can take it, three times at most, and never in a circle."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.domain.errors import Fault, Refused
from gateway.domain.registry.parties import Office, Party, PartyKind, Route, RouteKind
from gateway.domain.transit.grounds import GROUNDS, OTHER_GROUND, check_ground
from gateway.domain.transit.redirect import check_fits, check_redirect, lineage

PARTY = Party("A", PartyKind.ADMINISTRATION, {})
OFFICE = Office("B", "A", {}, Route(RouteKind.ADAPTER, "rest", max_bytes=10))


def refusal(office: Office | None, party: Party | None, *before: str) -> str:
    with pytest.raises(Refused) as caught:
        check_redirect("B", office, party, before)
    return caught.value.faults[0].code


def test_an_office_that_has_not_had_it_may_have_it() -> None:
    assert check_redirect("B", OFFICE, PARTY, ["one", "two", "three"]) == (OFFICE, PARTY)


def test_who_cannot_have_it_is_told() -> None:
    assert refusal(None, None, "one") == "WASL-RTE-001"
    assert refusal(replace(OFFICE, active=False), PARTY, "one") == "WASL-RTE-002"
    assert refusal(OFFICE, replace(PARTY, active=False), "one") == "WASL-RTE-002"
    assert refusal(OFFICE, PARTY, "one", "two", "three", "four") == "WASL-RTE-007"
    assert refusal(OFFICE, PARTY, "B") == "WASL-RTE-008"
    assert refusal(OFFICE, PARTY, "B", "two") == "WASL-RTE-008"


@pytest.mark.parametrize(("test", "octets", "code"), [(True, 1, "WASL-RTE-005"), (False, 11, "WASL-RTE-006")])
def test_a_letter_must_fit_the_new_route(test: bool, octets: int, code: str) -> None:
    check_fits(OFFICE, test=False, octets=10)
    with pytest.raises(Refused, match=code):
        check_fits(OFFICE, test, octets)


def test_the_line_of_a_delivery_is_its_own() -> None:
    successors = {"a": "b", "b": "c", "x": "y"}
    assert lineage("c", successors) == ("a", "b", "c")
    assert lineage("b", successors) == ("a", "b")
    assert lineage("x", successors) == ("x",)


def test_grounds_are_a_closed_list() -> None:
    assert all(check_ground(Fault(code, found="why")).code == code for code in GROUNDS)
    for bad in (Fault("WASL-DLV-001"), Fault(OTHER_GROUND), Fault(OTHER_GROUND, found=" ")):
        with pytest.raises(Refused, match="WASL-DLV-030"):
            check_ground(bad)
