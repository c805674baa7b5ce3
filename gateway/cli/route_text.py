"""Why a letter goes where it goes, as lines of text for the operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.domain.errors import Fault
from gateway.domain.evidence.reasons import catalogue, explain
from gateway.domain.lines import printable
from gateway.domain.transit.states import Notice, Processing, Transport
from gateway.exchange.transit.explaining import Explained, Foretold
from gateway.exchange.transit.overview import Event

_MOVES = {
    Transport.QUEUED.value: "queued",
    Transport.WAITING.value: "waits for another attempt",
    Transport.HELD.value: "held for a person to decide",
    Transport.AVAILABLE.value: "laid ready for its readers",
    Transport.HANDED_OVER.value: "handed over",
    Transport.REFUSED.value: "refused by the recipient",
    Transport.REDIRECTED.value: "passed on to another office",
    Transport.EXPIRED.value: "its sender's end came",
    Transport.FAILED.value: "given up",
    Transport.CANCELLED.value: "taken back",
}
_HANDLED = {
    Processing.REDIRECTED.value: "passed on to another office by its recipient",
    Notice.RESENT.value: "sent anew by a delivery that succeeds it",
    Notice.RECALLED.value: "not needed any more: the delivery before it arrived",
    Notice.LATE_HANDOVER.value: "acknowledged after it was given up",
}


def tell_explained(found: Explained) -> Iterator[str]:
    """One delivery: what rules said before it was accepted, and what happened since."""
    yield f"{found.delivery}  {found.office}  {found.state}"
    yield f"  to {printable(found.name)}"
    if found.succeeds is not None:
        yield f"  it succeeds {found.succeeds}: no rules are asked of what a person passes on or sends anew"
    elif found.decision is None:
        yield "  the office that was addressed; no rule and no closure had anything to decide"
    else:
        yield from tell_decision(found.decision)
    for event in found.events:
        yield from _event(event)
    for one in found.decisions:
        yield f"  {one.at:%Y-%m-%dT%H:%M:%SZ}  {one.verb}, decided by {one.by}: {printable(one.why)}"
    if found.successor is not None:
        yield f"  succeeded by {found.successor}, which owes the outcome now"


def tell_foretold(found: Foretold) -> Iterator[str]:
    """One recipient: the office that would receive, and why."""
    yield f"recipient {found.recipient + 1}  {found.office}  {printable(found.name)}"
    if found.decision is None:
        yield "  the office that is addressed; no rule and no closure has anything to decide"
    else:
        yield from tell_decision(found.decision)
    for code in found.notices:
        yield f"  its sender is told: {_reason(code)}"


def tell_decision(decision: Mapping[str, Any]) -> Iterator[str]:
    """What each office on the way decided."""
    yield f"  asked on {decision['day']}, version {decision['version']} of the registry"
    for hop in decision["hops"]:
        office, to = hop["office"], hop.get("to")
        if "closed" in hop:
            yield f"  {office} is closed since {hop['closed']}: its successor {to} receives"
            continue
        for asked in hop.get("rules", ()):
            yield f"  {office} asked its rule {asked['id']}: {_answer(asked)}"
        if to is None:
            yield f"  {office} keeps it"
        else:
            yield f"  {office} leads it to {to}"


def _answer(asked: Mapping[str, Any]) -> str:
    found = "; ".join(map(_found, asked.get("found", ())))
    if not asked["fits"]:
        return f"no, {found}" if found else "no, not on this day"
    fits = f"yes, {found}" if found else "yes, of every letter"
    if "cannot" in asked:
        return f"{fits}; passed over, {asked['to']} cannot have it: {_reason(asked['cannot'])}"
    return fits


def _found(found: Mapping[str, Any]) -> str:
    """What a condition found in the letter."""
    if "values" not in found:
        said = "as asked" if found["good"] else "not as asked"
        return f"{found['field']} is {said} (its words are not kept)"
    values = ", ".join(map(_value, found["values"]))
    return f"{found['field']} is {values or 'not there'}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return printable(str(value))


def _event(event: Event) -> Iterator[str]:
    known = _MOVES if event.track == "transport" else _HANDLED
    first = event.track == "transport" and not event.was and event.why is None
    if event.now not in known or first:
        return
    why = f": {_reason(event.why)}" if event.why else ""
    yield f"  {event.at:%Y-%m-%dT%H:%M:%SZ}  {known[event.now]}, by {printable(event.by)}{why}"


def _reason(code: str) -> str:
    """A code in words; what fills a place in them was told when it happened."""
    return f"{explain(Fault(code), 'en')[0]} ({code})" if code in catalogue() else printable(code)
