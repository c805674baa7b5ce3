"""Rules and closure of an office in a registry file: every fault told, and rows of plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from gateway.domain.folding import folded
from gateway.domain.identifiers import is_directory_id
from gateway.domain.lines import is_line
from gateway.domain.transit.routing_checks import never_asked, never_met
from gateway.domain.transit.routing_fields import OPERATORS, Field, Form, fields
from gateway.domain.transit.routing_rules import (
    EVERY_BODY,
    LONGEST_VALUE,
    MOST_CONDITIONS,
    MOST_RULES,
    MOST_VALUES,
)
from gateway.store.registry.rules import condition_of, rule_of

Names = Callable[[Mapping[str, Any]], Iterator[str]]

KEYS = {"rule", "closes_at", "successor", "closed_mail", "serves"}
FORWARD, REFUSE = "forward", "refuse"
_RULE_KEYS = {"id", "names", "to", "when", "from", "until"}
_CONDITION_KEYS = {"field", "not", "is", "contains", "starts", "ends", "at_least", "at_most", "present"}
_AS_THEY_ARE = {"field", "not", "present"}
_LONGEST_ID = 64
_LARGEST = 2**53
_MOST_SERVED = 10_000


def rule_faults(office: Mapping[str, Any], names: Names) -> Iterator[str]:
    """What is wrong with an office's rules and closure, each with its key.

    Args:
        names: what is wrong with the names of a table, in the languages of the country.
    """
    yield from _closing_faults(office)
    rules = office.get("rule", [])
    if not isinstance(rules, list) or not all(isinstance(one, Mapping) for one in rules):
        yield "rule: tables, each under [[office.rule]]"
        return
    if len(rules) > MOST_RULES:  # told once: nobody reads ten thousand faults
        yield f"rule: at most {MOST_RULES} of one office"
        return
    if _count(rules) > MOST_VALUES:
        yield f"rule: at most {MOST_VALUES} values to compare with in all rules of one office"
        return
    wrong = [f"rule[{index}].{fault}" for index, rule in enumerate(rules) for fault in _rule(rule, names)]
    ids = [rule.get("id") for rule in rules]
    twice = [f"rule {one}: declared twice" for one in dict.fromkeys(map(str, ids)) if ids.count(one) > 1]
    yield from (*wrong, *twice)
    if not wrong:
        for later, earlier in never_asked([rule_of(one) for one in rule_rows(office) or []]):
            yield f"rule {later.id}: never asked, for {earlier.id} before it fits whatever it fits"


def _closing_faults(office: Mapping[str, Any]) -> Iterator[str]:
    if "closes_at" in office and _day(office["closes_at"]) is None:
        yield "closes_at: a day such as 2026-12-31"
    for key in ("successor", "closed_mail"):
        if key in office and "closes_at" not in office:
            yield f"{key}: only of an office with closes_at"
    successor = office.get("successor")
    if successor is not None and not _is_office(successor):
        yield "successor: a directory identifier such as B0001234-F"
    if successor is not None and successor == office.get("id"):
        yield "successor: another office than itself"
    yield from _agreement_faults(office)


def _agreement_faults(office: Mapping[str, Any]) -> Iterator[str]:
    successor = office.get("successor")
    if office.get("closed_mail", FORWARD) not in (FORWARD, REFUSE):
        yield f"closed_mail: {FORWARD} or {REFUSE}"
    elif "closed_mail" in office and successor is None:
        yield "closed_mail: only of an office with a successor"
    serves = office.get("serves", [])
    if not isinstance(serves, list) or len(serves) > _MOST_SERVED or not all(map(_is_body, serves)):
        yield f"serves: a list of directory identifiers of bodies, or of {EVERY_BODY} for all"


def _is_office(value: Any) -> bool:
    return isinstance(value, str) and is_directory_id(value)


def _is_body(value: Any) -> bool:
    return value == EVERY_BODY or _is_office(value)


def _count(rules: Sequence[Mapping[str, Any]]) -> int:
    """How many values all conditions compare with, as far as they are any."""
    conditions = (one for rule in rules for one in _listed(rule.get("when", [])) if isinstance(one, Mapping))
    return sum(len(_listed(value)) for one in conditions for key, value in one.items() if key != "field")


def _rule(rule: Mapping[str, Any], names: Names) -> Iterator[str]:
    yield from (f"{key}: unknown key" for key in sorted(set(rule) - _RULE_KEYS))
    if not isinstance(rule.get("id"), str) or not _is_code(rule["id"]):
        yield f"id: a name of at most {_LONGEST_ID} letters, digits and hyphens, such as large-letters"
    if not isinstance(rule.get("names", {}), Mapping):
        yield "names: a table"
    yield from names(rule)
    if not _is_office(rule.get("to")):
        yield "to: a directory identifier of an office, such as B0001234-F"
    first, last = (_day(rule[key]) if key in rule else None for key in ("from", "until"))
    yield from (
        f"{key}: a day such as 2026-12-31"
        for key, day in (("from", first), ("until", last))
        if key in rule and day is None
    )
    if first is not None and last is not None and last < first:
        yield "until: not before from"
    conditions = rule.get("when", [])
    if not isinstance(conditions, list) or not all(isinstance(one, Mapping) for one in conditions):
        yield "when: tables, each under [[office.rule.when]]"
    elif len(conditions) > MOST_CONDITIONS:
        yield f"when: at most {MOST_CONDITIONS} conditions"
    else:
        for index, one in enumerate(conditions):
            yield from (f"when[{index}].{fault}" for fault in _condition(one))


def _is_code(value: str) -> bool:
    good = value.isascii() and all(one.isalnum() or one == "-" for one in value)
    return good and 0 < len(value) <= _LONGEST_ID and value[0].isalnum()


def _condition(condition: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{key}: unknown key" for key in sorted(set(condition) - _CONDITION_KEYS))
    named = condition.get("field")
    field = fields().get(named) if isinstance(named, str) else None
    if field is None:
        yield f"field: {str(named)[:80]}: no field of a letter that rules may ask"
        return
    if not isinstance(condition.get("not", False), bool):
        yield "not: true or false"
    asked = (set(condition) & _CONDITION_KEYS) - {"field", "not"}
    wrong = [
        f"{key}: not asked of {field.path} ({field.form.value}: {', '.join(OPERATORS[field.form])})"
        for key in sorted(asked - set(OPERATORS[field.form]))
    ]
    wrong += [
        f"{key}: {_words(field, key)}" for key in sorted(asked) if not _good(field, key, condition[key])
    ]
    yield from wrong
    if not asked or (asked > {"present"} and "present" in asked):
        yield f"field: with one or more of {', '.join(OPERATORS[field.form])}; present stands alone"
    elif not wrong and isinstance(condition.get("not", False), bool) and _is_empty(condition):
        yield "at_most: not below at_least"


def _is_empty(condition: Mapping[str, Any]) -> bool:
    return never_met(condition_of(_condition_row(condition)))


def _words(field: Field, key: str) -> str:
    """What a key wants, for people."""
    if key == "present" or field.form is Form.FLAG:
        return "true or false"
    if field.form is Form.CHOICE:
        return f"one or more of {', '.join(field.choices)}"
    return {
        Form.NUMBER: "a whole number, 0 or more",
        Form.DAY: "a day such as 2026-12-31",
        Form.CLOCK: "a time of day such as 08:30",
    }.get(field.form, f"texts of 1 to {LONGEST_VALUE} characters")


def _good(field: Field, key: str, value: Any) -> bool:
    if key == "present":
        return isinstance(value, bool)
    single = key in ("at_least", "at_most")
    if single and isinstance(value, list):
        return False
    entries = _listed(value)
    return bool(entries) and all(_is_value(field, entry) for entry in entries)


def _is_value(field: Field, value: Any) -> bool:
    return _VALUES[field.form](value) and (field.form is not Form.CHOICE or value in field.choices)


def _is_number(value: Any) -> bool:
    # a number in quotes is none, nor is nan
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_VALUE and is_line(value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _day(value: Any) -> date | None:
    """A day, as TOML has them or in quotes."""
    if isinstance(value, datetime):
        return None
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or len(value) != len("2026-12-31"):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _clock(value: Any) -> str | None:
    """A time of day to the minute, as TOML has them or in quotes."""
    if isinstance(value, time):
        return f"{value:%H:%M}" if value.tzinfo is None and value.second == value.microsecond == 0 else None
    try:
        return f"{time.fromisoformat(value):%H:%M}" if isinstance(value, str) and len(value) == 5 else None
    except ValueError:
        return None


def rule_rows(office: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The rules of an office without faults as they are stored and given out; None where it has none."""
    return [_rule_row(rule) for rule in office.get("rule", [])] or None


