"""What a receipt says about the time limit of a delivery, as sentences; nothing is promised beyond it."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.domain.evidence.receipt import DayKind, TimeLimit
from gateway.i18n import Translator, mark
from gateway.i18n.terms import TERMS
from gateway.wire.receipt_sayings import Saying, said


def limit_sentences(limit: TimeLimit) -> Iterator[Saying]:
    """The sentences, in the order in which the limit runs."""
    if not limit.known:
        yield said(mark("No time limit is known for this letter."))
        return
    if limit.procedure is not None:
        yield said(mark("Procedure {code}"), code=limit.procedure)
    if limit.days is not None:
        yield _length(limit.days, limit.day_kind)
    if limit.start is not None:
        yield said(mark("Counted from {day}"), day=limit.start)
    for pause in limit.pauses:
        start, end = pause.start, pause.end
        if end is None:
            yield said(mark("Interrupted since {start}"), start=start)
        else:
            yield said(mark("Interrupted from {start} to {end}"), start=start, end=end)
    yield from _ending(limit)


def _ending(limit: TimeLimit) -> Iterator[Saying]:
    if limit.extended_by is not None:
        yield _extension(limit.extended_by)
    if limit.end is not None:
        yield said(mark("Last day: {day}"), day=limit.end)
    if limit.silence is not None:
        yield said(TERMS[limit.silence])


def _length(days: int, kind: DayKind | None) -> Saying:
    def write(translator: Translator) -> str:
        tn = translator.plural
        if kind is DayKind.WORKING:
            return tn("{number} working day", "{number} working days", days)
        if kind is DayKind.CALENDAR:
            return tn("{number} calendar day", "{number} calendar days", days)
        return tn("{number} day", "{number} days", days)

    return Saying(write)


def _extension(days: int) -> Saying:
    def write(translator: Translator) -> str:
        tn = translator.plural
        return tn("Extended by {number} day", "Extended by {number} days", days)

    return Saying(write)
