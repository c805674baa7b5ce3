"""Code tables: what an office's systems call types, units, confidentiality and the like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.domain.lines import UNSEEN, printable

Tables = Mapping[str, Mapping[str, str]]
"""Entries by table: a code of letters to the office's own; ``*`` stands for the rest."""

REST = "*"
MOST_TABLES = 100
MOST_ENTRIES = 5000
"""In one table."""
LONGEST = 200
"""Characters of a table's name, a code, or an entry."""

_OPTION = "tables"


def with_tables(options: Mapping[str, Any], tables: Tables) -> Mapping[str, Any]:
    """A route's options with the tables of its office beside its own, whose entries win."""
    own = options.get(_OPTION, {})
    if not tables or not isinstance(own, Mapping):
        return options
    both = {name: {**tables.get(name, {}), **_entries(own.get(name))} for name in {**tables, **own}}
    return {**options, _OPTION: both}


def _entries(table: Any) -> Mapping[str, Any]:
    return table if isinstance(table, Mapping) else {}


def table_faults(tables: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with declared tables, one sentence each naming its table."""
    if len(tables) > MOST_TABLES:
        yield f"at most {MOST_TABLES} tables"
    for name, entries in tables.items():
        if not name or not _fits(name):
            yield f"{_shown(name)}: a name of at most {LONGEST} characters on one line"
        if not isinstance(entries, Mapping) or not all(isinstance(entry, str) for entry in entries.values()):
            yield f"{_shown(name)}: a table of codes"
        elif len(entries) > MOST_ENTRIES:
            yield f"{_shown(name)}: at most {MOST_ENTRIES} entries"
        elif not all(_fits(code) and _fits(entry) for code, entry in entries.items()):
            yield f"{_shown(name)}: codes and entries of at most {LONGEST} characters on one line"


def _fits(text: str) -> bool:
    return len(text) <= LONGEST and text.isprintable()


def _shown(name: str) -> str:
    return printable(name[:80], UNSEEN)


def listed(value: str) -> str:
    """A value as lists of unmapped values name it: one line, cut where it is longer than any code."""
    plain = printable(value, UNSEEN)
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"


def no_entry(table: str, value: str) -> str:
    """How it is said, always alike, that a table has no entry for a value."""
    return f"code table {table!r} has no entry {listed(value)!r}"
