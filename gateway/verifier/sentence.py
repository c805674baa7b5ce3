"""Puts into words what a receipt states, and what it does not prove, for each kind of receipt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.domain.errors import Fault
from gateway.domain.evidence.reasons import catalogue, explain
from gateway.domain.evidence.receipt import ETSI_EVENT, OWN_EVENT, Addressee, Event, Receipt, ReceiptKind
from gateway.verifier import texts

_MOST_NAMES = 3
_NONE = "—"


def event_code(event: Event) -> str:
    """The code under which the words for an event are kept."""
    return "event." + event.value.removeprefix(ETSI_EVENT).removeprefix(OWN_EVENT)


def limits(receipt: Receipt, language: str) -> str:
    """What a receipt of this kind does not prove."""
    return texts.text(f"limits.{kind_code(receipt.kind)}", language, {})


def kind_code(kind: ReceiptKind) -> str:
    """The second part of the codes of texts about a kind of receipt."""
    return kind.value.replace(" ", "-")


def statement(receipt: Receipt, language: str) -> str:
    """Who states what about which letter, and what the receipt adds to it."""
    general = texts.text(
        "states.letter",
        language,
        {
            "hub": receipt.issuer.name,
            "time": texts.moment(receipt.event_time),
            "reference": receipt.reference or _NONE,
            "sender": sender(receipt),
            "recipient": recipients(receipt, language),
            "event": texts.text(event_code(receipt.event), language, {}),
        },
    )
    return " ".join([general, *details(receipt, language)])


def sender(receipt: Receipt) -> str:
    """The party that sent, and the person for whom."""
    names = [receipt.sender.name] if receipt.sender else []
    names += [receipt.on_behalf_of.name] if receipt.on_behalf_of else []
    return " / ".join(names) or _NONE


def recipients(receipt: Receipt, language: str) -> str:
    """The recipient concerned, or the first of all and how many more there are."""
    one: tuple[Addressee, ...] = (receipt.recipient,) if receipt.recipient else ()
    return _few([addressee.name for addressee in one or receipt.recipients], language)


def _few(names: Sequence[str], language: str) -> str:
    shown = ", ".join(names[:_MOST_NAMES]) or _NONE
    if len(names) <= _MOST_NAMES:
        return shown
    return texts.text("states.more", language, {"names": shown, "count": str(len(names) - _MOST_NAMES)})


def details(receipt: Receipt, language: str) -> Iterator[str]:
    """A sentence for each further thing that the receipt states."""
    if receipt.reasons:
        told = _few([_reason(one.code, language) for one in receipt.reasons], language)
        yield texts.text("states.reasons", language, {"reasons": told})
    yield from _of_addressed(receipt, language)
    yield from _of_handover(receipt, language)
    yield from _of_recipient(receipt, language)
    yield from _of_limit(receipt, language)
    yield from _of_outcome(receipt, language)
    if receipt.stated_by is not None:
        yield texts.text("states.by", language, {"who": receipt.stated_by})


def _reason(code: str, language: str) -> str:
    if code not in catalogue():
        return code
    text = explain(Fault(code, where="…", expected="…", found="…"), language)[0]
    return f"{code} ({text.rstrip('.')})"


def _of_addressed(receipt: Receipt, language: str) -> Iterator[str]:
    for one in receipt.recipients:
        if one.addressed is not None:
            office = f"{one.addressed_name or _NONE} ({one.addressed})"
            yield texts.text("states.addressed", language, {"office": office, "recipient": one.name})


def _of_handover(receipt: Receipt, language: str) -> Iterator[str]:
    if receipt.handover is None:
        return
    if receipt.handover.target_reference is not None:
        values = {"reference": receipt.handover.target_reference}
        yield texts.text("states.target-reference", language, values)
    confirmed = "states.confirmed" if receipt.handover.digests_confirmed else "states.unconfirmed"
    yield texts.text(confirmed, language, {})
    if receipt.handover.possible_duplicate:
        yield texts.text("states.duplicate", language, {})


def _of_recipient(receipt: Receipt, language: str) -> Iterator[str]:
    if receipt.registered is not None:
        date = receipt.registered.date.isoformat() if receipt.registered.date else _NONE
        values = {"number": receipt.registered.number, "date": date}
        yield texts.text("states.registered", language, values)
    if receipt.accessed_by is not None:
        yield texts.text("states.opened", language, {"unit": receipt.accessed_by})
    if receipt.progress is not None:
        yield texts.text("states.progress", language, {"state": receipt.progress})
    if receipt.notified is not None:
        yield texts.text("states.channel", language, {"channel": receipt.notified.channel})


def _of_limit(receipt: Receipt, language: str) -> Iterator[str]:
    limit = receipt.time_limit
    if limit is None:
        return
    if not limit.known:
        yield texts.text("states.no-limit", language, {})
        return
    end = limit.end.isoformat() if limit.end else _NONE
    values = {"procedure": limit.procedure or _NONE, "days": str(limit.days or _NONE), "end": end}
    yield texts.text("states.limit", language, values)


def _of_outcome(receipt: Receipt, language: str) -> Iterator[str]:
    outcome = receipt.outcome
    if outcome is None:
        return
    if outcome.unknown:
        yield texts.text("states.unknown", language, {})
    if outcome.successor is not None:
        yield texts.text("states.successor", language, {"delivery": outcome.successor})
    if outcome.answer is not None:
        yield texts.text("states.answer", language, {"reference": outcome.answer})
