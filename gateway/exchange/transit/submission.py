"""What comes in through a door and what goes back, without any door's vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from gateway.domain.errors import Fault
from gateway.domain.transit.call import Call
from gateway.domain.transit.quota import Allowance

_SYNTAXES = ("application/xml", "application/jose")


class Part(Protocol):
    """One attachment's content as it arrives."""

    @property
    def content_id(self) -> str: ...

    @property
    def chunks(self) -> Iterator[bytes]: ...


@dataclass(frozen=True)
class Submission:
    """A signed envelope, and its attachments still to be read.

    Attributes:
        root: the envelope's octets exactly as received.
        media_type: of the root, without parameters.
        parts: contents beside the envelope, in the order they arrive; read at most once.
        answer_type: media type of the receipt the sender wants.
        call: which brought it.
    """

    root: bytes
    media_type: str
    parts: Iterator[Part]
    answer_type: str
    call: Call | None = None

    @property
    def sealed_type(self) -> str:
        """The syntax in which the receipt is sealed with the promise; every other form derives from it."""
        if self.answer_type in _SYNTAXES:
            return self.answer_type
        return _SYNTAXES[0] if self.media_type == _SYNTAXES[0] else _SYNTAXES[1]


class AnswerKind(Enum):
    """What became of a submission."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    REFUSED = "refused"


@dataclass(frozen=True)
class Answer:
    """The sealed receipt to send back.

    Attributes:
        faults: why it was refused; empty otherwise.
        allowance: what is left of the party's quota after a new letter.
    """

    kind: AnswerKind
    media_type: str
    octets: bytes
    reference: str | None = None
    faults: tuple[Fault, ...] = ()
    allowance: Allowance | None = None
