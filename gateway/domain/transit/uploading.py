"""How a content that comes in several requests goes on, and what one party may keep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from gateway.domain.errors import Conflict, Fault, Refused

WRONG_SIZE = "WASL-ATT-003"
OTHER_OFFSET = "WASL-ATT-007"


@dataclass(frozen=True)
class Allowed:
    """What one party may keep here.

    Attributes:
        largest: octets of one content.
        octets: of all contents together, those included that are still to come.
        count: contents.
        kept: how long one stays that nobody uses.
        piece: octets that a process which dies may lose at most.
    """

    largest: int
    octets: int
    count: int
    kept: timedelta
    piece: int


@dataclass(frozen=True)
class Span:
    """What a request brings.

    Attributes:
        start: the position of its first octet; None: it is the whole content, whatever is here already.
        length: octets in this request.
        size: octets of the whole content.
    """

    start: int | None
    length: int
    size: int


@dataclass(frozen=True)
class Progress:
    """How far a content has come; complete, its digest was verified."""

    received: int
    size: int
    complete: bool


def check_offset(received: int, size: int, span: Span) -> None:
    """Whether a request goes on where a content of ``size`` octets ended.

    Raises:
        Conflict: it does not; the true position is what was expected.
        Refused: it announces another whole.
    """
    if span.start != received:
        raise other_offset(received, span.start or 0)
    if span.size != size:
        raise wrong_size(size, str(span.size))


def other_offset(true: int, found: int) -> Conflict:
    """The refusal of octets that do not follow those that are here."""
    return Conflict(Fault(OTHER_OFFSET, expected=str(true), found=str(found)))


def wrong_size(expected: int, found: str) -> Refused:
    """The refusal of more or fewer octets than were announced."""
    return Refused.because(WRONG_SIZE, "Content-Range", expected=str(expected), found=found, name="upload")
