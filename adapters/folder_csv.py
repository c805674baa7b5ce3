"""Writes tables as CSV (RFC 4180) that neither another separator nor a spreadsheet reads as something else.

What a spreadsheet would take for a formula gets an apostrophe before it, unless the route says that none
reads the file; also inside of a text, where a cell begins for a program that splits at another sign than the
file does: quotes protect the first column alone then.
"""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adapters.mapping import MOST_CHARACTERS

# OWASP, "CSV Injection"; some spreadsheets take full-width signs for the same
_BEGINS_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
_BEGINS_CELL = ("\t", "\r", "\n")
_SPLITS = frozenset(',;|"\t\r\n')


def write_csv(
    columns: Sequence[str], rows: Iterable[Mapping[str, Any]], separator: str, guarded: bool
) -> str:
    """A header with the columns' names, and the rows; what a row does not have is empty.

    Args:
        guarded: against texts that a spreadsheet would take for formulas.

    Raises:
        ValueError, TypeError: a value is no cell, or all of it is too much.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name), guarded) for name in columns])
        if out.tell() > MOST_CHARACTERS:
            raise ValueError("too much")
    return out.getvalue()


def _cell(value: Any, guarded: bool) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if not math.isfinite(value):
            raise ValueError("no number")
        return value
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    if "\0" in value:
        raise ValueError("U+0000")
    return _guarded(value) if guarded else value


def _guarded(text: str) -> str:
    """The same with an apostrophe before whatever begins a formula, also in a cell that only others see."""
    if _BEGINS_FORMULA.isdisjoint(text):
        return f"'{text}" if text.startswith(_BEGINS_CELL) else text
    signs: list[str] = []
    begins = True
    for sign in text:
        if begins and sign in _BEGINS_FORMULA:
            signs.append("'")
        signs.append(sign)
        # What is not to be seen may be passed over: spaces, controls, and what only formats
        begins = sign in _SPLITS or (begins and unicodedata.category(sign)[0] in "CZ")
    return f"'{''.join(signs)}" if text.startswith(_BEGINS_CELL) else "".join(signs)
