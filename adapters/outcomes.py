"""How trouble at the target is told apart: never taken, taken, or nobody knows."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from adapters.contract import Response
from gateway.domain.errors import Ambiguous, DeliveryError, Permanent, Temporary
from gateway.domain.lines import UNSEEN, printable
from gateway.domain.transit.retry import asked_to_wait


class Outcome(Enum):
    """What a rule of a route makes of an answer."""

    ACCEPTED = "accepted"  # it is a success in spite of its form
    DUPLICATE = "duplicate"  # the target already has this delivery
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    AMBIGUOUS = "ambiguous"
    DECLINED = "declined"  # the recipient itself refuses the letter


class Phase(Enum):
    """What a failing call leaves behind at the target."""

    BEFORE = "nothing that counts as received"
    TAKING = "perhaps this letter: the call itself makes it count"
    TAKEN = "something of this letter, by an earlier call"


class AlreadyThereError(Exception):
    """The target says that it has this delivery; never leaves the adapters."""

    def __init__(self, response: Response) -> None:
        super().__init__("already there")
        self.response = response


def fault_for(outcome: Outcome, code: str, detail: str, retry_after: float | None = None) -> DeliveryError:
    """The fault that a rule's outcome means."""
    if outcome is Outcome.TEMPORARY:
        return Temporary(code, detail, retry_after)
    return Permanent(code, detail) if outcome is Outcome.PERMANENT else Ambiguous(code, detail)


def fault_of_status(response: Response, now: datetime) -> DeliveryError | None:
    """The fault that an HTTP status means by itself, or None for a success.

    ``TAKING`` is assumed; see `in_phase`. Statuses by which a server says that it did not begin (408, 425,
    429, 503) are temporary; other trouble of its own (500, 502, 504) may come from behind a proxy or
    after a commit, so nobody knows.
    """
    status, detail = response.status, told(response)
    if 200 <= status < 300:
        return None
    if status in (401, 403):
        return Temporary("WASL-DLV-013", detail)
    if status == 429:
        return Temporary("WASL-DLV-012", detail, retry_after(response, now))
    if status in (408, 425, 503):
        return Temporary("WASL-DLV-002", detail, retry_after(response, now))
    if 400 <= status < 500:
        return Permanent("WASL-DLV-003", detail)
    return Ambiguous("WASL-DLV-002" if status >= 500 else "WASL-DLV-008", detail)


def in_phase(fault: DeliveryError, phase: Phase) -> DeliveryError:
    """The same trouble, judged by what the target holds when it happens."""
    if phase is Phase.BEFORE and isinstance(fault, Ambiguous):
        return Temporary(fault.code, fault.detail)
    if phase is Phase.TAKEN:
        return Ambiguous("WASL-DLV-004", f"after an earlier call had effect: {fault}")
    return fault


def retry_after(response: Response, now: datetime) -> float | None:
    """Seconds that the target asks to wait, or None."""
    return asked_to_wait(response.headers.get("retry-after", ""), now)


def told(response: Response) -> str:
    """Status and the beginning of an answer, on one line, for operators."""
    words = " ".join(response.body[:600].decode("utf-8", "replace").split())
    return f"HTTP {response.status}: {printable(words, UNSEEN)[:400]}"
