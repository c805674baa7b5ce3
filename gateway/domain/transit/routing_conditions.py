"""Whether a letter meets a condition; every comparison takes time linear in what it compares."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date as Day
from functools import lru_cache

from gateway.domain.folding import folded
from gateway.domain.transit.routing_facts import Facts
from gateway.domain.transit.routing_fields import Form, fields
from gateway.domain.transit.routing_rules import Condition, Rule, Value

_folded = lru_cache(maxsize=8192)(folded)


def counts_on(rule: Rule, day: Day) -> bool:
    """Whether ``day`` is one of the rule's days."""
    return (rule.first is None or rule.first <= day) and (rule.last is None or day <= rule.last)


def meets(condition: Condition, facts: Facts) -> bool:
    """Whether the letter meets the condition."""
    field = fields()[condition.field]
    found = facts.values(field)
    if condition.present is not None:
        good = bool(found) is condition.present
    else:
        good = any(_fits(condition, value, field.form) for value in found)
    return good is not condition.negated


def _fits(condition: Condition, found: Value, form: Form) -> bool:
    if not _within(found, condition.at_least, condition.at_most):
        return False
    if form is not Form.TEXT:
        return _spelt(condition, found, lambda text: text)
    return _spelt(condition, _folded(str(found)), _folded)


def _within(found: Value, least: Value | None, most: Value | None) -> bool:
    # what is declared has the field's own type: days and times of day sort as their texts do
    return (least is None or found >= least) and (most is None or found <= most)  # type: ignore[operator]


def _spelt(condition: Condition, found: Value, form: Callable[[str], str]) -> bool:
    """Whether a value is, contains, begins or ends with what is asked."""
    if condition.equals:
        wanted = (form(one) if isinstance(one, str) else one for one in condition.equals)
        if not any(found == one and type(found) is type(one) for one in wanted):
            return False
    text = str(found)
    return (
        (not condition.contains or any(form(one) in text for one in condition.contains))
        and (not condition.starts or any(text.startswith(form(one)) for one in condition.starts))
        and (not condition.ends or any(text.endswith(form(one)) for one in condition.ends))
    )
