"""Where a letter may be passed on to, and how often; pure rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date as Day

from gateway.domain.errors import Refused
from gateway.domain.registry.parties import Office, Party, RouteKind
from gateway.domain.transit.routing_passage import CLOSED, CLOSED_WITH_SUCCESSOR
from gateway.domain.transit.routing_takes import (
    INACTIVE_RECIPIENT,
    NOT_A_TEST_ROUTE,
    TESTS_ONLY,
    TOO_LARGE_FOR_ROUTE,
    UNKNOWN_RECIPIENT,
)

MOST_REDIRECTS = 3
TOO_OFTEN = "WASL-RTE-007"
WAS_THERE = "WASL-RTE-008"


def lineage(delivery: str, successor_of: Mapping[str, str]) -> tuple[str, ...]:
    """The deliveries that a delivery succeeds, the first one first, and itself last.

    Args:
        successor_of: for each delivery of the letter that has a successor, that one.
    """
    before = {successor: succeeded for succeeded, successor in successor_of.items()}
    line = [delivery]
    while line[0] in before:
        line.insert(0, before[line[0]])
    return tuple(line)


def check_redirect(
    office_id: str,
    office: Office | None,
    party: Party | None,
    offices_before: Sequence[str],
    same_office: bool = False,
) -> tuple[Office, Party]:
    """The office and party that a delivery may be passed on to.

    Args:
        offices_before: the offices that the letter came through on this line, its present one last.
        same_office: the present one may have it again.

    Raises:
        Refused: nobody receives there, it was there before, or it was passed on too often.
    """
    if len(offices_before) > MOST_REDIRECTS:
        raise Refused.because(TOO_OFTEN, expected=str(MOST_REDIRECTS), found=str(len(offices_before)))
    if office is None or party is None:
        raise Refused.because(UNKNOWN_RECIPIENT, found=office_id, recipient=office_id)
    if not office.active or not party.active:
        raise Refused.because(INACTIVE_RECIPIENT, found=office_id, recipient=office_id)
    if office_id in offices_before and not (same_office and office_id == offices_before[-1]):
        raise Refused.because(WAS_THERE, found=office_id, recipient=office_id)
    return office, party


def check_open(office: Office, day: Day) -> None:
    """Check that an office still takes letters itself; a person that passes one on names the successor.

    Args:
        day: today, on the country's calendar.

    Raises:
        Refused: it has closed; its successor is named.
    """
    closing = office.closed_on(day)
    if closing is not None:
        code = CLOSED if closing.successor is None else CLOSED_WITH_SUCCESSOR
        since = closing.since.isoformat()
        raise Refused.because(code, expected=closing.successor, found=since, recipient=office.id)


def check_fits(office: Office, test: bool, octets: int) -> None:
    """Check that an office's route takes this letter.

    Raises:
        Refused: its attachments are too large for it, it takes no tests, or nothing else.
    """
    if test and not office.route.accepts_test:
        raise Refused.because(NOT_A_TEST_ROUTE, found=office.id, recipient=office.id)
    if office.route.test_only and not test:
        raise Refused.because(TESTS_ONLY, found=office.id, recipient=office.id)
    limit = office.route.max_bytes
    if limit is not None and office.route.kind is RouteKind.ADAPTER and octets > limit:
        raise Refused.because(
            TOO_LARGE_FOR_ROUTE, expected=str(limit), found=str(octets), recipient=office.id
        )
