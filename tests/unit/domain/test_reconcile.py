"""What must hold between receipts, deliveries and moves: each rule on its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.evidence.receipt import Event
from gateway.domain.evidence.reconcile import Link, Patience, Track, judge_letter

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PATIENCE = Patience(NOW, lifetime=timedelta(days=5))

ROOT = Link(
    "r0",
    None,
    "acceptance",
    Event.SUBMISSION_ACCEPTANCE.value,
    NOW - 3 * HOUR,
    "d0",
    None,
    False,
    None,
    None,
    0,
)
END = Link(
    "r1", "x", "delivery", Event.CONTENT_HANDOVER.value, NOW - HOUR, "d1", "d0", True, "HANDED_OVER", None, 0
)
MOVES = (("", "QUEUED"), ("QUEUED", "DELIVERING"), ("DELIVERING", "HANDED_OVER"))
DONE = Track("x", "HANDED_OVER", None, None, None, "d1", END.time, MOVES)
FRESH = Track("x", "QUEUED", NOW, None, None, "d0", ROOT.time, MOVES[:1])


def codes(*links: Link, tracks: tuple[Track, ...] = (DONE,), accepted: bool = True) -> list[str]:
    return [finding.code for finding in judge_letter("L", accepted, links, tracks, PATIENCE)]


def test_a_letter_as_it_should_be_has_no_findings() -> None:
    assert codes(ROOT, END) == []
    assert codes(ROOT, tracks=(FRESH,)) == []


def test_a_refused_letter_has_its_rejection_and_no_delivery() -> None:
    rejection = replace(ROOT, kind="rejection", event=Event.SUBMISSION_REJECTION.value, reasons=1)
    assert codes(rejection, tracks=(), accepted=False) == []
    assert codes(ROOT, tracks=(), accepted=False) == ["letter.two-first-receipts"]
    assert codes(tracks=(), accepted=False) == ["letter.no-first-receipt"]


def test_two_acceptances_are_one_too_many() -> None:
    assert codes(ROOT, replace(ROOT, digest="other"), END) == ["letter.two-first-receipts"]


def test_a_negative_receipt_without_reason_is_told() -> None:
    failed = replace(END, kind="non-delivery", event=Event.CONTENT_HANDOVER_FAILURE.value, state="FAILED")
    moves = (*MOVES[:2], ("DELIVERING", "FAILED"))
    track = replace(DONE, state="FAILED", moves=moves)
    assert codes(ROOT, failed, tracks=(track,)) == ["receipt.no-reason"]
    assert codes(ROOT, replace(failed, reasons=1), tracks=(track,)) == []


def test_a_successor_begins_at_the_acceptance_but_later() -> None:
    assert codes(ROOT, tracks=(replace(FRESH, chain_time=ROOT.time + HOUR),)) == []
    assert codes(ROOT, tracks=(replace(FRESH, chain_time=ROOT.time - HOUR),)) == ["chain.end"]


def test_a_successor_that_is_not_there_is_told() -> None:
    redirected = replace(END, kind="outcome", event=Event.REDIRECTED.value, state="REDIRECTED", successor="y")
    track = replace(DONE, state="REDIRECTED", moves=(MOVES[0], ("QUEUED", "REDIRECTED")))
    assert codes(ROOT, redirected, tracks=(track,)) == ["delivery.missing"]
    assert codes(ROOT, redirected, tracks=(track, replace(FRESH, delivery="y"))) == []


def test_deliveries_of_one_letter_have_chains_of_their_own() -> None:
    other = replace(DONE, delivery="y", chain_digest="d2")
    theirs = replace(END, receipt="r2", delivery="y", digest="d2")
    assert codes(ROOT, END, theirs, tracks=(DONE, other)) == []
    shared = replace(theirs, predecessor="d1")
    assert codes(ROOT, END, shared, tracks=(DONE, other)) == ["chain.broken"]


@pytest.mark.parametrize(
    ("link", "code"),
    [
        (replace(END, predecessor="d9"), "chain.broken"),
        (replace(END, predecessor=None), "chain.broken"),
        (replace(END, digest="d9"), "chain.end"),
        (replace(END, ends=False), "delivery.no-outcome-receipt"),
        (replace(END, state="FAILED"), "delivery.other-outcome"),
        (replace(END, delivery="z"), "receipt.no-delivery"),
    ],
)
def test_a_link_that_does_not_fit_is_told(link: Link, code: str) -> None:
    assert code in codes(ROOT, link)


def test_an_outcome_is_never_left() -> None:
    moves = (*MOVES, ("HANDED_OVER", "QUEUED"))
    assert codes(ROOT, tracks=(replace(FRESH, moves=moves),)) == ["delivery.moves"]


@pytest.mark.parametrize("state", ["QUEUED", "WAITING", "DELIVERING", "HELD"])
@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (None, ["delivery.forgotten"]),
        (NOW - timedelta(days=5, seconds=1), ["delivery.stuck"]),
        (NOW - timedelta(hours=23), []),
        (NOW + timedelta(days=90), []),
    ],
)
def test_a_living_delivery_waits_for_a_moment_not_long_past(
    state: str, moment: datetime | None, code: list[str]
) -> None:
    moves = (("", "QUEUED"), ("QUEUED", state)) if state != "QUEUED" else MOVES[:1]
    track = replace(FRESH, state=state, due_at=moment, lease_until=moment, held_until=moment, moves=moves)
    assert codes(ROOT, tracks=(track,)) == code


def test_a_letter_that_lies_ready_may_lie_as_long_as_the_sender_lets_it() -> None:
    moves = (("", "QUEUED"), ("QUEUED", "AVAILABLE"))
    assert codes(ROOT, tracks=(replace(FRESH, state="AVAILABLE", due_at=None, moves=moves),)) == []
