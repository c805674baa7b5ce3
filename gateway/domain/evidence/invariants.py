"""What every receipt must say and must not say, by its kind and event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from gateway.domain.evidence.receipt import (
    EVENTS_OF,
    NEGATIVE,
    Event,
    Outcome,
    Receipt,
    ReceiptKind,
    TimeLimit,
)


class BrokenReceipt(AssertionError):
    """A receipt that breaks an invariant: a defect of its maker, never sealed."""


@dataclass(frozen=True)
class _Facts:
    """The facts (fields of a receipt) that a kind must state, and those that it may."""

    must: frozenset[str]
    may: frozenset[str] = frozenset()


def _facts(*must: str, may: tuple[str, ...] = ()) -> _Facts:
    return _Facts(frozenset(must), frozenset(must) | frozenset(may))


_CLAIMED = ("stated_by", "stated_time")

_FACTS: Mapping[ReceiptKind, _Facts] = {
    ReceiptKind.ACCEPTANCE: _facts("recipients", may=("time_limit",)),
    ReceiptKind.REJECTION: _facts(),
    ReceiptKind.RELAY: _facts("relay", may=_CLAIMED),
    ReceiptKind.AVAILABILITY: _facts(may=("place",)),
    ReceiptKind.NOTIFICATION: _facts("notified"),
    ReceiptKind.DELIVERY: _facts("handover", "outcome", may=_CLAIMED),
    ReceiptKind.MAILED: _facts("notified"),
    ReceiptKind.ACCESS: _facts("accessed_by"),
    ReceiptKind.REGISTRATION: _facts("registered", "stated_by", may=_CLAIMED),
    ReceiptKind.PROGRESS: _facts("progress", "stated_by", may=_CLAIMED),
    ReceiptKind.TIME_LIMIT: _facts("time_limit", may=_CLAIMED),
    ReceiptKind.OUTCOME: _facts("outcome", may=("handover", *_CLAIMED)),
    ReceiptKind.NON_DELIVERY: _facts("outcome"),
}
_CHOSEN = frozenset().union(*(facts.may for facts in _FACTS.values()))
"""Fields that only some kinds have; all others belong to the letter and stand in every receipt."""

_FIRST = frozenset({ReceiptKind.ACCEPTANCE, ReceiptKind.REJECTION})
"""Kinds that are about the submission, not about a delivery: they begin chains."""

_ABOUT_SUBMISSION: Mapping[ReceiptKind, frozenset[str]] = {
    ReceiptKind.ACCEPTANCE: frozenset(
        {"reference", "message_id", "sender", "signer", "submitted_at", "received"}
    ),
    ReceiptKind.REJECTION: frozenset({"received", "submitted_at"}),
}

_STATES: Mapping[Event, frozenset[str]] = {
    Event.CONTENT_HANDOVER: frozenset({"HANDED_OVER"}),
    Event.CONTENT_HANDOVER_FAILURE: frozenset({"FAILED"}),
    Event.CONSIGNMENT_ACCEPTANCE: frozenset({"AVAILABLE"}),
    Event.CONSIGNMENT_REJECTION: frozenset({"REFUSED", "DECLINED"}),
    Event.ACCEPTANCE_REJECTION_EXPIRY: frozenset({"EXPIRED"}),
    Event.ANSWERED: frozenset({"ANSWERED"}),
    Event.REDIRECTED: frozenset({"REDIRECTED"}),
    Event.CANCELLED: frozenset({"CANCELLED"}),
    Event.LATE_HANDOVER: frozenset({"EXPIRED", "FAILED"}),
    Event.RESENT: frozenset({"EXPIRED", "FAILED", "REFUSED"}),
}
"""Which state the outcome of each event names; late handover and resend leave the one that there was."""

_SUCCEEDED = frozenset({Event.REDIRECTED, Event.RESENT})
"""Events after which another delivery owes what becomes of the letter."""


def check(receipt: Receipt, predecessor: Receipt | None = None) -> Receipt:
    """The receipt itself, if it keeps the invariants that need no store.

    Args:
        predecessor: the receipt that it cites, where that is at hand.

    Raises:
        BrokenReceipt: the first invariant that it breaks.
    """
    if receipt.event not in EVENTS_OF[receipt.kind]:
        raise BrokenReceipt(f"{receipt.kind.value} cannot attest {receipt.event.value}")
    if receipt.event in NEGATIVE and not receipt.reasons:
        raise BrokenReceipt(f"{receipt.event.value} without a reason")
    if predecessor is not None and receipt.event_time < predecessor.event_time:
        raise BrokenReceipt("time goes back along the chain")
    for fault in _faults(receipt):
        raise BrokenReceipt(f"{receipt.kind.value}: {fault}")
    return receipt


def _faults(receipt: Receipt) -> Iterator[str]:
    yield from _of_facts(receipt)
    yield from _of_first(receipt) if receipt.kind in _FIRST else _of_later(receipt)
    if receipt.local_time != receipt.event_time:
        yield "the local time is another moment"
    if receipt.outcome is not None:
        yield from _of_outcome(receipt.event, receipt.outcome)
    if receipt.time_limit is not None:
        yield from _of_limit(receipt.time_limit)
    yield from _of_event(receipt)


def _of_facts(receipt: Receipt) -> Iterator[str]:
    facts = _FACTS[receipt.kind]
    stated = {name for name in _CHOSEN if getattr(receipt, name)}
    yield from (f"{name} is missing" for name in sorted(facts.must - stated))
    yield from (f"{name} does not belong here" for name in sorted(stated - facts.may))


def _of_first(receipt: Receipt) -> Iterator[str]:
    if receipt.predecessor is not None or receipt.recipient is not None:
        yield "a chain begins before there is a delivery"
    needed = _ABOUT_SUBMISSION[receipt.kind]
    yield from (f"{name} is missing" for name in sorted(needed) if getattr(receipt, name) is None)
    if any(one.delivery is None for one in receipt.recipients):
        yield "a recipient without a delivery"


def _of_later(receipt: Receipt) -> Iterator[str]:
    if receipt.recipient is None or receipt.recipient.delivery is None:
        yield "it concerns no delivery"
    if receipt.predecessor is None:
        yield "it cites no predecessor"
    if receipt.reference is None:
        yield "it names no letter"


def _of_outcome(event: Event, outcome: Outcome) -> Iterator[str]:
    if outcome.state not in _STATES[event]:
        yield f"{event.value} is no {outcome.state}"
    if (outcome.successor is not None) != (event in _SUCCEEDED):
        yield "a redirect or a resend, and nothing else, has a successor"
    if (outcome.answer is not None) != (event is Event.ANSWERED):
        yield "an answered letter, and no other, names its answer"
    if outcome.unknown and outcome.state not in ("EXPIRED", "FAILED"):
        yield f"{outcome.state} is known"


def _of_limit(limit: TimeLimit) -> Iterator[str]:
    if not limit.known:
        if any(getattr(limit, field.name) for field in fields(limit)):
            yield "a limit that is not known states something"
        return
    if None in (limit.procedure, limit.days, limit.day_kind, limit.silence):
        yield "a known limit states its rule"
    if limit.start is None and (limit.pauses or limit.end is not None):
        yield "a clock that was never started ran"
    if any(pause.end is None for pause in limit.pauses) and limit.end is not None:
        yield "a paused clock has no end"


def _of_event(receipt: Receipt) -> Iterator[str]:
    if (receipt.place is not None) != (receipt.event is Event.CONTENT_CONSIGNMENT):
        yield "what lies ready, and nothing else, lies somewhere"
    if receipt.kind is ReceiptKind.OUTCOME and (receipt.handover is not None) != (
        receipt.event is Event.LATE_HANDOVER
    ):
        yield "a late handover, and no other outcome, says what was handed over"
    if receipt.stated_time is not None and receipt.stated_by is None:
        yield "a claimed time without who claims it"
