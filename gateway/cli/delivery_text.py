"""Deliveries as lines of text for the operator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from gateway.domain.errors import Fault
from gateway.domain.evidence.operators import advice
from gateway.domain.evidence.reasons import explain
from gateway.domain.lines import printable
from gateway.domain.transit.repairs import Verb
from gateway.domain.transit.states import Transport
from gateway.exchange.transit.overview import DeliveryFile, DeliveryLine

_FAILING = frozenset({Transport.WAITING.value, Transport.FAILED.value})
_WORDS = {
    Verb.REQUEUE: "requeue: try it now",
    Verb.HOLD: "hold: keep it from being sent, or with --until take more time",
    Verb.RELEASE: "release: let it go on",
    Verb.REDIRECT: "redirect: pass it on to another office",
    Verb.CANCEL: "cancel: take it back as its sender asked",
    Verb.FAIL: "fail: give it up",
    Verb.RESEND: "resend: send it anew, as a delivery that succeeds this one",
}


def tell_line(line: DeliveryLine) -> str:
    """A delivery in one line."""
    told = [line.id, line.reference, line.office, line.state, f"accepted {_moment(line.accepted_at)}"]
    told += [f"due {_moment(line.due_at)}"] if line.due_at else []
    told += [f"until {_moment(line.until)}"] if line.until else []
    told += [line.held_code] if line.held_code else []
    told += ["may have arrived"] if line.doubt else []
    return "  ".join(told)


def tell_file(found: DeliveryFile) -> Iterator[str]:
    """Everything about a delivery, line by line."""
    yield tell_line(found.line)
    yield f"to {found.line.name}: {printable(found.subject)}"
    yield from _names(found)
    if found.succeeds is not None:
        yield f"succeeds {found.succeeds}"
    if found.successor is not None:
        yield f"succeeded by {found.successor}, which owes the outcome now"
    yield from _standing(found)
    yield "events"
    for event in found.events:
        why = f"  {event.why}" if event.why else ""
        yield f"  {_moment(event.at)}  {event.track} {event.was or '-'} -> {event.now}  by {event.by}{why}"
    yield "attempts"
    for one in found.attempts:
        said = f"  {one.code or 'taken'}  {printable(one.detail)}" if one.ended_at else "  under way"
        yield f"  {one.number}  {_moment(one.started_at)}{said}"
    yield "receipts"
    for receipt in found.receipts:
        ends = "  (outcome)" if receipt.ends else ""
        yield f"  {_moment(receipt.at)}  {receipt.kind}  {receipt.id}{ends}"
    yield "decisions"
    for decided in found.decisions:
        yield f"  {_moment(decided.at)}  {decided.verb}  by {decided.by}: {printable(decided.why)}"


def _names(found: DeliveryFile) -> Iterator[str]:
    """By what others know it: the call that brought its letter, the recipient's register."""
    if found.request_id is not None:
        trace = f", trace {found.trace}" if found.trace not in (None, found.request_id) else ""
        yield f"brought by call {found.request_id}{trace}"
    if found.register_number is not None:
        yield f"registered under {printable(found.register_number)}"


def _standing(found: DeliveryFile) -> Iterator[str]:
    """Why it is where it is, and what to do."""
    if found.line.held_code is not None:
        text, remedy = explain(Fault(found.line.held_code), "en")
        yield f"held: {text} {remedy}"
    yield from _advised(found)
    if found.line.doubt:
        yield "The recipient may have it. Look at its system before you decide; a requeue or resend needs"
        yield "--possible-duplicate, and the sender's receipt will say so."
    if found.news is not None:
        text, remedy = explain(Fault(found.news.code, where=found.news.said), "en")
        times = f", {found.news.times} times" if found.news.times > 1 else ""
        yield f"news not believed ({_moment(found.news.at)}{times}): {printable(text)} {remedy}"
        yield f"  {printable(found.news.said)}"
    if found.locked_until is not None:
        yield f"A reader has locked it until {_moment(found.locked_until)}."
    for verb in found.possible:
        yield f"  wasl delivery {_WORDS[verb]}"


def _advised(found: DeliveryFile) -> Iterator[str]:
    """Cause and next action of what keeps it, for who runs the hub."""
    failed = next((one.code for one in reversed(found.attempts) if one.code), None)
    code = found.line.held_code or (failed if found.line.state in _FAILING else None)
    words = None if code is None else advice(code, "en")
    if words is not None:
        yield f"cause: {words.cause}"
        yield f"next: {words.action}"


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
