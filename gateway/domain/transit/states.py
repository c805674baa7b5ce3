"""The states of messages and deliveries and the only moves between them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar


class MessageState(Enum):
    """What became of a submission."""

    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"


class Transport(Enum):
    """Where a delivery is on its way to the recipient's system."""

    QUEUED = "QUEUED"  # accepted, nobody works on it
    DELIVERING = "DELIVERING"  # a worker holds a lease on it
    WAITING = "WAITING"  # an attempt failed; another is due
    HELD = "HELD"  # a person must decide, before a deadline
    AVAILABLE = "AVAILABLE"  # lies in an inbox or the hub's office, not yet acknowledged
    HANDED_OVER = "HANDED_OVER"  # the recipient's system has it
    REFUSED = "REFUSED"  # the recipient declined it
    REDIRECTED = "REDIRECTED"  # a successor delivery owes the outcome
    EXPIRED = "EXPIRED"  # the sender's time was up
    FAILED = "FAILED"  # given up
    CANCELLED = "CANCELLED"  # the sender took it back in time


class Processing(Enum):
    """What the recipient does with a letter after it was handed over."""

    NONE = "NONE"  # nothing heard yet
    REGISTERED = "REGISTERED"
    IN_PROGRESS = "IN_PROGRESS"
    AWAITING_SENDER = "AWAITING_SENDER"
    ANSWERED = "ANSWERED"
    DECLINED = "DECLINED"
    REDIRECTED = "REDIRECTED"
    CLOSED = "CLOSED"


class Notice(Enum):
    """What is on record of a delivery without moving it."""

    NOTIFIED = "NOTIFIED"  # the recipient was told
    NOT_NOTIFIED = "NOT_NOTIFIED"  # telling the recipient failed
    OPENED = "OPENED"  # the recipient read it where it lies
    ACCEPTED = "ACCEPTED"  # the recipient said that it will take it
    RELAYED = "RELAYED"  # another hub took charge
    MAILED = "MAILED"  # handed to plain e-mail
    LATE_HANDOVER = "LATE_HANDOVER"  # the recipient has it although it was given up
    EXTENDED = "EXTENDED"  # the time limit was extended
    RECKONED = "RECKONED"  # the time limit's end moved with the calendar
    PROLONGED = "PROLONGED"  # a person has until later to decide on a held letter
    RESENT = "RESENT"  # a successor delivery was made for one that ended without arriving
    NUMBERED = "NUMBERED"  # a register number came after work on the letter had begun
    RECALLED = "RECALLED"  # not needed any more: the recipient acknowledged the delivery before it


OUTCOMES = frozenset(
    {
        Transport.HANDED_OVER,
        Transport.REFUSED,
        Transport.REDIRECTED,
        Transport.EXPIRED,
        Transport.FAILED,
        Transport.CANCELLED,
    }
)
"""Exactly one of these ends every delivery; none is ever left again."""

SENT_AGAIN = "WASL-DLV-021"
"""Why a delivery is queued that a person wants sent again in spite of doubt."""

SENT_ANEW = "WASL-DLV-060"
"""Why a successor is queued although its predecessor may have arrived."""

IN_SPITE_OF_DOUBT = frozenset({SENT_AGAIN, SENT_ANEW})

_DECIDED = frozenset({Transport.REDIRECTED, Transport.EXPIRED, Transport.FAILED, Transport.CANCELLED})

TRANSPORT_MOVES: Mapping[Transport, frozenset[Transport]] = {
    Transport.QUEUED: _DECIDED | {Transport.DELIVERING, Transport.AVAILABLE, Transport.HELD},
    Transport.DELIVERING: OUTCOMES
    | {Transport.QUEUED, Transport.WAITING, Transport.HELD, Transport.AVAILABLE},
    Transport.WAITING: _DECIDED
    | {Transport.QUEUED, Transport.DELIVERING, Transport.AVAILABLE, Transport.HELD},
    # it does not lie with its recipient, and nobody refuses in a recipient's place
    Transport.HELD: (OUTCOMES - {Transport.REFUSED}) | {Transport.QUEUED, Transport.AVAILABLE},
    Transport.AVAILABLE: OUTCOMES | {Transport.QUEUED},
    **{outcome: frozenset() for outcome in OUTCOMES},
}

_HANDLED = frozenset({Processing.ANSWERED, Processing.DECLINED, Processing.REDIRECTED, Processing.CLOSED})

PROCESSING_MOVES: Mapping[Processing, frozenset[Processing]] = {
    Processing.NONE: _HANDLED | {Processing.REGISTERED, Processing.IN_PROGRESS, Processing.AWAITING_SENDER},
    Processing.REGISTERED: _HANDLED | {Processing.IN_PROGRESS, Processing.AWAITING_SENDER},
    Processing.IN_PROGRESS: _HANDLED | {Processing.AWAITING_SENDER},
    Processing.AWAITING_SENDER: _HANDLED | {Processing.IN_PROGRESS},
    Processing.ANSWERED: frozenset({Processing.CLOSED}),
    Processing.DECLINED: frozenset({Processing.CLOSED}),
    Processing.REDIRECTED: frozenset({Processing.CLOSED}),
    Processing.CLOSED: frozenset(),
}

NUMBER_COMES_LATE = frozenset(
    {Processing.IN_PROGRESS, Processing.AWAITING_SENDER, Processing.ANSWERED, Processing.DECLINED}
)
"""Where a register number that comes is attested and moves nothing: the recipient is further already."""

State = TypeVar("State", bound=Enum)


class ForbiddenMove(AssertionError):
    """A move that the table does not have: a defect of the caller, never an answer to anybody."""


def advance(moves: Mapping[State, frozenset[State]], now: State, to: State) -> State:
    """The new state.

    Raises:
        ForbiddenMove: the table has no such move.
    """
    if to not in moves[now]:
        raise ForbiddenMove(f"{now.value} -> {to.value}")
    return to
