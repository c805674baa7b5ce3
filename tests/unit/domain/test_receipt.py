"""What no receipt may say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.evidence.receipt import (
    EVENTS_OF,
    LONG_TERM,
    NEGATIVE,
    BrokenReceipt,
    Event,
    Issuer,
    Receipt,
    ReceiptKind,
    StatedReason,
    check,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
REASON = (StatedReason("WASL-DLV-001", "No connection to the recipient's system."),)


def receipt(kind: ReceiptKind, event: Event, **changes: object) -> Receipt:
    plain = Receipt(
        version="1.0",
        receipt_id="0193f5a0-0000-7000-8000-000000000001",
        kind=kind,
        event=event,
        event_time=NOW,
        local_time=NOW,
        issuer=Issuer("DEMO-HUB", "A hub", "ma"),
        policy="urn:wasl:policy:evidence:1.0",
        nonce="0" * 32,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


PAIRS = [(kind, event) for kind in ReceiptKind for event in Event]


def test_every_kind_attests_something_and_every_event_belongs_to_one_kind() -> None:
    assert set(EVENTS_OF) == set(ReceiptKind)
    assert all(EVENTS_OF.values())
    owners = [kind for event in Event for kind in ReceiptKind if event in EVENTS_OF[kind]]
    assert len(owners) == len(Event)


@pytest.mark.parametrize(("kind", "event"), PAIRS)
def test_a_kind_attests_its_own_events_only(kind: ReceiptKind, event: Event) -> None:
    made = receipt(kind, event, reasons=REASON)
    if event in EVENTS_OF[kind]:
        assert check(made) is made
    else:
        with pytest.raises(BrokenReceipt, match="cannot attest"):
            check(made)


@pytest.mark.parametrize("event", Event)
def test_a_negative_receipt_gives_its_reason(event: Event) -> None:
    kind = next(kind for kind, events in EVENTS_OF.items() if event in events)
    if event in NEGATIVE:
        with pytest.raises(BrokenReceipt, match="without a reason"):
            check(receipt(kind, event))
    else:
        assert check(receipt(kind, event))


def test_failures_and_rejections_of_etsi_are_negative() -> None:
    named = {event for event in Event if event.value.endswith(("Failure", "Rejection", "Expiry"))}
    assert named == NEGATIVE


def test_time_never_goes_back_along_a_chain() -> None:
    first = receipt(ReceiptKind.ACCEPTANCE, Event.SUBMISSION_ACCEPTANCE)
    same = receipt(ReceiptKind.DELIVERY, Event.CONTENT_HANDOVER)
    assert check(same, first) is same
    earlier = replace(same, event_time=NOW - timedelta(microseconds=1))
    with pytest.raises(BrokenReceipt, match="time goes back"):
        check(earlier, first)


def test_acceptance_delivery_and_refusals_are_kept_for_the_long_term() -> None:
    passing = {
        ReceiptKind.RELAY,
        ReceiptKind.AVAILABILITY,
        ReceiptKind.NOTIFICATION,
        ReceiptKind.MAILED,
        ReceiptKind.ACCESS,
        ReceiptKind.PROGRESS,
    }
    assert set(ReceiptKind) - LONG_TERM == passing
