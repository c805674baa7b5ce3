"""What the page of a receipt tells, in order: facts with their labels, in every language of the country."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from gateway.domain.errors import Fault
from gateway.domain.evidence.reasons import catalogue
from gateway.domain.evidence.receipt import (
    Addressee,
    AttachmentDigest,
    Octets,
    Receipt,
    ReceiptKind,
    StatedReason,
)
from gateway.domain.transit.states import Notice, Processing, Transport
from gateway.i18n import Translator, mark
from gateway.i18n.terms import TERMS
from gateway.wire.pdf_bidi import isolated, shown
from gateway.wire.receipt_limits import limit_sentences
from gateway.wire.receipt_sayings import Saying, said


@dataclass(frozen=True)
class Look:
    """How a hub's receipts look.

    Attributes:
        translators: the country's languages; the first one is the page's.
        names: the hub's name by language.
        public_url: address of the hub's pages, without a slash at the end.
        emblem: picture (SVG or PNG) of the country.
    """

    translators: tuple[Translator, ...]
    names: Mapping[str, str]
    public_url: str
    emblem: Path | None = None


class Weight(Enum):
    """How much a line matters to the eye."""

    STRONG = "strong"
    NORMAL = "normal"
    CODE = "code"
    FINE = "fine"


@dataclass(frozen=True)
class Entry:
    """One thing of a fact: lines of the hub's words (`Saying`) or of somebody's text."""

    lines: tuple[tuple[Saying | str, Weight], ...]


@dataclass(frozen=True)
class Fact:
    """A label and what belongs to it.

    Attributes:
        may_be_cut: a list whose last entries may stay in the embedded file, counted.
        may_stay_out: nobody asks for it first; where there is no room it stays in the embedded file.
    """

    label: str
    entries: tuple[Entry, ...]
    may_be_cut: bool = False
    may_stay_out: bool = False


_UNTOLD = "…"
_STATED_ELSEWHERE = frozenset(
    {
        ReceiptKind.ACCEPTANCE,
        ReceiptKind.AVAILABILITY,
        ReceiptKind.DELIVERY,
        ReceiptKind.REGISTRATION,
        ReceiptKind.PROGRESS,
    }
)
"""Kinds in which people look for a time limit; each limit has a receipt of its own."""


def facts(receipt: Receipt, look: Look) -> list[Fact]:
    """Everything of ``receipt`` that a person asks first; what is not there is in the embedded file."""
    main = look.translators[0]
    found: list[Fact] = [_moments(receipt, main)]
    found += _persons(receipt)
    found += _letter(receipt, main)
    found += _happened(receipt, main)
    found += _outcome(receipt)
    if receipt.reasons:
        found.append(
            Fact(mark("Reasons"), tuple(_reason(one, look) for one in receipt.reasons), may_be_cut=True)
        )
    if receipt.time_limit is not None:
        found.append(Fact(mark("Time limit"), _sayings(*limit_sentences(receipt.time_limit))))
    elif receipt.kind in _STATED_ELSEWHERE:
        untold = mark(
            "This receipt states no time limit. One that applies is stated in a receipt of its own."
        )
        found.append(Fact(mark("Time limit"), _sayings(said(untold))))
    return found


def _moments(receipt: Receipt, main: Translator) -> Fact:
    local = main.day(receipt.event_time.astimezone(main.time_zone).date())
    clock = main.time(receipt.event_time, "medium")
    lines: list[tuple[Saying | str, Weight]] = [
        (f"{isolated(local)} – {isolated(clock)}", Weight.STRONG),
        (main.utc(receipt.event_time), Weight.FINE),
    ]
    if receipt.submitted_at is not None and receipt.submitted_at != receipt.event_time:
        time = isolated(main.utc(receipt.submitted_at))
        lines.append((main.text(mark("Deposited at {time}"), time=time), Weight.FINE))
    return Fact(mark("Date and time"), (Entry(tuple(lines)),))


def _persons(receipt: Receipt) -> Iterator[Fact]:
    if receipt.sender is not None:
        sender = receipt.sender
        detail = " · ".join(filter(None, (sender.party, sender.office)))
        yield Fact(mark("Sender"), (_named(sender.name, sender.unit, detail),))
    if receipt.on_behalf_of is not None:
        person = receipt.on_behalf_of
        detail = " · ".join(f"{one.scheme} {one.value}" for one in person.identifiers)
        yield Fact(mark("On behalf of"), (_named(person.name, None, detail),))
    if receipt.authenticated_by is not None:
        yield Fact(
            mark("Sender known by"), _sayings(said(TERMS[receipt.authenticated_by])), may_stay_out=True
        )
    if receipt.recipient is not None:
        yield Fact(mark("Recipient"), (_addressee(receipt.recipient),))
    if receipt.recipients:
        yield Fact(mark("Recipients"), tuple(_addressee(one) for one in receipt.recipients), may_be_cut=True)


def _addressee(one: Addressee) -> Entry:
    named = _named(one.name, one.unit, f"{one.office} · {one.party}")
    if one.addressed is None:
        return named
    instead = said(
        mark("Receives in place of {name} ({office})."), name=one.addressed_name or "", office=one.addressed
    )
    return Entry((*named.lines, (instead, Weight.FINE)))


def _named(name: str, unit: str | None, detail: str) -> Entry:
    lines: list[tuple[Saying | str, Weight]] = [(shown(name), Weight.NORMAL)]
    if unit:
        lines.append((shown(unit), Weight.NORMAL))
    return Entry((*lines, (shown(detail), Weight.FINE)) if detail else tuple(lines))


def _letter(receipt: Receipt, main: Translator) -> Iterator[Fact]:
    if receipt.subject is not None:
        yield Fact(mark("Subject"), (_plain(receipt.subject),))
    if receipt.attachments:
        listed = tuple(_attachment(one, main) for one in receipt.attachments)
        yield Fact(mark("Attachments"), listed, may_be_cut=True)
    if receipt.received is not None:
        yield Fact(
            mark("What the hub received"),
            (_octets(receipt.received, receipt.message_id, main),),
            may_stay_out=True,
        )


def _attachment(one: AttachmentDigest, main: Translator) -> Entry:
    size = isolated(main.octets(one.size))
    return Entry(
        (
            (shown(one.name), Weight.NORMAL),
            (f"{size} · SHA-256 {one.sha256}", Weight.FINE),
        )
    )


def _octets(one: Octets, message_id: str | None, main: Translator) -> Entry:
    lines = [(f"SHA-256 {one.sha256}", Weight.FINE)]
    if message_id is not None:
        identifier = main.text(mark("Message {identifier}"), identifier=isolated(message_id))
        lines.append((identifier, Weight.FINE))
    return Entry(tuple(lines))


def _happened(receipt: Receipt, main: Translator) -> Iterator[Fact]:
    if receipt.place is not None:
        yield Fact(mark("Lies in"), _sayings(said(TERMS[receipt.place])), may_stay_out=True)
    if receipt.registered is not None:
        entry = receipt.registered
        day = main.day(entry.date) if entry.date is not None else ""
        lines = [(shown(entry.number), Weight.STRONG), (day, Weight.NORMAL)]
        lines.append((shown(entry.book or ""), Weight.FINE))
        yield Fact(mark("Register number"), (Entry(tuple(line for line in lines if line[0])),))
    if receipt.handover is not None:
        yield Fact(mark("Handed over"), tuple(_handover(receipt, main)))
    if receipt.notified is not None:
        told = said(mark("By {channel}"), channel=receipt.notified.channel)
        yield Fact(mark("Notice to the recipient"), _sayings(told), may_stay_out=True)
    yield from _others(receipt, main)


def _handover(receipt: Receipt, main: Translator) -> Iterator[Entry]:
    handover = receipt.handover
    if handover is None:
        return
    if handover.target_reference:
        given = mark("Reference of the recipient’s system: {reference}")
        yield Entry(((said(given, reference=handover.target_reference), Weight.NORMAL),))
    if handover.acknowledged_by:
        unit = said(mark("Acknowledged by {unit}"), unit=handover.acknowledged_by)
        yield Entry(((unit, Weight.NORMAL),))
    if handover.answer is not None:
        answer = main.text(mark("Its answer, SHA-256 {digest}"), digest=isolated(handover.answer.sha256))
        yield Entry(((answer, Weight.FINE),))
    confirmed = mark("The recipient’s system confirmed the digests of what it got.")
    unconfirmed = mark("The recipient’s system did not confirm the digests of what it got.")
    yield Entry(((said(confirmed if handover.digests_confirmed else unconfirmed), Weight.FINE),))
    if handover.possible_duplicate:
        twice = mark("A person decided to send again after doubt: the letter may have arrived twice.")
        yield Entry(((said(twice), Weight.NORMAL),))


def _others(receipt: Receipt, main: Translator) -> Iterator[Fact]:
    if receipt.relay is not None:
        detail = receipt.relay.reference or ""
        yield Fact(mark("Other hub"), (_named(receipt.relay.hub, None, detail),), may_stay_out=True)
    if receipt.accessed_by is not None:
        yield Fact(mark("Opened by"), (_plain(receipt.accessed_by),))
    if receipt.progress is not None:
        yield Fact(mark("State"), _sayings(_state(receipt.progress)))
    if receipt.stated_by is not None:
        when = main.utc(receipt.stated_time) if receipt.stated_time is not None else ""
        yield Fact(mark("Stated by"), (_named(receipt.stated_by, None, when),), may_stay_out=True)


def _outcome(receipt: Receipt) -> Iterator[Fact]:
    outcome = receipt.outcome
    if outcome is None:
        return
    sayings = [_state(outcome.state)]
    if outcome.unknown:
        sayings.append(said(mark("Whether the recipient’s system took the letter is not known.")))
    if outcome.decided_by:
        sayings.append(said(mark("Decided by {who}"), who=outcome.decided_by))
    if outcome.successor:
        successor = mark("The delivery {identifier} owes the outcome now.")
        sayings.append(said(successor, identifier=outcome.successor))
    if outcome.answer:
        sayings.append(said(mark("Answered by the letter {reference}"), reference=outcome.answer))
    yield Fact(mark("Outcome"), _sayings(*sayings))


def _state(code: str) -> Saying | str:
    for kind in (Transport, Processing, Notice):
        if code in kind.__members__ and kind[code] in TERMS:
            return said(TERMS[kind[code]])
    return shown(code)


def _reason(reason: StatedReason, look: Look) -> Entry:
    """The code and the text; English as it was when the receipt was made, with all its particulars."""

    def write(translator: Translator) -> str:
        if translator.language == "en" or reason.code not in catalogue():
            return shown(reason.text)
        # the particulars were kept in English only
        fault = Fault(reason.code, reason.where, expected=_UNTOLD, found=_UNTOLD)
        return shown(translator.reason(fault)[0])

    where = f" {reason.where}" if reason.where else ""
    return Entry(((shown(reason.code + where), Weight.CODE), (Saying(write), Weight.NORMAL)))


def _plain(text: str) -> Entry:
    return Entry(((shown(text), Weight.NORMAL),))


def _sayings(*sayings: Saying | str) -> tuple[Entry, ...]:
    return tuple(Entry(((one, Weight.NORMAL),)) for one in sayings)
