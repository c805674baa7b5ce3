"""The functions that mappings have beyond those of JMESPath."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date as Day
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jmespath import functions

Tables = Mapping[str, Mapping[str, str]]

if TYPE_CHECKING:
    from jmespath.functions import _Signature

_TEXT: _Signature = {"types": ["string"]}
_TEXT_OR_NULL: _Signature = {"types": ["string", "null"]}
_ANYTHING: _Signature = {"types": []}


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
        if value is None:
            return entries.get("*")
        found = entries.get(value, entries.get("*"))
        if found is None:
            raise UnknownCode(f"code table {table!r} has no entry {value!r}")
        return found

    @functions.signature(_TEXT_OR_NULL, {"types": ["number"]})
    def _func_cut(self, value: str | None, length: float) -> str | None:
        """``cut(value, `120`)``: at most that many characters, the last one an ellipsis if it was cut."""
        if value is None or len(value) <= length:
            return value
        return value[: int(length) - 1] + "…"


def _moment(value: str) -> Day | datetime:
    return datetime.fromisoformat(value) if "T" in value else Day.fromisoformat(value)
