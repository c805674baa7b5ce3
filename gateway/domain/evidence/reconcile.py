"""What must hold between a letter's receipts, deliveries and moves; every breach is a finding."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.evidence.finding import Finding
from gateway.domain.evidence.receipt import NEGATIVE, ReceiptKind
from gateway.domain.transit.states import OUTCOMES, Transport

_OUTCOMES = frozenset(state.value for state in OUTCOMES)
_STATES = frozenset(state.value for state in Transport)
_NEGATIVE = frozenset(event.value for event in NEGATIVE)


@dataclass(frozen=True)
class Link:
    """One receipt as chains need it, read from its content.

    Attributes:
        ends: whether its row is marked as the one that ends a delivery's transport.
        state: the state that its content says was reached, if it says one.
        successor: the delivery that it says owes the outcome now.
    """

    receipt: str
    delivery: str | None
    kind: str
    event: str
    time: datetime
    digest: str
    predecessor: str | None
    ends: bool
    state: str | None
    successor: str | None
    reasons: int


@dataclass(frozen=True)
class Track:
    """One delivery: where it is, what it waits for, where its chain ends, how it came there.

    Attributes:
        moves: each move of the transport track, (state before, state after).
    """

    delivery: str
    state: str
    due_at: datetime | None
    lease_until: datetime | None
    held_until: datetime | None
    chain_digest: str
    chain_time: datetime
    moves: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Patience:
    """How long a living delivery may wait for somebody beyond the moment it waits for."""

    now: datetime
    lifetime: timedelta
    decision: timedelta = timedelta(days=1)


def judge_letter(
    letter: str, accepted: bool, links: Sequence[Link], tracks: Sequence[Track], patience: Patience
) -> Iterator[Finding]:
    """Everything that does not hold about one letter.

    Args:
        letter: names it in findings.
        links: its receipts in the order they were made.
    """
    for link in links:
        if link.event in _NEGATIVE and not link.reasons:
            yield Finding("receipt.no-reason", {"letter": letter, "receipt": link.receipt})
    kind = ReceiptKind.ACCEPTANCE if accepted else ReceiptKind.REJECTION
    roots = [link for link in links if link.delivery is None]
    if [link.kind for link in roots] != [kind.value]:
        code = "letter.two-first-receipts" if roots else "letter.no-first-receipt"
        yield Finding(code, {"letter": letter, "expected": kind.value})
        return
    if accepted and not tracks:
        yield Finding("letter.no-delivery", {"letter": letter})
        return
    yield from _unknown(letter, links, {track.delivery for track in tracks})
    for track in tracks:
        own = [link for link in links if link.delivery == track.delivery]
        yield from _chain(letter, roots[0], own, track)
        yield from _outcome(letter, own, track)
        yield from _moves(letter, track)
        yield from _living(letter, track, patience)


def _unknown(letter: str, links: Sequence[Link], known: Collection[str]) -> Iterator[Finding]:
    """Deliveries that receipts are about, or name as successors, and that are not there."""
    for link in links:
        if link.delivery is not None and link.delivery not in known:
            yield _about(letter, link.delivery, "receipt.no-delivery", receipt=link.receipt)
        if link.successor is not None and link.successor not in known:
            yield _about(letter, link.successor, "delivery.missing", receipt=link.receipt)


def _chain(letter: str, root: Link, links: Sequence[Link], track: Track) -> Iterator[Finding]:
    """From the acceptance to the row's last digest, each receipt cites the one before it."""
    seen, last = {root.digest}, root
    for link in links:
        if link.predecessor != last.digest:
            code = "chain.forked" if link.predecessor in seen else "chain.broken"
            yield _about(letter, track.delivery, code, receipt=link.receipt)
        if link.time < last.time:
            yield _about(letter, track.delivery, "chain.time-back", receipt=link.receipt)
        seen.add(link.digest)
        last = link
    # a delivery that succeeds another begins at the acceptance, but later
    late = track.chain_time < last.time if last is root else track.chain_time != last.time
    if track.chain_digest != last.digest or late:
        yield _about(letter, track.delivery, "chain.end", receipt=last.receipt)


def _outcome(letter: str, links: Sequence[Link], track: Track) -> Iterator[Finding]:
    ends = [link for link in links if link.ends]
    if len(ends) > 1:
        yield _about(letter, track.delivery, "delivery.two-outcomes", receipt=ends[-1].receipt)
    elif track.state in _OUTCOMES and not ends:
        yield _about(letter, track.delivery, "delivery.no-outcome-receipt", state=track.state)
    elif ends and ends[0].state != track.state:
        told = {"receipt": ends[0].receipt, "state": track.state, "found": ends[0].state or ""}
        yield _about(letter, track.delivery, "delivery.other-outcome", **told)


def _moves(letter: str, track: Track) -> Iterator[Finding]:
    """The events tell the way to the state without a gap, and no outcome is ever left."""
    state = ""
    for was, now in track.moves:
        if was != state or was in _OUTCOMES:
            yield _about(letter, track.delivery, "delivery.moves", found=f"{was} -> {now}", expected=state)
        state = now
    if state != track.state:
        yield _about(letter, track.delivery, "delivery.state", state=track.state, expected=state)


def _living(letter: str, track: Track, patience: Patience) -> Iterator[Finding]:
    """A delivery without outcome waits for a moment that is not long past."""
    if track.state not in _STATES:
        yield _about(letter, track.delivery, "delivery.state", state=track.state, expected="a state")
        return
    waits: dict[str, tuple[datetime | None, timedelta]] = {
        Transport.QUEUED.value: (track.due_at, patience.lifetime),
        Transport.WAITING.value: (track.due_at, patience.lifetime),
        Transport.DELIVERING.value: (track.lease_until, patience.lifetime),
        Transport.HELD.value: (track.held_until, patience.decision),
    }
    if track.state not in waits:  # an outcome, or lying ready for as long as the sender lets it
        return
    moment, longest = waits[track.state]
    if moment is None:
        yield _about(letter, track.delivery, "delivery.forgotten", state=track.state)
    elif moment + longest < patience.now:
        yield _about(letter, track.delivery, "delivery.stuck", state=track.state, since=moment.isoformat())


def _about(letter: str, delivery: str, code: str, **values: str) -> Finding:
    return Finding(code, {"letter": letter, "delivery": delivery, **values})
