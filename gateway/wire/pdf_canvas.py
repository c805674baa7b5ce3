"""Draws on one page: lines of text, boxes, rules, the squares of a QR code; in points from the top."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from gateway.wire.pdf_bidi import FSI, PDI, starts_right, visual_runs
from gateway.wire.pdf_fonts import MISSING, Face, Glyph, Shaped, natural_width, shape

WIDTH, HEIGHT = 595.28, 841.89
"""A4."""

Colour = tuple[float, float, float]
_ELLIPSIS = "…"
_LONGEST_WORD, _LONGEST_ROW = 32, 160
"""Characters. What is longer is not remembered: the hub's own words come again, and are shorter."""
_SAFE = 0.97
"""Share of a line that a cut word fills: letters at a cut may change their shape and width."""


class Style(NamedTuple):
    """How a text looks; size and leading in points."""

    size: float
    face: Face = Face.REGULAR
    colour: Colour = (0.11, 0.11, 0.11)
    leading: float = 1.42

    @property
    def height(self) -> float:
        return self.size * self.leading


class Line(NamedTuple):
    """Shaped pieces from left to right; the width in points."""

    pieces: tuple[Shaped, ...]
    width: float
    style: Style


def line_of(text: str, style: Style, right: bool) -> Line:
    """``text`` in one line, however long.

    Args:
        right: whether the line as a whole runs from right to left.
    """
    if len(text) <= _LONGEST_WORD:
        return _remembered_word(text, style, right)
    if len(text) <= _LONGEST_ROW:
        return _remembered_row(text, style, right)
    return _line(text, style, right)


def _line(text: str, style: Style, right: bool) -> Line:
    pieces = tuple(shape(style.face, piece, direction) for piece, direction in visual_runs(text, right))
    return Line(pieces, sum(piece.width for piece in pieces) * style.size / 1000, style)


_remembered_word = lru_cache(maxsize=4096)(_line)
_remembered_row = lru_cache(maxsize=512)(_line)


def lines_of(text: str, style: Style, width: float, most: int, right: bool | None = None) -> list[Line]:
    """``text`` in lines of at most ``width``; what does not fit into ``most`` lines ends in an ellipsis.

    Args:
        right: direction of the whole; None for that of its first letter.
    """
    direction = starts_right(text, otherwise=False) if right is None else right
    rows = list(islice(_broken(text, style, width, direction), most + 1))
    if len(rows) > most:
        last = rows[most - 1]
        while last and line_of(last + _ELLIPSIS, style, direction).width > width:
            last = last[:-1]
        rows = [*rows[: most - 1], last.rstrip() + _ELLIPSIS]
    return [line_of(row, style, direction) for row in rows]


def _broken(text: str, style: Style, width: float, right: bool) -> Iterator[str]:
    space = line_of(" ", style, right).width
    row, used = "", 0.0
    for word in _words(text, style, width, right):
        taken = line_of(word, style, right).width
        if row and used + space + taken > width:
            yield row
            row, used = word, taken
        else:
            row, used = (f"{row} {word}", used + space + taken) if row else (word, taken)
    if row:
        yield row


def _words(text: str, style: Style, width: float, right: bool) -> Iterator[str]:
    """Words; an isolate is part of one, and what is wider than the line comes in pieces."""
    for word in _apart(text):
        if line_of(word, style, right).width <= width:
            yield word
        else:
            yield from _cut(word.replace(FSI, "").replace(PDI, ""), style, width, right)


def _apart(text: str) -> Iterator[str]:
    word, depth = "", 0
    for character in text:
        depth += (character == FSI) - (character == PDI)
        if character == " " and depth == 0:
            if word:
                yield word
            word = ""
        else:
            word += character
    if word:
        yield word


def _cut(word: str, style: Style, width: float, right: bool) -> Iterator[str]:
    line = _line(word, style, right)
    share = _SAFE * width / line.width
    length = max(1, int(len(word) * share))
    while word:
        piece = word[:length]
        while len(piece) > 1 and _line(piece, style, right).width > width:
            piece = piece[: max(1, int(len(piece) * 0.8))]
        yield piece
        word = word[len(piece) :]


