"""What a recipient's system may say of a letter that it took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from gateway.domain.errors import Fault, Refused
from gateway.domain.evidence.receipt import Registered
from gateway.domain.lines import UNSEEN, is_line, printable
from gateway.domain.transit.grounds import is_ground
from gateway.domain.transit.states import Processing

UNKNOWN = "WASL-DLV-082"
CONTRADICTS = "WASL-DLV-083"
ABSURD = "WASL-DLV-084"
STRANGER = "WASL-DLV-085"

_LONGEST_NUMBER, _LONGEST_BOOK, _SHOWN = 120, 80, 80
_A_DAY = timedelta(days=1)
_TOLD = {
    Processing.REGISTERED,
    Processing.IN_PROGRESS,
    Processing.AWAITING_SENDER,
    Processing.DECLINED,
    Processing.CLOSED,
}
"""What a system may say; an answer and a redirect are letters of their own, and come as such."""


@dataclass(frozen=True)
class Said:
    """One piece of news that can be true.

    Attributes:
        registered: the register entry, if it says one.
        to: what is done with the letter, if it says so; ``ground`` is why it is declined.
        at: when, as the system claims.
    """

    registered: Registered | None
    to: Processing | None
    ground: Fault | None
    at: datetime | None


def registered(
    number: str | None, day: date | None, book: str | None, since: datetime, now: datetime
) -> Registered | None:
    """The register entry that was said, if one was.

    Args:
        since: when the letter was accepted.

    Raises:
        Refused: it cannot be one.
    """
    if number is None:
        if day is not None or book is not None:
            raise Refused.because(ABSURD, "registerNumber")
        return None
    check_line(number, "registerNumber", _LONGEST_NUMBER)
    if book is not None:
        check_line(book, "registerBook", _LONGEST_BOOK)
    # a day before and after, since a day begins elsewhere at another time
    if day is not None and not (since - _A_DAY).date() <= day <= (now + _A_DAY).date():
        raise Refused.because(ABSURD, "registerDate", found=day.isoformat())
    return Registered(number, day, book)


def progress(text: str | None, ground: str | None) -> tuple[Processing | None, Fault | None]:
    """What is done with the letter, and why it is declined; a ground alone says that it is.

    Raises:
        Refused: there is no such state, or it is none that a system may say; or the ground is none.
    """
    if text is None and ground is None:
        return None, None
    text = Processing.DECLINED.value if text is None else text
    try:
        to = Processing(text)
    except ValueError as error:
        raise Refused.because(ABSURD, "progress", found=shown(text)) from error
    if to not in _TOLD:
        raise Refused.because(ABSURD, "progress", found=to.value)
    if to is not Processing.DECLINED:
        return to, None
    code = ground or "-"
    why = Fault(code)
    if not is_ground(why):
        raise Refused.because(ABSURD, "ground", found=shown(code))
    return to, why


def moment(at: datetime | None, since: datetime, now: datetime) -> datetime | None:
    """When it was, as the system claims, in UTC.

    Raises:
        Refused: it names no zone, or cannot be.
    """
    if at is None:
        return None
    if at.tzinfo is None:
        raise Refused.because(ABSURD, "at", found=at.isoformat())
    try:
        in_time = since - _A_DAY <= at <= now + _A_DAY
        said = at.astimezone(UTC)
    except OverflowError as error:
        raise Refused.because(ABSURD, "at") from error
    if not in_time:
        raise Refused.because(ABSURD, "at", found=said.isoformat())
    return min(said, now)


def check_line(text: str, where: str, longest: int) -> None:
    """Check that a text is one line of at most so many characters.

    Raises:
        Refused: it is not.
    """
    if not text.strip() or len(text) > longest or not is_line(text):
        raise Refused.because(ABSURD, where, found=shown(text))


def shown(text: str) -> str:
    """The beginning of what others said, safe to show."""
    plain = printable(text[:_SHOWN], UNSEEN)
    return plain + ("…" if len(text) > _SHOWN else "")
