"""The functions that mappings have beyond those of JMESPath."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date as Day
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jmespath import functions

from gateway.domain.registry.tables import REST, Tables, no_entry

__all__ = ["MappingFunctions", "Tables", "UnknownCode", "noting"]

Note = Callable[[str, str], None]
"""Takes a table and a value that it has no entry for."""

if TYPE_CHECKING:
    from jmespath.functions import _Signature

_TEXT: _Signature = {"types": ["string"]}
_TEXT_OR_NULL: _Signature = {"types": ["string", "null"]}
_ANYTHING: _Signature = {"types": []}


# Expressions are compiled once for all letters of a route; who wants to hear of one letter says so here.
_note: ContextVar[Note | None] = ContextVar("note", default=None)


@contextmanager
def noting(note: Note) -> Iterator[None]:
    """Let ``note`` hear once of every value without an entry that expressions meet inside."""
    told: set[tuple[str, str]] = set()

    def once(table: str, value: str) -> None:
        if (table, value) not in told:
            told.add((table, value))
            note(table, value)

    before = _note.set(once)
    try:
        yield
    finally:
        _note.reset(before)


class UnknownCode(LookupError):
    """A code table of the route has no entry for a code and none for the rest."""


class MappingFunctions(functions.Functions):
    """JMESPath's own functions and ours; an absent value stays absent in all but `default`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    @functions.signature(_ANYTHING, _ANYTHING)
    def _func_default(self, value: Any, fallback: Any) -> Any:
        """``default(value, fallback)``: the fallback only where the value is absent, not where empty."""
        return fallback if value is None else value

    @functions.signature(_TEXT_OR_NULL, _TEXT)
    def _func_date(self, value: str | None, form: str) -> str | None:
        """``date(value, '%d/%m/%Y')``: a day or an instant in the form asked (strftime), as it stands."""
        return None if value is None else _moment(value).strftime(form)

    @functions.signature(_TEXT_OR_NULL, _TEXT, _TEXT)
    def _func_date_in(self, value: str | None, form: str, zone: str) -> str | None:
        """``date_in(value, '%d/%m/%Y', 'Africa/Casablanca')``: an instant as the clocks there show it."""
        if value is None:
            return None
        moment = _moment(value)
        if isinstance(moment, datetime):
            moment = moment.astimezone(ZoneInfo(zone))
        return moment.strftime(form)

    @functions.signature(_TEXT_OR_NULL, _TEXT)
    def _func_code(self, value: str | None, table: str) -> str | None:
        """``code(value, 'table')``: the entry of a code table of the route; ``*`` catches the rest."""
        entries = self._tables[table]
        rest = entries.get(REST)
        if value is None or value in entries:
            return rest if value is None else entries[value]
        if (note := _note.get()) is not None:
            note(table, value)
        if rest is None:
            raise UnknownCode(no_entry(table, value))
        return rest

    @functions.signature(_TEXT_OR_NULL)
    def _func_url(self, value: str | None) -> str | None:
        """``url(value)``: percent-encoded in UTF-8, as paths and headers carry other letters than ASCII."""
        return None if value is None else quote(value, safe="")

    @functions.signature(_TEXT_OR_NULL, {"types": ["number"]})
    def _func_cut(self, value: str | None, length: float) -> str | None:
        """``cut(value, `120`)``: at most that many characters, the last one an ellipsis if it was cut."""
        if value is None or len(value) <= length:
            return value
        return value[: int(length) - 1] + "…"


def _moment(value: str) -> Day | datetime:
    return datetime.fromisoformat(value) if "T" in value else Day.fromisoformat(value)
