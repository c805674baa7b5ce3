"""Versions of how an office receives: their stages, the only moves between them, and who may make them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

from gateway.domain.registry.parties import RouteKind

VERSIONED = ("route", "document_types")
"""The keys of an office that a version holds; what else comes to configure a route is added here."""

PAUSED = "paused"
"""The one key of a route that is no part of a version: pausing is for the moment, whatever the version."""

LONGEST_NAME = 120
LONGEST_NOTE = 2000
DEEPEST = 60
"""How deep a configuration's tables may stand in each other."""
_LARGEST_NUMBER = 2**63


class Stage(Enum):
    """How far a version came."""

    DRAFT = "DRAFT"  # somebody wrote it
    TESTED = "TESTED"  # every check of it held
    APPROVED = "APPROVED"  # a person said that it may become active
    ACTIVE = "ACTIVE"  # letters are sent by it; one version of an office is, and no more
    RETIRED = "RETIRED"  # it was active; a roll-back leads to it
    DISCARDED = "DISCARDED"  # it will not become active


BEGINNINGS = frozenset({Stage.DRAFT, Stage.ACTIVE})
"""As what a version comes into being; active at once is what a registry file declares."""

OPEN = frozenset({Stage.DRAFT, Stage.TESTED, Stage.APPROVED})
"""What may still become active for the first time."""

MOVES: Mapping[Stage, frozenset[Stage]] = {
    Stage.DRAFT: frozenset({Stage.TESTED, Stage.DISCARDED}),
    Stage.TESTED: frozenset({Stage.DRAFT, Stage.APPROVED, Stage.DISCARDED}),
    Stage.APPROVED: frozenset({Stage.DRAFT, Stage.ACTIVE, Stage.DISCARDED}),
    Stage.ACTIVE: frozenset({Stage.RETIRED}),
    Stage.RETIRED: frozenset({Stage.ACTIVE}),
    Stage.DISCARDED: frozenset(),
}
"""A test that does not hold any more makes a draft of what was tested or approved."""


def content_of(office: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an office's values that a version holds."""
    content = {key: office[key] for key in VERSIONED if office.get(key) is not None}
    content["route"] = {key: value for key, value in office["route"].items() if key != PAUSED}
    return content


def stands(content: Mapping[str, Any], office: Mapping[str, Any]) -> bool:
    """Whether an office's values are what a version holds.

    A key that an older version does not have was none of a version's then, and says nothing.
    """
    present = content_of(office)
    return all(present.get(key) == value for key, value in content.items())


def put_in_force(content: Mapping[str, Any], paused: bool) -> dict[str, Any]:
    """What an office's values become when a version is active; a route that is paused stays so."""
    route = {**content["route"]}
    if paused and route["kind"] == RouteKind.ADAPTER.value:
        route[PAUSED] = True
    return {**content, "route": route}


def person(name: str) -> str:
    """The name of whoever makes a step, as it is kept.

    Raises:
        ValueError: it is empty, too long, or has characters that cannot be seen.
    """
    plain = " ".join(part for part in name.split(" ") if part)
    if not plain or len(plain) > LONGEST_NAME or not plain.isprintable():
        raise ValueError(f"a name of 1 to {LONGEST_NAME} characters that can be seen is needed")
    return plain


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's, for all that case, spaces and forms of letters say."""
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def is_second(by: str, others: Iterable[str]) -> bool:
    """Whether somebody is none of those who wrote and tested a version."""
    return not any(same_person(by, other) for other in others)


def misfits(content: Any, path: str = "", depth: int = 0) -> list[str]:
    """What of a configuration cannot be kept: only texts, numbers, switches, lists and tables can."""
    if depth > DEEPEST:
        return [f"{path}: deeper than {DEEPEST} tables"]
    if isinstance(content, Mapping):
        parts = [(f"{path}.{key}" if path else str(key), value) for key, value in content.items()]
    elif isinstance(content, list):
        parts = [(f"{path}[{at}]", value) for at, value in enumerate(content)]
    else:
        return [f"{path}: {wrong}" for wrong in _wrong(content)]
    return [fault for where, value in parts for fault in misfits(value, where, depth + 1)]


def _wrong(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if "\0" in value:
            yield "has a NUL character"
    elif not isinstance(value, int | float):
        yield "a date or a time; write it as a text"
    elif not abs(value) < _LARGEST_NUMBER:  # what is no number at all is less than nothing
        yield "no number that can be kept"
