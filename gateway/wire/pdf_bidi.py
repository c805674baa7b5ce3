"""Puts a line of text into the order in which it is read across the page (Unicode Standard Annex 9).

Explicit embeddings and overrides are not obeyed: `shown` takes them out of what strangers wrote, and
only isolates (`isolated`) exist for what is put into a sentence. Paired brackets (N0) are neutrals here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

FSI, PDI = "\u2068", "\u2069"
UNSHOWABLE = "\ufffd"
"""Stands for a character that has no shape or would change that of others."""

_JOINERS = "\u200c\u200d"
_SHAPELESS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MOST_MARKS = 3
_STRONG = {"L": 0, "R": 1, "AL": 1}
_NEUTRAL = frozenset({"B", "S", "WS", "ON", "BN"})

Item = str
"""A character, or an isolate: the text that stands between its two marks."""


def shown(text: str) -> str:
    """``text`` with everything replaced that has no shape, changes directions or piles up over others."""
    result: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", text):
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > _MOST_MARKS:
            continue
        hidden = category in _SHAPELESS and character not in _JOINERS
        result.append(UNSHOWABLE if hidden else " " if category == "Zs" else character)
    return "".join(result)


def isolated(text: str) -> str:
    """What a stranger wrote, fit to stand within a sentence of either direction."""
    return FSI + shown(text) + PDI


def starts_right(text: str, otherwise: bool) -> bool:
    """Whether the first character with a direction runs from right to left (P2, P3)."""
    for character in text:
        level = _STRONG.get(unicodedata.bidirectional(character))
        if level is not None:
            return bool(level)
    return otherwise


def visual_runs(text: str, right: bool) -> list[tuple[str, bool]]:
    """Pieces of one direction each, from left to right, and whether each runs from right to left.

    Args:
        right: whether the line as a whole runs from right to left.
    """
    items = list(_items(text))
    levels = _levels(items, int(right))
    pieces: list[tuple[str, bool]] = []
    for index in _reordered(levels):
        item = items[index]
        if item[:1] == FSI:
            pieces += visual_runs(item[1:], starts_right(item[1:], right))
        else:
            pieces.append((item, bool(levels[index] % 2)))
    return list(_joined(pieces))


def _joined(pieces: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Neighbours of one direction as one piece, in logical order."""
    for direction, group in groupby(pieces, key=lambda piece: piece[1]):
        texts = [text for text, _ in group]
        yield "".join(reversed(texts) if direction else texts), direction


def _items(text: str) -> Iterator[Item]:
    at = 0
    while at < len(text):
        end = _closing(text, at) if text[at] == FSI else at + 1
        yield text[at:end]
        at = end + (text[end : end + 1] == PDI)


def _closing(text: str, at: int) -> int:
    """Where the isolate that begins at ``at`` is closed."""
    depth = 0
    for index in range(at, len(text)):
        depth += (text[index] == FSI) - (text[index] == PDI)
        if depth == 0:
            return index
    return len(text)


def _levels(items: Sequence[Item], base: int) -> list[int]:
    types = ["ON" if item[:1] == FSI else unicodedata.bidirectional(item) or "L" for item in items]
    _resolve_weak(types, "R" if base else "L")
    _resolve_neutral(types, base)
    levels = [_implicit(kind, base) for kind in types]
    for index in range(len(items) - 1, -1, -1):  # L1: white space at the end goes with the line
        if not items[index].isspace():
            break
        levels[index] = base
    return levels


def _resolve_weak(types: list[str], start: str) -> None:
    _resolve_marks(types, start)
    for index in range(1, len(types) - 1):
        types[index] = _separator(*types[index - 1 : index + 2])
    _spread_numbers(types, range(1, len(types)), -1)
    _spread_numbers(types, range(len(types) - 2, -1, -1), 1)
    strong = start
    for index, kind in enumerate(types):
        strong = kind if kind in _STRONG else strong
        if kind == "EN" and strong == "L":  # W7
            types[index] = "L"
        else:  # W3, W6
            types[index] = {"AL": "R", "ES": "ON", "ET": "ON", "CS": "ON"}.get(kind, kind)


def _resolve_marks(types: list[str], start: str) -> None:
    strong, before = start, start
    for index, kind in enumerate(types):
        if kind == "NSM":  # W1
            kind = before
        if kind == "EN" and strong == "AL":  # W2
            kind = "AN"
        strong = kind if kind in _STRONG else strong
        types[index] = before = kind


def _separator(before: str, kind: str, after: str) -> str:
    """W4: a separator between two numbers of one sort is part of them."""
    joins = before == after and ((kind in ("ES", "CS") and before == "EN") or (kind, before) == ("CS", "AN"))
    return before if joins else kind


def _spread_numbers(types: list[str], order: Iterable[int], step: int) -> None:
    """W5: signs beside a number are part of it."""
    for index in order:
        if types[index] == "ET" and types[index + step] == "EN":
            types[index] = "EN"


def _resolve_neutral(types: list[str], base: int) -> None:
    own = "R" if base else "L"
    start = 0
    while start < len(types):
        if types[start] not in _NEUTRAL:
            start += 1
            continue
        end = start
        while end < len(types) and types[end] in _NEUTRAL:
            end += 1
        before = _side(types[start - 1]) if start else own
        after = _side(types[end]) if end < len(types) else own
        types[start:end] = [before if before == after else own] * (end - start)  # N1, N2
        start = end


def _side(kind: str) -> str:
    return "R" if kind in ("R", "EN", "AN") else "L"


def _implicit(kind: str, base: int) -> int:
    if base % 2 == 0:  # I1
        return base + {"R": 1, "AN": 2, "EN": 2}.get(kind, 0)
    return base + (0 if kind == "R" else 1)  # I2


def _reordered(levels: Sequence[int]) -> list[int]:
    order = list(range(len(levels)))
    for level in range(max(levels, default=0), 0, -1):  # L2
        start = 0
        while start < len(order):
            end = start
            while end < len(order) and levels[order[end]] >= level:
                end += 1
            order[start:end] = reversed(order[start:end])
            start = max(end, start + 1)
    return order
