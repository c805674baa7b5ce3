"""The rules of an office and its closure, from the plain values that are stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date as Day
from typing import Any

from gateway.domain.transit.routing_rules import Closing, Condition, Rule


def rule_of(declared: Mapping[str, Any]) -> Rule:
    """One rule."""
    return Rule(
        id=declared["id"],
        names=declared["names"],
        to=declared["to"],
        when=tuple(map(condition_of, declared["when"])),
        first=_day(declared.get("from")),
        last=_day(declared.get("until")),
    )


def closing_of(closes_at: str | None, successor: str | None, closed_mail: str | None) -> Closing | None:
    """An office's closure; None where nobody said that it closes."""
    since = _day(closes_at)
    return None if since is None else Closing(since, successor, closed_mail != "refuse")


def condition_of(declared: Mapping[str, Any]) -> Condition:
    """One condition of a rule."""
    return Condition(
        field=declared["field"],
        equals=_values(declared.get("is", ())),
        contains=_values(declared.get("contains", ())),
        starts=_values(declared.get("starts", ())),
        ends=_values(declared.get("ends", ())),
        at_least=declared.get("at_least"),
        at_most=declared.get("at_most"),
        present=declared.get("present"),
        negated=declared.get("not", False),
    )


def _values(declared: Any) -> tuple[Any, ...]:
    return tuple(declared) if isinstance(declared, list | tuple) else (declared,)


def _day(text: str | None) -> Day | None:
    return None if text is None else Day.fromisoformat(text)
