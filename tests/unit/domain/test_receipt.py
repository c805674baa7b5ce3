"""What no receipt may say, and what each must."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from gateway.domain.evidence.invariants import BrokenReceipt, check
from gateway.domain.evidence.receipt import (
    EVENTS_OF,
    LONG_TERM,
    NEGATIVE,
    Addressee,
    DayKind,
    Event,
    Handover,
    Issuer,
    Notified,
    Octets,
    Outcome,
    Pause,
    Place,
    Receipt,
    ReceiptKind,
    Registered,
    Relay,
    Signer,
    Silence,
    StatedReason,
    Submitter,
    TimeLimit,
)
from gateway.domain.evidence.verdict import Indication, Level
from xsd.example_values import RECEIPTS

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
REASON = (StatedReason("WASL-DLV-001", "No connection to the recipient's system."),)
REFERENCE = "0123-4567-89A"
DELIVERY = "0193f5a0-0000-7000-8000-00000000000d"
OFFICE = Addressee("B0000001-V", "A0000001-Y", "An office", DELIVERY)
LIMIT = TimeLimit(
    True, "a-procedure", NOW, 60, DayKind.CALENDAR, end=date(2026, 5, 1), silence=Silence.REFUSAL
)
SUBMITTED: dict[str, Any] = {"submitted_at": NOW, "received": Octets("0" * 64)}
FIRST: dict[ReceiptKind, dict[str, Any]] = {
    ReceiptKind.REJECTION: SUBMITTED,
    ReceiptKind.ACCEPTANCE: {
        **SUBMITTED,
        "recipients": (OFFICE,),
        "reference": REFERENCE,
        "message_id": "0193f5a0-0000-7000-8000-000000000002",
        "sender": Submitter("A0000001-Y", "A party"),
        "signer": Signer("0" * 64, Level.JWS, Indication.PASSED),
    },
}
LATER: dict[str, Any] = {"recipient": OFFICE, "predecessor": "1" * 64, "reference": REFERENCE}
OF_KIND: dict[ReceiptKind, dict[str, Any]] = {
    ReceiptKind.RELAY: {"relay": Relay("OTHER-HUB")},
    ReceiptKind.NOTIFICATION: {"notified": Notified("email")},
    ReceiptKind.DELIVERY: {"handover": Handover()},
    ReceiptKind.MAILED: {"notified": Notified("email")},
    ReceiptKind.ACCESS: {"accessed_by": "Front desk"},
    ReceiptKind.REGISTRATION: {"registered": Registered("7"), "stated_by": "An office"},
    ReceiptKind.PROGRESS: {"progress": "IN_PROGRESS", "stated_by": "An office"},
    ReceiptKind.TIME_LIMIT: {"time_limit": LIMIT},
}
OF_EVENT: dict[Event, dict[str, Any]] = {
    Event.CONTENT_CONSIGNMENT: {"place": Place.INBOX},
    Event.CONTENT_HANDOVER: {"outcome": Outcome("HANDED_OVER")},
    Event.CONTENT_HANDOVER_FAILURE: {"outcome": Outcome("FAILED")},
    Event.CONSIGNMENT_ACCEPTANCE: {"outcome": Outcome("AVAILABLE")},
    Event.CONSIGNMENT_REJECTION: {"outcome": Outcome("REFUSED")},
    Event.ACCEPTANCE_REJECTION_EXPIRY: {"outcome": Outcome("EXPIRED")},
    Event.ANSWERED: {"outcome": Outcome("ANSWERED", answer=REFERENCE)},
    Event.REDIRECTED: {"outcome": Outcome("REDIRECTED", successor=DELIVERY)},
    Event.CANCELLED: {"outcome": Outcome("CANCELLED")},
    Event.LATE_HANDOVER: {"outcome": Outcome("FAILED"), "handover": Handover()},
    Event.RESENT: {"outcome": Outcome("FAILED", successor=DELIVERY)},
}


def receipt(kind: ReceiptKind, event: Event, **changes: Any) -> Receipt:
    """A receipt with all that its kind and event need, but no reason."""
    about = FIRST.get(kind, LATER) | OF_KIND.get(kind, {}) | OF_EVENT.get(event, {})
    return Receipt(
        version="1.0",
        receipt_id="0193f5a0-0000-7000-8000-000000000001",
        kind=kind,
        event=event,
        event_time=NOW,
        issuer=Issuer("DEMO-HUB", "A hub", "ma"),
        policy="urn:wasl:policy:evidence:1.0",
        nonce="0" * 32,
        **({"local_time": NOW} | about | changes),
    )


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
    before = NOW - timedelta(microseconds=1)
    earlier = replace(same, event_time=before, local_time=before)
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


OWNERS = {event: kind for kind, events in EVENTS_OF.items() for event in events}
NEEDED = [
    (event, name) for event in Event for name in (OF_KIND.get(OWNERS[event], {}) | OF_EVENT.get(event, {}))
]


@pytest.mark.parametrize(("event", "name"), NEEDED)
def test_what_an_event_must_state_is_not_left_out(event: Event, name: str) -> None:
    with pytest.raises(BrokenReceipt):
        check(receipt(OWNERS[event], event, reasons=REASON, **{name: None}))


FACTS = OF_KIND[ReceiptKind.RELAY] | OF_KIND[ReceiptKind.ACCESS] | OF_KIND[ReceiptKind.REGISTRATION]
FACTS |= OF_KIND[ReceiptKind.PROGRESS] | OF_KIND[ReceiptKind.NOTIFICATION] | {"place": Place.FOLDER}
STRANGE = [
    (kind, name)
    for kind in ReceiptKind
    for name in FACTS
    if name != "stated_by"
    and name not in OF_KIND.get(kind, {})
    and (kind.value, name) != ("availability", "place")
]


@pytest.mark.parametrize(("kind", "name"), STRANGE)
def test_what_belongs_to_another_kind_is_not_stated(kind: ReceiptKind, name: str) -> None:
    event = next(iter(EVENTS_OF[kind]))
    with pytest.raises(BrokenReceipt, match=f"{name} does not belong here"):
        check(receipt(kind, event, reasons=REASON, **{name: FACTS[name]}))


@pytest.mark.parametrize("kind", sorted(set(ReceiptKind) - set(FIRST), key=str))
@pytest.mark.parametrize("name", ["recipient", "predecessor", "reference"])
def test_a_later_receipt_stands_in_the_chain_of_a_delivery(kind: ReceiptKind, name: str) -> None:
    event = next(iter(EVENTS_OF[kind]))
    with pytest.raises(BrokenReceipt):
        check(receipt(kind, event, reasons=REASON, **{name: None}))
    with pytest.raises(BrokenReceipt, match="no delivery"):
        check(receipt(kind, event, reasons=REASON, recipient=replace(OFFICE, delivery=None)))


@pytest.mark.parametrize("kind", FIRST)
@pytest.mark.parametrize("change", [{"predecessor": "1" * 64}, {"recipient": OFFICE}, {"received": None}])
def test_the_first_receipt_is_about_the_submission(kind: ReceiptKind, change: dict[str, Any]) -> None:
    event = next(iter(EVENTS_OF[kind]))
    with pytest.raises(BrokenReceipt):
        check(receipt(kind, event, reasons=REASON, **change))


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        (Event.CONTENT_HANDOVER, {"outcome": Outcome("FAILED")}),
        (Event.CONTENT_HANDOVER, {"outcome": Outcome("HANDED_OVER", unknown=True)}),
        (Event.CONTENT_HANDOVER_FAILURE, {"outcome": Outcome("EXPIRED")}),
        (Event.CANCELLED, {"outcome": Outcome("CANCELLED", successor=DELIVERY)}),
        (Event.REDIRECTED, {"outcome": Outcome("REDIRECTED")}),
        (Event.RESENT, {"outcome": Outcome("FAILED")}),
        (Event.RESENT, {"outcome": Outcome("CANCELLED", successor=DELIVERY)}),
        (Event.ANSWERED, {"outcome": Outcome("ANSWERED")}),
        (Event.CANCELLED, {"handover": Handover()}),
        (Event.LATE_HANDOVER, {"outcome": Outcome("HANDED_OVER")}),
        (Event.CONTENT_CONSIGNMENT_FAILURE, {"place": Place.INBOX}),
        (Event.PROGRESS, {"stated_by": None}),
        (Event.TIME_LIMIT, {"stated_time": NOW}),
        (Event.CANCELLED, {"local_time": NOW + timedelta(hours=1)}),
    ],
)
def test_an_event_is_not_told_as_another(event: Event, changes: dict[str, Any]) -> None:
    with pytest.raises(BrokenReceipt):
        check(receipt(OWNERS[event], event, reasons=REASON, **changes))


@pytest.mark.parametrize(
    "limit",
    [
        TimeLimit(known=False, days=60),
        TimeLimit(known=False, end=date(2026, 5, 1)),
        replace(LIMIT, silence=None),
        replace(LIMIT, days=None),
        replace(LIMIT, start=None),
        replace(LIMIT, pauses=(Pause(NOW),)),
    ],
)
def test_a_time_limit_that_contradicts_itself_is_not_told(limit: TimeLimit) -> None:
    with pytest.raises(BrokenReceipt):
        check(receipt(ReceiptKind.TIME_LIMIT, Event.TIME_LIMIT, time_limit=limit))


@pytest.mark.parametrize("name", RECEIPTS)
def test_the_examples_keep_the_rules(name: str) -> None:
    assert check(RECEIPTS[name])
