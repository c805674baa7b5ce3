"""Lays a receipt out on its one page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gateway.domain.evidence.receipt import Receipt
from gateway.i18n import Translator, mark
from gateway.i18n.terms import TERMS
from gateway.wire.pdf_bidi import isolated, shown
from gateway.wire.pdf_canvas import HEIGHT, WIDTH, Canvas, Colour, Line, Style, line_of, lines_of
from gateway.wire.pdf_emblem import Emblem
from gateway.wire.pdf_fonts import Face
from gateway.wire.receipt_facts import Look, facts
from gateway.wire.receipt_table import Table, spread

MARGIN = 42.0
INNER = WIDTH - 2 * MARGIN

ACCENT: Colour = (0.05, 0.32, 0.28)
GREY: Colour = (0.4, 0.4, 0.4)
PALE: Colour = (0.945, 0.965, 0.955)
RED: Colour = (0.72, 0.07, 0.1)
WHITE: Colour = (1.0, 1.0, 1.0)

_HUB = Style(13.5, Face.BOLD, ACCENT)
_HUB_SMALL = Style(8.5, colour=GREY, leading=1.3)
_TITLE = Style(23, Face.BOLD, ACCENT, 1.45)
_TITLE_SMALL = Style(11, colour=GREY)
_EVENT = Style(11.5)
_TEST = Style(15, Face.BOLD, WHITE)
_TEST_SMALL = Style(8.5, Face.REGULAR, WHITE)
_CAPTION = Style(8.5, colour=GREY)
_REFERENCE = Style(30, Face.BOLD)
_FINE = Style(7.2, leading=1.4)
_FINE_OTHER = Style(6.4, colour=GREY, leading=1.38)
_FINE_BOLD = Style(7.2, Face.BOLD, leading=1.4)

_PROVES_NOTHING = mark("TEST – this receipt proves nothing about real mail.")
_KEEP = mark(
    "The proof is this file and not its print: it carries the hub’s electronic seal, and inside it the "
    "first sealed form of this receipt, {name}."
)
_VERIFY = mark(
    "Anyone can verify it without the hub and without a network: {command}, with a trust folder whose "
    "fingerprints the authority has published. The code on this page leads to {address}."
)


class Pen(NamedTuple):
    """Where the page is drawn and from which side it is read."""

    canvas: Canvas
    right: bool

    def start(self, line: Line, y: float, x: float = MARGIN, width: float = INNER) -> None:
        """A line at the side where reading begins."""
        self.canvas.write(line, x + width - line.width if self.right else x, y)

    def end(self, line: Line, y: float, x: float = MARGIN, width: float = INNER) -> None:
        """A line at the side where reading ends."""
        self.canvas.write(line, x if self.right else x + width - line.width, y)

    def middle(self, line: Line, y: float, x: float = MARGIN, width: float = INNER) -> None:
        """A line in the middle."""
        self.canvas.write(line, x + (width - line.width) / 2, y)


def draw_page(
    canvas: Canvas,
    receipt: Receipt,
    digest: str,
    look: Look,
    name: str,
    code: Sequence[Sequence[bool]],
    emblem: Emblem | None,
) -> None:
    """Draw everything.

    Args:
        name: of the embedded file.
        code: the QR code's cells by rows.
    """
    pen = Pen(canvas, look.translators[0].direction == "rtl")
    y = _draw_head(pen, receipt, look, emblem)
    if receipt.test:
        y = _draw_test(pen, look, y)
    y = _draw_title(pen, receipt, look, y)
    y = _draw_reference(pen, receipt, look, code, y)
    top = _draw_foot(pen, receipt, digest, look, name)
    table = Table(look.translators, MARGIN, INNER)
    room = top - y - 6
    rows = table.rows(facts(receipt, look), room)
    table.draw(canvas, spread(rows, room), y)


def _draw_head(pen: Pen, receipt: Receipt, look: Look, emblem: Emblem | None) -> float:
    y, indent = 34.0, 0.0
    if emblem is not None:
        side = 40.0
        indent = side + 10
        x = MARGIN + INNER - side if pen.right else MARGIN
        pen.canvas.form("Emblem", x, y + side, side / max(emblem.width, emblem.height))
    others = [
        (translator, look.names[translator.language])
        for translator in look.translators
        if look.names.get(translator.language) not in (None, receipt.issuer.name)
    ]
    x, width = (MARGIN, INNER - indent) if pen.right else (MARGIN + indent, INNER - indent)
    for place, line in enumerate(lines_of(shown(receipt.issuer.name), _HUB, width * 0.62, 2)):
        pen.start(line, y + 16 + place * _HUB.height, x, width)
    for place, (translator, text) in enumerate(others[:3]):
        right = translator.direction == "rtl"
        (line,) = lines_of(shown(text), _HUB_SMALL, width * 0.36, 1, right)
        pen.end(line, y + 9 + place * _HUB_SMALL.height, x, width)
    y += 42
    pen.canvas.rule(MARGIN, y, INNER, ACCENT, 1.6)
    pen.canvas.rule(MARGIN, y + 2.6, INNER, ACCENT, 0.4)
    return y + 8


def _draw_test(pen: Pen, look: Look, y: float) -> float:
    main, *others = look.translators
    height = 30.0 + len(others) * _TEST_SMALL.height
    pen.canvas.box(MARGIN, y, INNER, height, RED)
    pen.middle(line_of(main.text(_PROVES_NOTHING), _TEST, pen.right), y + 18)
    for place, other in enumerate(others):
        line = line_of(other.text(_PROVES_NOTHING), _TEST_SMALL, other.direction == "rtl")
        pen.middle(line, y + 34 + place * _TEST_SMALL.height)
    return y + height + 4


def _draw_title(pen: Pen, receipt: Receipt, look: Look, y: float) -> float:
    main, *others = look.translators
    pen.middle(line_of(main.text(TERMS[receipt.kind]), _TITLE, pen.right), y + 25)
    _draw_beside(pen, [(one, one.text(TERMS[receipt.kind])) for one in others], _TITLE_SMALL, y + 49)
    pen.middle(line_of(main.text(TERMS[receipt.event]), _EVENT, pen.right), y + 68)
    _draw_beside(pen, [(one, one.text(TERMS[receipt.event])) for one in others], _CAPTION, y + 82)
    return y + 90


def _draw_beside(pen: Pen, texts: Sequence[tuple[Translator, str]], style: Style, y: float) -> None:
    """Texts of several languages in one line in the middle, each in its own direction."""
    lines = [line_of(text, style, translator.direction == "rtl") for translator, text in texts]
    gap = style.size * 1.6
    width = sum(line.width for line in lines) + gap * (len(lines) - 1)
    x = MARGIN + (INNER - width) / 2
    for place, line in enumerate(lines):
        if place:
            dot = line_of("·", style, False)
            pen.canvas.write(dot, x - gap / 2 - dot.width / 2, y)
        pen.canvas.write(line, x, y)
        x += line.width + gap


def _draw_reference(
    pen: Pen, receipt: Receipt, look: Look, code: Sequence[Sequence[bool]], y: float
) -> float:
    height, side = 84.0, 74.0
    pen.canvas.box(MARGIN, y, INNER, height, PALE)
    x = MARGIN + 5 if pen.right else MARGIN + INNER - side - 5
    pen.canvas.box(x, y + 5, side, side, WHITE)
    quiet = 4  # ISO/IEC 18004 5.3.8: four modules
    cell = side / (len(code) + 2 * quiet)
    pen.canvas.squares(x + quiet * cell, y + 5 + quiet * cell, code, cell)
    label = mark("Reference") if receipt.reference else mark("Receipt number")
    inside, width = MARGIN + 14, INNER - 28
    captions = "  ·  ".join(isolated(one.text(label)) for one in look.translators)
    pen.start(line_of(captions, _CAPTION, pen.right), y + 20, inside, width)
    if receipt.reference:
        pen.start(line_of(receipt.reference, _REFERENCE, False), y + 56, inside, width)
    else:
        pen.start(line_of(receipt.receipt_id, Style(15, Face.BOLD), False), y + 50, inside, width)
    return y + height + 4


def _draw_foot(pen: Pen, receipt: Receipt, digest: str, look: Look, name: str) -> float:
    """Draw what a verifier needs at the bottom of the page; where it begins."""
    main, *others = look.translators
    lines = [*_particulars(pen, receipt, digest, main)]
    for translator, style in ((main, _FINE), *((other, _FINE_OTHER) for other in others)):
        lines += _instructions(translator, style, look, name)
    y = HEIGHT - 30 - sum(line.style.height for line, _ in lines)
    begin = y - 6
    pen.canvas.rule(MARGIN, begin, INNER, ACCENT, 0.8)
    for line, right in lines:
        pen.canvas.write(line, MARGIN + INNER - line.width if right else MARGIN, y + line.style.size)
        y += line.style.height
    return begin


def _particulars(pen: Pen, receipt: Receipt, digest: str, main: Translator) -> list[tuple[Line, bool]]:
    told = [
        (mark("Content digest (SHA-256)"), digest),
        (mark("Receipt number"), receipt.receipt_id),
        (mark("Ledger"), receipt.ledger_origin or ""),
        (mark("Receipt before it"), receipt.predecessor or ""),
    ]
    texts = [f"{main.text(label)}: {isolated(value)}" for label, value in told if value]
    return [(line, pen.right) for text in texts for line in lines_of(text, _FINE_BOLD, INNER, 1, pen.right)]


def _instructions(translator: Translator, style: Style, look: Look, name: str) -> list[tuple[Line, bool]]:
    right = translator.direction == "rtl"
    keep = translator.text(_KEEP, name=isolated(name))
    verify = translator.text(
        _VERIFY,
        command=isolated("wasl verify FILE --trust FOLDER"),
        address=isolated(f"{look.public_url}/verify"),
    )
    return [(line, right) for line in lines_of(f"{keep} {verify}", style, INNER, 4, right)]
