"""What an order office decides of its letters before they are accepted: rules, and its closure, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date as Day

Value = str | int | bool
"""What a field of a letter holds when it is compared: days and times of day in the form of ISO 8601."""

MOST_HOPS = 3
"""How often rules and closures pass one letter on before it is accepted."""

MOST_RULES = 100
"""Rules of one office."""
MOST_CONDITIONS = 20
"""Conditions of one rule."""
MOST_VALUES = 1000
"""Values that all rules of one office compare with, together."""
LONGEST_VALUE = 240

EVERY_BODY = "*"
"""In place of bodies that an office serves: all of them."""


@dataclass(frozen=True)
class Condition:
    """A question to one field of a letter; a field with several values needs one value that fits whole.

    Attributes:
        field: its path as the envelope's JSON names it (`gateway.domain.transit.routing_fields`).
        equals, contains, starts, ends: one of these is enough, each; none given: not asked.
        at_least, at_most: bounds, themselves included.
        present: whether the letter has the field at all.
        negated: the answer is turned round.
    """

    field: str
    equals: tuple[Value, ...] = ()
    contains: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    at_least: Value | None = None
    at_most: Value | None = None
    present: bool | None = None
    negated: bool = False


@dataclass(frozen=True)
class Rule:
    """Where letters go of which every condition is true.

    Attributes:
        id: its name within the office, for machines.
        names: its name for people, in each language.
        to: the office that receives instead.
        first, last: days, on the country's calendar, between which it counts; None: without an end.
    """

    id: str
    names: Mapping[str, str]
    to: str
    when: tuple[Condition, ...] = ()
    first: Day | None = None
    last: Day | None = None


@dataclass(frozen=True)
class Closing:
    """From which day on an office takes nothing more itself.

    Attributes:
        since: the first day, on the country's calendar.
        successor: the office in whose charge its mail is then.
        forwards: letters go to the successor by themselves; otherwise they are refused and it is named.
    """

    since: Day
    successor: str | None = None
    forwards: bool = True
