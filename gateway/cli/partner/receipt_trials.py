"""What a sender's program must do with receipts of each kind, whole and broken, judged from what it did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from gateway.cli.partner.trials import Outcome
from gateway.domain.evidence.receipt import LONG_TERM, ReceiptKind


class Lot(Enum):
    """What is done to a receipt the first time that a program is given it; afterwards it comes whole."""

    WHOLE = "whole"
    ALTERED = "altered digest"  # its content was changed under its seal
    WRONG_SEAL = "wrong seal"  # a party's certificate sealed it, not the hub's
    FOREIGN = "foreign chain"  # a good receipt of the same kind, of another letter


@dataclass(frozen=True)
class Given:
    """One time that a program was given a receipt.

    Attributes:
        sha256: of the octets given.
        good: whether they were the receipt itself.
        believed: what the program said of it; None if nothing.
        taken_for: the kind that the program took it for; None if it did not say.
    """

    sha256: str
    good: bool
    believed: bool | None = None
    taken_for: str | None = None


@dataclass(frozen=True)
class ReceiptCourse:
    """One receipt: its kind, its lot, and every time that it was given."""

    kind: ReceiptKind
    lot: Lot
    given: tuple[Given, ...] = ()

    def told(self, sha256: str, believed: bool, taken_for: str | None) -> ReceiptCourse:
        """With what the program said of the octets of this digest."""
        return replace(
            self,
            given=tuple(
                replace(one, believed=believed, taken_for=taken_for) if one.sha256 == sha256 else one
                for one in self.given
            ),
        )


@dataclass(frozen=True)
class ReceiptMark:
    """What a kind came to, with its reason."""

    trial: ReceiptKind
    outcome: Outcome
    why: str


_Verdict = tuple[Outcome, str]
_WORST = (Outcome.FAILED, Outcome.OPEN, Outcome.LOOK)


def judge(kind: ReceiptKind, courses: tuple[ReceiptCourse, ...], over: bool) -> ReceiptMark:
    """What a kind has come to: its worst verdict.

    Args:
        courses: the receipts of this kind, one of each lot that was met.
        over: whether nothing more is expected of the program.
    """
    of = {course.lot: course for course in courses}
    found = list(_verdicts(kind, of, over))
    for outcome in _WORST:
        why = [said for one, said in found if one is outcome]
        if why:
            return ReceiptMark(kind, outcome, "; ".join(dict.fromkeys(why)))
    return ReceiptMark(kind, Outcome.PASSED, "taken whole, and not believed where it was broken")


def _verdicts(kind: ReceiptKind, of: dict[Lot, ReceiptCourse], over: bool) -> Iterator[_Verdict]:
    whole = of.get(Lot.WHOLE)
    twice = whole is not None and len(whole.given) > 1
    for lot in Lot:
        course = of.get(lot)
        if course is None:
            yield Outcome.OPEN, "not every letter came"
        elif not course.given:
            yield _left(kind, over)
        else:
            yield from _said(course)
            if lot is not Lot.WHOLE:
                yield from _doubted(course, over, twice)


def _left(kind: ReceiptKind, over: bool) -> _Verdict:
    if not over:
        return Outcome.OPEN, "waiting for it to be fetched"
    if kind in LONG_TERM:
        return Outcome.FAILED, "never fetched: an event says that something happened, the receipt proves it"
    return Outcome.LOOK, "never fetched: see in your system what becomes of it"


def _said(course: ReceiptCourse) -> Iterator[_Verdict]:
    """What the program's own words are worth."""
    for one in course.given:
        if one.believed is not None and one.believed is not one.good:
            broken = "a whole one was not believed" if one.good else f"{course.lot.value}: it was believed"
            yield Outcome.FAILED, broken
        if one.good and one.taken_for not in (None, course.kind.value):
            yield Outcome.FAILED, f"taken for another kind: {one.taken_for}"


def _doubted(course: ReceiptCourse, over: bool, twice: bool) -> Iterator[_Verdict]:
    """Whether the broken one was seen to be: the program says so, or asks for the receipt again."""
    again = len(course.given) > 1
    if any(not one.good and one.believed is not None for one in course.given) or (again and not twice):
        return
    if again:
        yield Outcome.LOOK, "whole ones are asked for twice too: asking again says nothing; let it tell"
    elif over:
        yield (
            Outcome.LOOK,
            f"{course.lot.value}: not asked for again; see that your system keeps it not as one",
        )
    else:
        yield Outcome.OPEN, "waiting whether a broken one is asked for again"
