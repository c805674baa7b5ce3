"""Turns a country's emblem into objects that a page can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from gateway.pdf.file import PdfFile
from gateway.pdf.objects import Name, Ref, Stream, Value

_SIDE = 100.0
_LARGEST = 4 * 1024 * 1024


@dataclass(frozen=True)
class Emblem:
    """A picture as a form object; its own width and height are in points."""

    width: float
    height: float
    content: bytes
    resources: Value
    others: Mapping[int, Value]

    def objects(self, first: int) -> dict[int, Value]:
        """The objects of the form, numbered from ``first`` on; the first is the form."""
        numbers = {old: first + 1 + place for place, old in enumerate(sorted(self.others))}
        form = {
            "Type": Name("XObject"),
            "Subtype": Name("Form"),
            "BBox": [0, 0, round(self.width) + 1, round(self.height) + 1],
            "Resources": _renumbered(self.resources, numbers),
        }
        made: dict[int, Value] = {first: Stream({**form, "Filter": Name("FlateDecode")}, self.content)}
        return made | {numbers[old]: _renumbered(value, numbers) for old, value in self.others.items()}


@lru_cache(maxsize=8)
def emblem_of(path: Path | None) -> Emblem | None:
    """The emblem of a country pack, read once; the pack's own check saw that it is there."""
    return None if path is None else _copied(_page_with(path))


def _page_with(path: Path) -> bytes:
    # Heavy, and only hubs whose country has an emblem need it, once in a process.
    from fpdf import FPDF

    page = FPDF(unit="pt", format=(_SIDE, _SIDE))
    page.set_margin(0)
    page.add_page()
    page.image(str(path), 0, 0, _SIDE, _SIDE, keep_aspect_ratio=True)
    return bytes(page.output())


def _copied(octets: bytes) -> Emblem:
    file = PdfFile(octets)
    root = file.dictionary(file.trailer["Root"])
    kids = file.array(file.dictionary(root["Pages"])["Kids"])
    page = file.dictionary(kids[0])
    content = file.get(page["Contents"])
    if not isinstance(content, Stream):
        raise TypeError("a page without content")
    resources = file.get(page.get("Resources", {}))
    others: dict[int, Value] = {}
    _collect(file, resources, others)
    return Emblem(_SIDE, _SIDE, content.octets, resources, others)


def _collect(file: PdfFile, value: Value, found: dict[int, Value]) -> None:
    if isinstance(value, Ref):
        if value.number not in found:
            found[value.number] = file.get(value)
            _collect(file, found[value.number], found)
    elif isinstance(value, Stream):
        _collect(file, value.entries, found)
    elif isinstance(value, Mapping):
        for one in value.values():
            _collect(file, one, found)
    elif isinstance(value, list):
        for one in value:
            _collect(file, one, found)


def _renumbered(value: Value, numbers: Mapping[int, int]) -> Value:
    if isinstance(value, Ref):
        return Ref(numbers[value.number])
    if isinstance(value, Stream):
        return Stream({key: _renumbered(one, numbers) for key, one in value.entries.items()}, value.octets)
    if isinstance(value, Mapping):
        return {key: _renumbered(one, numbers) for key, one in value.items()}
    if isinstance(value, list):
        return [_renumbered(one, numbers) for one in value]
    return value
