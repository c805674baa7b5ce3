"""Which receipts a sender's program was given, in which state, and what it said of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock

from gateway.cli.partner.examiner import changed
from gateway.cli.partner.receipt_deck import Deck, Seen
from gateway.cli.partner.receipt_trials import Given, Lot, ReceiptCourse, ReceiptMark, judge
from gateway.cli.partner.trials import Outcome
from gateway.domain.evidence.receipt import Receipt, ReceiptKind

LETTERS = tuple((accepted, lot) for accepted in (True, False) for lot in Lot)
"""What becomes of each letter, in the order in which they come."""


@dataclass(frozen=True)
class Examined:
    """A letter with its receipts; ``accepted`` or refused."""

    seen: Seen
    accepted: bool
    lot: Lot
    receipts: tuple[Receipt, ...]

    @property
    def first(self) -> Receipt:
        return self.receipts[0]


class OtherOctets(Exception):
    """The letter was sent before, with other content."""


@dataclass
class ReceiptExamination:
    """The receipts and how far they are; safe for several threads.

    Attributes:
        monotonic: seconds that never go back.
        quiet: seconds without a letter, a receipt or a word after which none is expected any more.
    """

    monotonic: Callable[[], float]
    quiet: float
    deck: Deck
    letters: dict[str, Examined] = field(default_factory=dict)
    courses: dict[str, ReceiptCourse] = field(default_factory=dict)
    _last: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def submit(self, seen: Seen) -> Examined:
        """The letter, with receipts made for it the first time that it comes.

        Raises:
            OtherOctets: it came before with other content.
        """
        with self._lock:
            self._last = self.monotonic()
            known = self.letters.get(seen.envelope.message_id)
            if known is None:
                accepted, lot = LETTERS[len(self.letters) if len(self.letters) < len(LETTERS) else 0]
                made = self.deck.chain(seen) if accepted else (self.deck.rejection(seen),)
                known = Examined(seen, accepted, lot, made)
                self.letters[seen.envelope.message_id] = known
                self.courses |= {one.receipt_id: ReceiptCourse(one.kind, lot) for one in made}
            elif known.seen.sha256 != seen.sha256:
                raise OtherOctets
            return known

    def told(self) -> list[tuple[Examined, Receipt]]:
        """Every receipt so far, in order: the feed."""
        with self._lock:
            return [(letter, one) for letter in self.letters.values() for one in letter.receipts]

    def give(self, receipt_id: str, media_type: str) -> bytes | None:
        """A receipt as its lot has it now; None if there is none of this identifier."""
        for letter, one in self.told():
            if one.receipt_id == receipt_id:
                return self._given(letter, one, media_type)
        return None

    def say(self, sha256: str, believed: bool, taken_for: str | None) -> bool:
        """Take note of what the program says of octets that it was given; whether it was given them."""
        with self._lock:
            about = {
                name: course.told(sha256, believed, taken_for)
                for name, course in self.courses.items()
                if any(one.sha256 == sha256 for one in course.given)
            }
            self.courses |= about
            self._last = self.monotonic() if about else self._last
            return bool(about)

    def marks(self) -> tuple[ReceiptMark, ...]:
        """Every kind as it stands."""
        with self._lock:
            over = self.monotonic() - self._last >= self.quiet
            of = {
                kind: tuple(one for one in reversed(self.courses.values()) if one.kind is kind)
                for kind in ReceiptKind
            }
        return tuple(judge(kind, courses, over) for kind, courses in of.items())

    @property
    def over(self) -> bool:
        """Whether every kind has come to something."""
        return all(mark.outcome is not Outcome.OPEN for mark in self.marks())

    def _given(self, letter: Examined, one: Receipt, media_type: str) -> bytes:
        with self._lock:
            self._last = self.monotonic()
            course = self.courses[one.receipt_id]
            good = bool(course.given) or letter.lot is Lot.WHOLE
            octets = self.deck.octets(one, media_type) if good else self._broken(letter, one, media_type)
            given = Given(hashlib.sha256(octets).hexdigest(), good)
            self.courses[one.receipt_id] = replace(course, given=(*course.given, given))
            return octets

    def _broken(self, letter: Examined, one: Receipt, media_type: str) -> bytes:
        if letter.lot is Lot.ALTERED:
            return changed(self.deck.octets(one, media_type))
        if letter.lot is Lot.WRONG_SEAL:
            return self.deck.octets(one, media_type, wrong=True)
        other = next(
            each
            for whole in self.letters.values()
            if whole.lot is Lot.WHOLE and whole.accepted is letter.accepted
            for each in whole.receipts
            if each.kind is one.kind
        )
        return self.deck.copy(other, media_type)  # what is said of it is not said of the other's own
