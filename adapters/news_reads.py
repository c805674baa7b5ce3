"""What is read from a target's words about letters that it took earlier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date as Day
from datetime import datetime
from typing import Any

from adapters.contract import News
from adapters.functions import Tables, UnknownCode
from adapters.mapping import Expression, MappingFault
from adapters.options import Options

_NAMES = ("delivery_id", "reference", "target_reference")
_TEXTS = (*_NAMES, "register_number", "register_book", "progress", "ground")
_SAID = ("register_number", "progress", "ground")
_LONGEST = 10_000
_MARKS = dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
"""Marks of direction: systems that write Arabic put them around numbers."""


@dataclass(frozen=True)
class NewsReads:
    """Where to look in what a target says of one letter: a table of JMESPath expressions over it.

    Options, all optional: ``delivery_id``, ``reference``, ``target_reference`` (which letter it is),
    ``register_number``, ``register_date`` (with ``register_date_format`` in strptime's notation, ISO 8601
    without), ``register_book``, ``progress`` (``REGISTERED``, ``IN_PROGRESS``, ``AWAITING_SENDER``,
    ``DECLINED`` or ``CLOSED``; usually by a code table: ``code(etat, 'states')``), ``ground`` (why it is
    declined, a code from ``WASL-DLV-031`` to ``-036``; alone it says that it is), ``at`` (when, with a zone,
    ISO 8601).
    """

    expressions: Mapping[str, Expression]
    date_format: str = ""

    @classmethod
    def read(cls, options: Options | None, tables: Tables, names_letters: bool) -> NewsReads:
        """The table that the options describe; faults are noted there.

        Args:
            names_letters: the target must say which letter it speaks of; else it was asked about one.
        """
        if options is None:
            return cls({})
        found = {name: options.expression(name, tables) for name in (*_TEXTS, "register_date", "at")}
        known = {name: expression for name, expression in found.items() if expression is not None}
        if names_letters and not known.keys() & set(_NAMES):
            options.fault("delivery_id", "is required, or reference, or target_reference")
        if not known.keys() & set(_SAID):
            options.fault("register_number", "is required, or progress, or ground")
        reads = cls(known, options.text("register_date_format", ""))
        options.end()
        return reads

    @property
    def tells_progress(self) -> bool:
        """Whether anything can be heard of a letter whose register number is known."""
        return not self.expressions.keys().isdisjoint(("progress", "ground"))

    def over(self, said: Any) -> News | None:
        """What is said of one letter; None where nothing is."""
        texts = {name: self._text(name, said) for name in _TEXTS}
        if all(texts[name] is None for name in _SAID):
            return None
        return News(**texts, register_date=self._day(said), at=self._moment(said))

    def _value(self, name: str, said: Any) -> Any:
        expression = self.expressions.get(name)
        if expression is None:
            return None
        try:
            return expression.over(said)
        except MappingFault as fault:
            # a code that no table has is told to the operator as the value that cannot be
            return str(fault.__cause__) if isinstance(fault.__cause__, UnknownCode) else None

    def _text(self, name: str, said: Any) -> str | None:
        value = self._value(name, said)
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            return None
        return str(value).translate(_MARKS).strip()[:_LONGEST] or None

    def _day(self, said: Any) -> Day | None:
        text = self._text("register_date", said)
        if text is None:
            return None
        try:
            if self.date_format:
                # a register date is a calendar day; no zone belongs to it
                return datetime.strptime(text, self.date_format).date()  # noqa: DTZ007
            return Day.fromisoformat(text[:10])
        except ValueError:
            # a receipt states a date for good: one that nobody can read must not pass for none
            return Day.min

    def _moment(self, said: Any) -> datetime | None:
        text = self._text("at", said)
        if text is None:
            return None
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return None


def rows(each: Expression, answer: Any) -> list[Any]:
    """The letters that an answer speaks of."""
    found = each.over_answer(answer)
    if isinstance(found, list):
        return found
    return [] if found is None else [found]
