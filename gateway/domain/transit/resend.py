"""What may be sent anew after its end, and until when; pure rules."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.errors import Conflict, Refused
from gateway.domain.transit.grounds import NOT_COMPETENT, UNKNOWN_ADDRESSEE

END_PASSED = "WASL-DLV-057"
REFUSED_FOR_GOOD = "WASL-DLV-058"
NO_MOMENT = "WASL-REQ-010"
LONGEST_END = timedelta(days=366)

WRONG_OFFICE = frozenset({NOT_COMPETENT, UNKNOWN_ADDRESSEE})
"""The grounds of a refusal after which another office may be the right one."""


@dataclass(frozen=True)
class Resend:
    """How a letter is to be sent anew.

    Attributes:
        office: identifier of the office that is to have it; None: the same.
        possible_duplicate: the recipient may have it, and is to get it all the same.
        until: the new end, aware; None: the sender's own goes on.
        endless: it has no end any more.
    """

    office: str | None = None
    possible_duplicate: bool = False
    until: datetime | None = None
    endless: bool = False


def check_grounds(grounds: Collection[str]) -> None:
    """Check that a refusal says no more than that it was the wrong office.

    Raises:
        Conflict: the recipient refused the letter itself.
    """
    if not grounds or not WRONG_OFFICE.issuperset(grounds):
        raise Conflict.because(REFUSED_FOR_GOOD)


def new_end(wish: Resend, before: datetime | None, due: datetime) -> datetime | None:
    """When a successor ends if nobody took it; None: never by its sender's wish.

    Args:
        before: the end so far.
        due: when the successor may be sent at the earliest.

    Raises:
        Refused: the end asked for is not later than that, or more than a year; or both were asked for.
        Conflict: the end so far has passed, and nothing was said of a new one.
    """
    if wish.until is not None:
        if wish.endless or not due < wish.until <= due + LONGEST_END:
            raise Refused.because(NO_MOMENT, "until")
        return wish.until
    if wish.endless or before is None:
        return None
    if before <= due:
        raise Conflict.because(END_PASSED, time=before.isoformat())
    return before
