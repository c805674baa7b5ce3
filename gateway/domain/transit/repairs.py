"""What an operator may decide about a delivery, by where it is; pure rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from gateway.domain.transit.states import OUTCOMES, Transport

STOPPED = "WASL-DLV-050"
"""Why a delivery is held that an operator stopped."""

LONGEST_NAME = 120
LONGEST_REASON = 4000


class Verb(Enum):
    """The decisions."""

    REQUEUE = "requeue"  # try it now
    HOLD = "hold"  # keep it from being sent; or give oneself more time to decide
    RELEASE = "release"  # let go on what an operator stopped
    REDIRECT = "redirect"  # pass it on to another office
    CANCEL = "cancel"  # take it back as its sender asked
    FAIL = "fail"  # give it up
    RESEND = "resend"  # send anew what ended without arriving: a successor owes the outcome


_LIVING = frozenset(Transport) - OUTCOMES - {Transport.DELIVERING}
"""Nobody decides behind the back of a worker that has the letter in its hands."""

_FROM: Mapping[Verb, frozenset[Transport]] = {
    Verb.REQUEUE: frozenset({Transport.HELD, Transport.WAITING, Transport.AVAILABLE}),
    Verb.HOLD: frozenset({Transport.QUEUED, Transport.WAITING, Transport.HELD}),
    Verb.RELEASE: frozenset({Transport.HELD}),
    Verb.REDIRECT: _LIVING,
    Verb.CANCEL: _LIVING,
    Verb.FAIL: _LIVING,
    Verb.RESEND: frozenset({Transport.FAILED, Transport.EXPIRED, Transport.REFUSED}),
}


@dataclass(frozen=True)
class Decision:
    """Who decides, and why, in that person's own words.

    Raises:
        ValueError: no name, or no reason, is given, or one that is too long.
    """

    by: str
    why: str

    def __post_init__(self) -> None:
        for text, what, longest in (
            (self.by, "a name", LONGEST_NAME),
            (self.why, "a reason", LONGEST_REASON),
        ):
            if not text.strip() or len(text) > longest or "\0" in text:
                raise ValueError(f"{what} of 1 to {longest} characters is needed")


def allows(verb: Verb, state: Transport, held_code: str | None) -> bool:
    """Whether a decision is possible in this state.

    Args:
        held_code: why it is held; only what an operator stopped can be released, all else is requeued.
    """
    return state in _FROM[verb] and (verb is not Verb.RELEASE or held_code == STOPPED)


def open_to(state: Transport, doubt: bool, held_code: str | None, final: bool = False) -> tuple[Verb, ...]:
    """What may be decided now.

    Args:
        doubt: the recipient may have the letter; then it is neither taken back nor, unless it lies ready,
            passed on.
        final: what became of it leaves nothing to send anew: it has a successor, or came late after all, or
            the recipient refused the letter itself.
    """
    barred = {Verb.CANCEL, Verb.REDIRECT} if doubt else set()
    barred |= {Verb.RESEND} if final else set()
    if state is Transport.AVAILABLE:
        barred.discard(Verb.REDIRECT)
    return tuple(verb for verb in Verb if verb not in barred and allows(verb, state, held_code))
