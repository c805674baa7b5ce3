"""What a letter says in the fields that rules ask, looked at only when a rule asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any, Protocol

from gateway.domain.calendar import Calendar
from gateway.domain.registry.parties import Party
from gateway.domain.transit import routing_fields as names
from gateway.domain.transit.envelope import Envelope, Recipient
from gateway.domain.transit.routing_fields import WEEKDAYS, Field, Form
from gateway.domain.transit.routing_rules import Value


class Almanac(Calendar, Protocol):
    """A calendar that also knows public holidays; a country pack is one."""

    def holiday(self, day: date, /) -> object | None:
        """Something of the public holiday on ``day``, or None."""


@dataclass(frozen=True)
class LocalTime:
    """A moment as offices see it, on the country's clocks and calendar."""

    moment: datetime
    almanac: Almanac

    @property
    def local(self) -> datetime:
        return self.almanac.local(self.moment)

    @property
    def day(self) -> date:
        return self.local.date()


@dataclass(frozen=True)
class Facts:
    """A letter, on the way to one of its recipients, at a moment.

    Attributes:
        party_of: looks up a body of the directory.
    """

    envelope: Envelope
    recipient: Recipient
    now: LocalTime
    party_of: Callable[[str], Party | None]
    _known: dict[str, tuple[Value, ...]] = field(default_factory=dict)

    def values(self, one: Field) -> tuple[Value, ...]:
        """The values of a field, in the letter's order; none when the letter does not have it."""
        if one.path not in self._known:
            self._known[one.path] = tuple(self._look(one))
        return self._known[one.path]

    def _look(self, one: Field) -> Iterator[Value]:
        if not one.steps:
            yield from _COUNTED[one.path](self)
            return
        in_recipient = one.steps[0] == names.RECIPIENT
        start = self.recipient if in_recipient else self.envelope
        for found in _follow(start, one.steps[in_recipient:]):
            yield self._plain(found, one.form)

    def _plain(self, found: Any, form: Form) -> Value:
        if form is Form.DAY:
            return _day(self.now.almanac.local(found).date() if isinstance(found, datetime) else found)
        value: Value = found.value if isinstance(found, Enum) else found
        return value

    def _sender_kind(self) -> Iterator[Value]:
        party = self.party_of(self.envelope.sender.party)
        if party is not None:
            yield party.kind.value

    def _holiday(self) -> Iterator[Value]:
        yield self.now.almanac.holiday(self.now.day) is not None


_COUNTED: Mapping[str, Callable[[Facts], Iterator[Value]]] = {
    names.SENDER_KIND: Facts._sender_kind,
    names.COUNT: lambda facts: iter((len(facts.envelope.attachments),)),
    names.OCTETS: lambda facts: iter((sum(one.size for one in facts.envelope.attachments),)),
    names.TODAY: lambda facts: iter((_day(facts.now.day),)),
    names.CLOCK: lambda facts: iter((f"{facts.now.local:%H:%M}",)),
    names.WEEKDAY: lambda facts: iter((WEEKDAYS[facts.now.day.weekday()],)),
    names.WORKING_DAY: lambda facts: iter((facts.now.almanac.is_working_day(facts.now.day),)),
    names.HOLIDAY: Facts._holiday,
}


def _day(day: date) -> str:
    return day.isoformat()


def _follow(start: Any, steps: tuple[str, ...]) -> Iterator[Any]:
    """Every value at the end of a path; where a field has several entries, that of each."""
    if start is None:
        return
    if isinstance(start, tuple):
        for entry in start:
            yield from _follow(entry, steps)
    elif steps:
        yield from _follow(getattr(start, steps[0]), steps[1:])
    else:
        yield start
