"""Which fields of a letter rules may ask, derived from the content model of the envelope."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, get_args, get_type_hints

from gateway.domain.content import Kind, camel, declaration
from gateway.domain.registry.parties import PartyKind
from gateway.domain.transit.envelope import Envelope, Recipient


class Form(Enum):
    """How the values of a field are compared."""

    TEXT = "text"  # in people's words: without case, accents and vowel marks
    CODE = "code"  # character by character
    CHOICE = "choice"  # one of a closed list
    FLAG = "flag"  # true or false
    NUMBER = "number"  # whole
    DAY = "day"  # on the country's calendar
    CLOCK = "clock"  # the time of day there, as 08:30


BOUNDED = ("is", "at_least", "at_most", "present")
OPERATORS: Mapping[Form, tuple[str, ...]] = {
    Form.TEXT: ("is", "contains", "starts", "ends", "present"),
    Form.CODE: ("is", "starts", "ends", "present"),
    Form.CHOICE: ("is", "present"),
    Form.FLAG: ("is",),
    Form.NUMBER: BOUNDED,
    Form.DAY: BOUNDED,
    Form.CLOCK: ("at_least", "at_most"),
}
"""What may be asked of each form; all are linear in the text, none is a pattern."""


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""In the order of ISO 8601."""


@dataclass(frozen=True)
class Field:
    """One field that rules may ask.

    Attributes:
        steps: the attributes that lead to it from the envelope; () for what is counted or looked up.
        choices: the values of a closed list.
        private: people's own words or numbers, which a record of a decision does not repeat.
    """

    path: str
    form: Form
    steps: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    private: bool = False


RECIPIENT = "recipient"
"""Where the recipient begins whose office is looked for; other recipients are none of a rule's business."""

SENDER_KIND, COUNT, OCTETS = "sender.kind", "attachments.count", "attachments.octets"
TODAY, CLOCK, WEEKDAY = "time.day", "time.clock", "time.weekday"
WORKING_DAY, HOLIDAY = "time.workingDay", "time.holiday"

_NOT_ASKED = {"body", "attachments.content", "recipients"}
"""The text of the letter and its documents: where a letter goes follows from its header alone."""
_PERSONAL = {"identifiers.value"}
_FORMS: Mapping[type, Form] = {
    bool: Form.FLAG,
    int: Form.NUMBER,
    datetime: Form.DAY,
    date: Form.DAY,
}
_TEXTS = {Kind.LINE, Kind.TEXT, Kind.FILE_NAME}


@cache
def fields() -> Mapping[str, Field]:
    """Every field by its path."""
    found = [*_within(Envelope, "", ()), *_within(Recipient, f"{RECIPIENT}.", (RECIPIENT,)), *_counted()]
    return {one.path: one for one in found}


def _counted() -> Iterator[Field]:
    yield Field(SENDER_KIND, Form.CHOICE, choices=tuple(kind.value for kind in PartyKind))
    yield Field(COUNT, Form.NUMBER)
    yield Field(OCTETS, Form.NUMBER)
    yield Field(TODAY, Form.DAY)
    yield Field(CLOCK, Form.CLOCK)
    yield Field(WEEKDAY, Form.CHOICE, choices=WEEKDAYS)
    yield Field(WORKING_DAY, Form.FLAG)
    yield Field(HOLIDAY, Form.FLAG)


def _within(model: type, prefix: str, steps: tuple[str, ...]) -> Iterator[Field]:
    hints = get_type_hints(model)
    for one in dataclasses.fields(model):
        path = prefix + camel(one.name)
        if path in _NOT_ASKED:
            continue
        kind, inner = declaration(one).kind, _inner(hints[one.name])
        here = (*steps, one.name)
        if dataclasses.is_dataclass(inner):
            yield from _within(inner, f"{path}.", here)
        elif issubclass(inner, Enum):
            yield Field(path, Form.CHOICE, here, tuple(choice.value for choice in inner))
        elif inner in _FORMS:
            yield Field(path, _FORMS[inner], here)
        else:
            text = kind in _TEXTS
            private = text or any(path.endswith(end) for end in _PERSONAL)
            yield Field(path, Form.TEXT if text else Form.CODE, here, private=private)


def _inner(hint: Any) -> type:
    """The type of one value: without ``None``, and of a tuple its entries'."""
    parts = [part for part in get_args(hint) if part not in (NoneType, Ellipsis)]
    return _inner(parts[0]) if parts else hint