def _rule_row(rule: Mapping[str, Any]) -> dict[str, Any]:
    days = {key: _plain(rule[key]) for key in ("from", "until") if key in rule}
    when = [_condition_row(one) for one in rule.get("when", [])]
    return {"id": rule["id"], "names": dict(rule["names"]), "to": rule["to"], **days, "when": when}


def _condition_row(condition: Mapping[str, Any]) -> dict[str, Any]:
    plain: Callable[[Any], Any] = _PLAIN.get(fields()[condition["field"]].form, _as_it_is)
    return {
        key: [plain(one) for one in value] if isinstance(value, list) else plain(value)
        for key, value in condition.items()
        if key not in _AS_THEY_ARE
    } | {key: condition[key] for key in condition if key in _AS_THEY_ARE}


def _as_it_is(value: Any) -> Any:
    return value


def _plain(value: Any) -> str | None:
    day = _day(value)
    return None if day is None else day.isoformat()


def closing_row(office: Mapping[str, Any]) -> dict[str, Any]:
    """The other columns of an office without faults."""
    return {
        "closes_at": _plain(office.get("closes_at")),
        "successor": office.get("successor"),
        "closed_mail": office.get("closed_mail"),
        "serves": list(office.get("serves", [])) or None,
    }


_VALUES: Mapping[Form, Callable[[Any], bool]] = {
    Form.FLAG: lambda value: isinstance(value, bool),
    Form.NUMBER: _is_number,
    Form.DAY: lambda value: _day(value) is not None,
    Form.CLOCK: lambda value: _clock(value) is not None,
    Form.CHOICE: _is_text,
    Form.CODE: _is_text,
    Form.TEXT: lambda value: _is_text(value) and bool(folded(value)),  # vowel marks alone leave nothing
}
_PLAIN: Mapping[Form, Callable[[Any], str | None]] = {Form.DAY: _plain, Form.CLOCK: _clock}
