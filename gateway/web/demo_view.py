"""What the demonstration's page shows: each letter, where it comes from and where it has come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.domain.identifiers import directory_id
from gateway.domain.transit.states import OUTCOMES, Transport
from gateway.exchange.transit.look import DeliveryView
from gateway.i18n import mark

MINISTRY, COMMUNE, PLATFORM = (directory_id("A", number) for number in (901, 902, 904))
MINISTRY_OFFICE, COMMUNE_OFFICE, AGENCY_OFFICE = (directory_id("B", number) for number in (901, 902, 903))


@dataclass(frozen=True)
class Kind:
    """A letter that the demonstration knows how to send, as texts to translate."""

    party: str
    sender: str
    title: str


KINDS: Mapping[str, Kind] = {
    "works-notice": Kind(MINISTRY, mark("The ministry"), mark("A notice of works with two PDF files")),
    "permit-request": Kind(
        PLATFORM, mark("A partner platform, for a company"), mark("A company’s request for a permit")
    ),
    "unknown-recipient": Kind(
        COMMUNE, mark("The commune"), mark("A report to an office that does not exist")
    ),
}
"""By the name that the letter's files carry."""
UNKNOWN = Kind("", mark("A sender"), mark("A letter"))

OFFICES: Mapping[str, str] = {
    MINISTRY_OFFICE: mark("The ministry"),
    COMMUNE_OFFICE: mark("The commune"),
    AGENCY_OFFICE: mark("The agency"),
}
"""Whose office it is, in words that exist in every language; the registry's names are as registered."""

SHAPES: Mapping[Transport, str] = {
    Transport.QUEUED: "moving",
    Transport.DELIVERING: "moving",
    Transport.WAITING: "waiting",
    Transport.HELD: "held",
    Transport.AVAILABLE: "ready",
    Transport.HANDED_OVER: "done",
    Transport.REFUSED: "declined",
    Transport.REDIRECTED: "moving",
    Transport.EXPIRED: "failed",
    Transport.FAILED: "failed",
    Transport.CANCELLED: "declined",
}
"""The shape beside the word of each state."""


@dataclass(frozen=True)
class Arrival:
    """One recipient's side of a letter.

    Attributes:
        role: a text to translate; None for an office that the demonstration does not know.
        name: as the directory has it, in the language it was registered in.
        number: the entry in the recipient's own register.
        target_reference: what else its system calls the letter.
        next_attempt: when it will be tried again.
    """

    office: str
    role: str | None
    name: str
    state: Transport
    number: str | None
    target_reference: str | None
    next_attempt: datetime | None

    @property
    def shape(self) -> str:
        return SHAPES[self.state]

    @property
    def resting(self) -> bool:
        """Whether it stays as it is until somebody does something."""
        return self.state in OUTCOMES or self.state in (Transport.AVAILABLE, Transport.HELD)


@dataclass(frozen=True)
class ShownLetter:
    """One letter of the demonstration.

    Attributes:
        status: of the hub's answer; 0 while there is none.
        problems: code and words of each reason why it was refused.
    """

    number: int
    kind: Kind
    subject: str
    language: str
    syntax: str
    status: int
    reference: str | None
    arrivals: tuple[Arrival, ...]
    problems: tuple[tuple[str, str], ...]
    files: tuple[str, ...]

    @property
    def refused(self) -> bool:
        return self.reference is None and self.status >= 400

    @property
    def moving(self) -> bool:
        """Whether looking again soon will show something else."""
        if self.refused:
            return False
        return not self.arrivals or not all(arrival.resting for arrival in self.arrivals)


def read_letter(told: Mapping[str, Any], deliveries: tuple[DeliveryView, ...]) -> ShownLetter:
    """A letter as the demonstration tells of it, its deliveries as the hub has them now."""
    problems = (problem.partition(": ") for problem in told["problems"])
    return ShownLetter(
        number=told["number"],
        kind=kind_of(told),
        subject=told["subject"],
        language=told["language"],
        syntax=told["format"],
        status=told["status"],
        reference=told["reference"],
        arrivals=tuple(_arrival(delivery) for delivery in deliveries),
        problems=tuple((code, text) for code, _, text in problems),
        files=tuple(told["files"]),
    )


def kind_of(told: Mapping[str, Any]) -> Kind:
    """The kind of a letter, told by its first file: ``01-works-notice-envelope.xml``."""
    name = next(iter(told["files"]), "")
    return KINDS.get(name.partition("-")[2].partition("-envelope.")[0], UNKNOWN)


def _arrival(delivery: DeliveryView) -> Arrival:
    return Arrival(
        office=delivery.office,
        role=OFFICES.get(delivery.office),
        name=delivery.name,
        state=Transport(delivery.state),
        number=delivery.register_number,
        target_reference=delivery.target_reference,
        next_attempt=delivery.next_attempt,
    )
