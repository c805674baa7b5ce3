"""What a door says of itself, declared where its view is and read when the document is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from gateway.web.openapi.schema import OCTETS, Schema
from gateway.web.retiring import Retirement

View = TypeVar("View", bound=Callable[..., Any])
JSON = "application/json"


@dataclass(frozen=True)
class Example:
    """A body that a test sends.

    Attributes:
        gives: the status of the answer.
        live: members that only a caller can make, such as a fresh assertion; the test fills them in.
        file: of the published examples, instead of a value.
    """

    name: str
    value: Any = None
    gives: int = 200
    live: tuple[str, ...] = ()
    file: str | None = None


@dataclass(frozen=True)
class Parameter:
    """A parameter; ``says`` is a text to translate, ``where`` is ``query``, ``path`` or ``header``."""

    name: str
    says: str
    schema: Schema
    where: str = "query"
    required: bool = False


@dataclass(frozen=True)
class Body:
    """What a call takes: a schema for each media type."""

    content: Mapping[str, Schema]
    examples: Mapping[str, tuple[Example, ...]] = field(default_factory=dict)
    required: bool = True


@dataclass(frozen=True)
class Answer:
    """One answer: its status, what it means (a text to translate), and a schema for each media type.

    Attributes:
        headers: by name, what each tells (texts to translate).
        or_problem: the same status may come as a problem document instead.
    """

    status: int
    says: str
    content: Mapping[str, Schema] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    or_problem: bool = False


@dataclass(frozen=True)
class Described:
    """One call of the interface.

    Attributes:
        area: the heading under which it stands, a text to translate.
        summary: what it does, in a few words to translate.
        detail: what else must be known, to translate.
        problems: the statuses of its problem documents, besides those that its authentication brings.
        retired: set when it is to go away.
        each: it brings many, and what becomes of one of them, our own trouble too, is told among the members.
    """

    area: str
    summary: str
    answers: tuple[Answer, ...]
    detail: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    problems: tuple[int, ...] = ()
    retired: Retirement | None = None
    each: bool = False

    def but(self, **changes: Any) -> Described:
        """The same with other words."""
        return replace(self, **changes)


def described(words: Described) -> Callable[[View], View]:
    """Declare what a view does; where there is an access declaration, that one stands above."""

    def declare(view: View) -> View:
        view.described = words  # type: ignore[attr-defined]
        return view

    return declare


def members(status: int, says: str, schema: Schema, **headers: str) -> Answer:
    """An answer of JSON members."""
    return Answer(status, says, {JSON: schema}, headers)


def octets(status: int, says: str, *media_types: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer that is a file."""
    return Answer(status, says, dict.fromkeys(media_types, OCTETS), headers or {})
