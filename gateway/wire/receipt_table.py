"""Sets a receipt's facts in rows: label, content, and the label in the other languages; all on one page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from gateway.i18n import Translator
from gateway.wire.pdf_bidi import FSI, PDI
from gateway.wire.pdf_canvas import Canvas, Colour, Line, Style, line_of, lines_of
from gateway.wire.pdf_fonts import Face
from gateway.wire.receipt_facts import Entry, Fact, Weight
from gateway.wire.receipt_sayings import Saying

_LABEL, _OTHERS, _GAP, _PADDING = 92.0, 96.0, 9.0, 5.0
_GREY: Colour = (0.42, 0.42, 0.42)
_RULE: Colour = (0.8, 0.85, 0.83)
_SIZES = {
    Weight.STRONG: (11.5, Face.BOLD),
    Weight.NORMAL: (11.0, Face.REGULAR),
    Weight.CODE: (8.6, Face.BOLD),
    Weight.FINE: (7.5, Face.REGULAR),
}
_LABEL_SIZE, _OTHER_SIZE, _SAID_SIZE = 10.0, 7.6, 8.0
_DENSITIES = ((1.0, 3), (0.93, 3), (0.87, 3), (0.81, 2), (0.7, 2), (0.6, 1))
"""Scale, and how many lines one text may take; tried in turn."""
_DENSE = 3
"""From which density on the end of long lists is left to the embedded file."""
_MOST_AIR = 7.0
_MOST_SET = 24
"""Entries of one list that are worth setting: more never fit."""


@dataclass
class Row:
    """A fact, set; of its entries, the first ``visible`` ones are drawn."""

    label: list[Line]
    others: list[Line]
    entries: list[list[Line]]
    total: int
    visible: int
    may_be_cut: bool
    more: Callable[[int], list[Line]]
    air: float = _PADDING

    @property
    def lines(self) -> Iterator[Line]:
        """What is drawn in the middle."""
        for entry in self.entries[: self.visible]:
            yield from entry
        if self.visible < self.total:
            yield from self.more(self.total - self.visible)

    @property
    def height(self) -> float:
        """In points, with the space around it."""
        columns = (self.label, self.others, list(self.lines))
        return max(sum(line.style.height for line in column) for column in columns) + self.air


@dataclass(frozen=True)
class Table:
    """Where rows stand.

    Attributes:
        translators: the languages; the first one is the page's.
    """

    translators: tuple[Translator, ...]
    x: float
    width: float

    @property
    def _right(self) -> bool:
        return self.translators[0].direction == "rtl"

    @property
    def _middle(self) -> float:
        return self.width - _LABEL - _OTHERS - 2 * _GAP

    def rows(self, facts: Sequence[Fact], height: float) -> list[Row]:
        """The facts as rows that together are at most ``height`` high, the most legible way."""
        rows: list[Row] = []
        for density, (scale, most) in enumerate(_DENSITIES):
            if density < _DENSE and any(len(fact.entries) > _MOST_SET for fact in facts):
                continue
            rows = [self._row(fact, scale, most) for fact in facts]
            if density >= _DENSE:
                _leave_out(rows, height)
            if _height(rows) <= height and all(row.visible == row.total for row in rows):
                return rows
            if density >= _DENSE and _height(rows) <= height:
                return rows
        return self._without_some(rows, facts, height)

    def _without_some(self, rows: list[Row], facts: Sequence[Fact], height: float) -> list[Row]:
        """As many rows as fit, those that people ask for before others, and how many are not there."""
        scale = _DENSITIES[-1][0]
        kept = list(zip(rows, facts, strict=True))
        note = Row([], [], [self._more(scale, len(kept))], 1, 1, False, partial(self._more, scale))
        while kept and _height([row for row, _ in kept]) + note.height > height:
            spare = [place for place, (_, fact) in enumerate(kept) if fact.may_stay_out]
            kept.pop(spare[-1] if spare else -1)
        note.entries = [self._more(scale, len(rows) - len(kept))]
        return [*(row for row, _ in kept), note]

    def draw(self, canvas: Canvas, rows: Sequence[Row], y: float) -> float:
        """Draw the rows from ``y`` on; where they end."""
        for row in rows:
            with canvas.within(self.x, y, self.width, row.height):
                self._draw(canvas, row, y + row.air / 2)
            y += row.height
            canvas.rule(self.x, y, self.width, _RULE, 0.4)
        return y

    def _draw(self, canvas: Canvas, row: Row, y: float) -> None:
        if self._right:
            label, middle, others = self.x + self.width - _LABEL, self.x + _OTHERS + _GAP, self.x
        else:
            label, middle, others = self.x, self.x + _LABEL + _GAP, self.x + self.width - _OTHERS
        _column(canvas, row.label, label, _LABEL, y, right=self._right)
        _column(canvas, list(row.lines), middle, self._middle, y, right=self._right)
        _column(canvas, row.others, others, _OTHERS, y, right=not self._right)

    def _row(self, fact: Fact, scale: float, most: int) -> Row:
        main, *rest = self.translators
        label = lines_of(main.text(fact.label), _bold(_LABEL_SIZE * scale), _LABEL, 2, self._right)
        others = [
            line
            for translator in rest
            for line in lines_of(
                translator.text(fact.label), _grey(_OTHER_SIZE * scale), _OTHERS, 2, _is_right(translator)
            )
        ]
        entries = [self._entry(entry, scale, most) for entry in fact.entries[:_MOST_SET]]
        return Row(
            label,
            others,
            entries,
            len(fact.entries),
            len(entries),
            fact.may_be_cut,
            partial(self._more, scale),
        )

    def _entry(self, entry: Entry, scale: float, most: int) -> list[Line]:
        found: list[Line] = []
        for content, weight in entry.lines:
            size, face = _SIZES[weight]
            style = Style(size * scale, face)
            if isinstance(content, Saying):
                found += self._said(content, style, scale, most)
            else:
                limit = most if weight is not Weight.FINE else max(1, most - 1)
                found += lines_of(content, style, self._middle, limit)
        return found

    def _said(self, saying: Saying, style: Style, scale: float, most: int) -> list[Line]:
        (main, text), *others = saying.everywhere(self.translators)
        found = lines_of(text, style, self._middle, most, _is_right(main))
        small = _grey(min(_SAID_SIZE * scale, style.size))
        together = " · ".join(f"{FSI}{other}{PDI}" for _, other in others)
        line = line_of(together, small, self._right)
        if line.width <= self._middle:
            return [*found, line] if others else found
        for translator, other in others:
            found += lines_of(other, small, self._middle, 2, _is_right(translator))
        return found

    def _more(self, scale: float, count: int) -> list[Line]:
        def write(translator: Translator) -> str:
            tn = translator.plural
            return tn("{number} more, in the embedded file", "{number} more, in the embedded file", count)

        return self._said(Saying(write), _bold(9 * scale), scale, 1)


def spread(rows: Sequence[Row], height: float) -> Sequence[Row]:
    """The rows with the space that is left between them, within reason."""
    extra = max(0.0, (height - _height(rows)) / max(1, len(rows)))
    for row in rows:
        row.air += min(extra, _MOST_AIR)
    return rows


def _leave_out(rows: Sequence[Row], height: float) -> None:
    """Shorten the longest lists until the rows fit, or nothing can be left out any more."""
    while _height(rows) > height:
        longest = max(rows, key=lambda row: row.visible if row.may_be_cut else 0)
        if longest.visible <= 1 or not longest.may_be_cut:
            return
        longest.visible -= 1


def _height(rows: Sequence[Row]) -> float:
    return sum(row.height for row in rows)


def _column(canvas: Canvas, lines: Sequence[Line], x: float, width: float, y: float, *, right: bool) -> None:
    for line in lines:
        canvas.write(line, x + width - line.width if right else x, y + line.style.size * 1.02)
        y += line.style.height


def _is_right(translator: Translator) -> bool:
    return translator.direction == "rtl"


def _bold(size: float) -> Style:
    return Style(size, Face.BOLD)


def _grey(size: float) -> Style:
    return Style(size, colour=_GREY, leading=1.3)