@dataclass
class Canvas:
    """One page being drawn.

    Attributes:
        used: of each face the glyphs drawn, and the characters that each shows.
    """

    used: dict[Face, dict[int, str]] = field(default_factory=dict)
    _operators: list[str] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        """The content stream (ISO 32000-1 7.8.2)."""
        return "\n".join(self._operators).encode("ascii")

    def box(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """A filled rectangle; ``y`` is its upper edge."""
        bottom = HEIGHT - y - height
        self._operators.append(f"{_colour(colour)} rg {_n(x)} {_n(bottom)} {_n(width)} {_n(height)} re f")

    def frame(self, x: float, y: float, width: float, height: float, colour: Colour, line: float) -> None:
        """The edges of a rectangle."""
        bottom = HEIGHT - y - height
        self._operators.append(
            f"{_colour(colour)} RG {_n(line)} w {_n(x)} {_n(bottom)} {_n(width)} {_n(height)} re S"
        )

    def rule(self, x: float, y: float, width: float, colour: Colour, line: float) -> None:
        """A horizontal line."""
        at = _n(HEIGHT - y)
        self._operators.append(f"{_colour(colour)} RG {_n(line)} w {_n(x)} {at} m {_n(x + width)} {at} l S")

    def squares(self, x: float, y: float, rows: Sequence[Sequence[bool]], side: float) -> None:
        """Dark squares of ``side`` points where ``rows`` say so."""
        drawn = [
            f"{_n(x + start * side)} {_n(HEIGHT - y - (row + 1) * side)} {_n(length * side)} {_n(side)} re"
            for row, cells in enumerate(rows)
            for start, length in _stretches(cells)
        ]
        self._operators.append(" ".join(("0 0 0 rg", *drawn, "f")))

    @contextmanager
    def within(self, x: float, y: float, width: float, height: float) -> Iterator[None]:
        """Nothing that is drawn in this block shows outside of the rectangle."""
        bottom = HEIGHT - y - height
        self._operators.append(f"q {_n(x)} {_n(bottom)} {_n(width)} {_n(height)} re W n")
        yield
        self._operators.append("Q")

    def form(self, name: str, x: float, y: float, scale: float) -> None:
        """A form object of the page's resources, its lower left corner at that place."""
        self._operators.append(f"q {scale:.5f} 0 0 {scale:.5f} {_n(x)} {_n(HEIGHT - y)} cm /{name} Do Q")

    def write(self, line: Line, x: float, baseline: float) -> None:
        """A line whose left end is at ``x``."""
        style = line.style
        used = self.used.setdefault(style.face, {})
        for glyph in (glyph for piece in line.pieces for glyph in piece.glyphs):
            used[glyph.number] = used.get(glyph.number) or glyph.text
        shown = "".join(_shown(piece.glyphs, style) for piece in line.pieces)
        self._operators.append(
            f"BT /{style.face.resource} {_n(style.size)} Tf {_colour(style.colour)} rg "
            f"1 0 0 1 {_n(x)} {_n(HEIGHT - baseline)} Tm {shown}ET"
        )
        self._mark_missing(line, x, baseline)

    def _mark_missing(self, line: Line, x: float, baseline: float) -> None:
        """Draw a box for each character that the face has no shape for, so that none disappears."""
        em = line.style.size
        for glyph in (glyph for piece in line.pieces for glyph in piece.glyphs):
            width = glyph.advance * em / 1000
            if glyph.number == MISSING:
                top = baseline - 0.62 * em
                self.frame(x + 0.12 * width, top, 0.76 * width, 0.62 * em, line.style.colour, 0.05 * em)
            x += width


def _shown(glyphs: Sequence[Glyph], style: Style) -> str:
    """Operators that show glyphs; kerning and the places of marks are moves between them (9.4.3)."""
    operators, array = [], ""
    for glyph in glyphs:
        if glyph.up:
            operators.append(f"[{array}] TJ {_n(glyph.up * style.size / 1000)} Ts")
            array = ""
        before = f"{_n(-glyph.right)} " if glyph.right else ""
        after = natural_width(style.face, glyph.number) + glyph.right - glyph.advance
        array += f"{before}<{glyph.number:04X}>" + (f" {_n(after)} " if abs(after) > 0.01 else "")
        if glyph.up:
            operators.append(f"[{array}] TJ 0 Ts")
            array = ""
    return " ".join((*operators, f"[{array}] TJ "))


def _stretches(cells: Sequence[bool]) -> Iterator[tuple[int, int]]:
    start = None
    for index, dark in enumerate((*cells, False)):
        if dark and start is None:
            start = index
        elif not dark and start is not None:
            yield start, index - start
            start = None


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def _colour(colour: Colour) -> str:
    return " ".join(_n(part) for part in colour)
