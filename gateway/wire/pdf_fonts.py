"""Shapes text with the packaged faces and embeds the few glyphs of them that a page uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import uharfbuzz as hb

from gateway.pdf.objects import Name, Real, Ref, Value, deflated

_FOLDER = Path(str(resources.files("fontpkg_amiri") / "files"))
_NO_LAYOUT = ("GSUB", "GPOS", "GDEF", "BASE", "JSTF", "MATH", "name", "post", "OS/2", "cmap", "DSIG")
"""Tables that a reader of PDF files has no use for."""
_SYMBOLIC = 4
MISSING = 0
"""Number of the glyph that stands for a character without one; in these faces it is blank."""
_WIDTH_OF_MISSING = 550.0


class Face(Enum):
    """The faces of the page: resource name, file and PostScript name."""

    REGULAR = ("F1", "Amiri-Regular")
    BOLD = ("F2", "Amiri-Bold")

    def __init__(self, resource: str, stem: str) -> None:
        self.resource = resource
        self.stem = stem


class Glyph(NamedTuple):
    """One glyph of a shaped text; lengths in thousandths of the size.

    Attributes:
        text: the characters that it shows; empty for one that only completes another.
    """

    number: int
    advance: float
    right: float
    up: float
    text: str


class Shaped(NamedTuple):
    """Glyphs from left to right, and their width in thousandths of the size."""

    glyphs: tuple[Glyph, ...]
    width: float


def shape(face: Face, text: str, right: bool) -> Shaped:
    """``text``, of one direction, as glyphs."""
    buffer: Any = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if right else "ltr"
    buffer.cluster_level = hb.BufferClusterLevel.MONOTONE_CHARACTERS
    hb.shape(_font(face), buffer)
    scale = 1000 / _opened(face).upem
    clusters = sorted({info.cluster for info in buffer.glyph_infos})
    ends = dict(zip(clusters, [*clusters[1:], len(text)], strict=True))
    glyphs, told = [], set()
    for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        stands_for = "" if info.cluster in told else text[info.cluster : ends[info.cluster]]
        told.add(info.cluster)
        advance = place.x_advance * scale if info.codepoint != MISSING else _WIDTH_OF_MISSING
        glyphs.append(
            Glyph(info.codepoint, advance, place.x_offset * scale, place.y_offset * scale, stands_for)
        )
    return Shaped(tuple(glyphs), sum(glyph.advance for glyph in glyphs))


def natural_width(face: Face, glyph: int) -> float:
    """How far the glyph moves on by itself, in thousandths of the size."""
    advance: int = _font(face).get_glyph_h_advance(glyph)
    upem: int = _opened(face).upem
    return advance * 1000 / upem


def embedded_font(face: Face, used: Mapping[int, str], first: int) -> dict[int, Value]:
    """The objects of a composite font (ISO 32000-1 9.7), numbered from ``first`` on; the first is the font.

    Args:
        used: the glyphs of the page, and the characters that each shows.
    """
    name = Name(f"{_tag(used)}+{face.stem}")
    numbers = sorted(used)
    program = _subset(face, numbers)
    return {
        first: {
            "Type": Name("Font"),
            "Subtype": Name("Type0"),
            "BaseFont": name,
            "Encoding": Name("Identity-H"),
            "DescendantFonts": [Ref(first + 1)],
            "ToUnicode": Ref(first + 2),
        },
        first + 1: _descendant(face, name, numbers, first + 3),
        first + 2: deflated({}, _to_unicode(used)),
        first + 3: _descriptor(face, name, first + 4),
        first + 4: deflated({"Length1": len(program)}, program),
    }


def _descendant(face: Face, name: Name, numbers: Iterable[int], descriptor: int) -> Value:
    widths: list[Value] = []
    for number in numbers:
        widths += [number, [_number(natural_width(face, number))]]
    return {
        "Type": Name("Font"),
        "Subtype": Name("CIDFontType2"),
        "BaseFont": name,
        "CIDSystemInfo": {"Registry": b"Adobe", "Ordering": b"Identity", "Supplement": 0},
        "FontDescriptor": Ref(descriptor),
        "DW": 0,
        "W": widths,
        "CIDToGIDMap": Name("Identity"),
    }


def _descriptor(face: Face, name: Name, program: int) -> Value:
    extents = _font(face).get_font_extents("ltr")
    scale = 1000 / _opened(face).upem
    ascent, descent = round(extents.ascender * scale), round(extents.descender * scale)
    return {
        "Type": Name("FontDescriptor"),
        "FontName": name,
        "Flags": _SYMBOLIC,
        "FontBBox": [-500, descent, 2000, ascent],
        "ItalicAngle": 0,
        "Ascent": ascent,
        "Descent": descent,
        "CapHeight": 650,
        "StemV": 120 if face is Face.BOLD else 80,
        "FontFile2": Ref(program),
    }


def _to_unicode(used: Mapping[int, str]) -> bytes:
    pairs = [(number, text) for number, text in sorted(used.items()) if text]
    blocks = []
    for start in range(0, len(pairs), 100):  # 9.10.3 with Adobe's note 5014: at most 100 in a block
        lines = [
            f"<{number:04X}> <{text.encode('utf-16-be').hex().upper()}>"
            for number, text in pairs[start : start + 100]
        ]
        blocks += [f"{len(lines)} beginbfchar", *lines, "endbfchar"]
    head = (
        "/CIDInit /ProcSet findresource begin",
        "12 dict begin",
        "begincmap",
        "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def",
        "/CMapName /Adobe-Identity-UCS def",
        "/CMapType 2 def",
        "1 begincodespacerange",
        "<0000> <FFFF>",
        "endcodespacerange",
    )
    tail = ("endcmap", "CMapName currentdict /CMap defineresource pop", "end", "end")
    return "\n".join((*head, *blocks, *tail)).encode("ascii")


def _subset(face: Face, numbers: Iterable[int]) -> bytes:
    wanted: Any = hb.SubsetInput()
    for number in (0, *numbers):
        wanted.glyph_set.add(number)
    for tag in _NO_LAYOUT:
        wanted.drop_table_tag_set.add(int.from_bytes(tag.ljust(4).encode("ascii")))
    # Kept glyph numbers, no search for further glyphs, no hints: quick, and the content can be written first.
    wanted.flags = hb.SubsetFlags.RETAIN_GIDS | hb.SubsetFlags.NO_LAYOUT_CLOSURE | hb.SubsetFlags.NO_HINTING
    return bytes(hb.subset(_opened(face), wanted).blob.data)


def _tag(used: Mapping[int, str]) -> str:
    """Six letters that differ between subsets (9.6.4), made of what is in them."""
    value = hash_of(sorted(used))
    return "".join(chr(ord("A") + value // 26**place % 26) for place in range(6))


def hash_of(numbers: Iterable[int]) -> int:
    """The same number for the same numbers, in every process."""
    value = 7
    for number in numbers:
        value = (value * 1_000_003 + number) % (2**61 - 1)
    return value


def _number(value: float) -> int | Real:
    return int(value) if value == int(value) else Real(f"{value:.2f}")


@cache
def _opened(face: Face) -> Any:
    return hb.Face(hb.Blob.from_file_path(str(_FOLDER / f"{face.stem}.ttf")))


@cache
def _font(face: Face) -> Any:
    return hb.Font(_opened(face))
