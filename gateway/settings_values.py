"""How one configured value is read: its type, its bounds, and the words that say what was expected."""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
Texts = Mapping[str, str]
"""A text in each language: language tag to text."""


@dataclasses.dataclass(frozen=True)
class Rule:
    """An option's default and what its value must keep beyond its type.

    ``expected`` says ``pattern`` in words; a ``secret`` value is never shown.
    """

    default: object
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    expected: str = ""
    secret: bool = False


def option(
    default: Any,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
    pattern: str | None = None,
    expected: str = "",
    secret: bool = False,
) -> Any:
    """Declare one option of a section with its default; see `Rule` for the other arguments."""
    rule = Rule(default, least, most, choices, pattern, expected, secret)
    # A factory, because a mapping is not allowed as a plain default.
    return dataclasses.field(default_factory=lambda: default, repr=not secret, metadata={"rule": rule})


def rule_of(field: dataclasses.Field[Any]) -> Rule:
    """The `Rule` of an option declared with `option`."""
    rule: Rule = field.metadata["rule"]
    return rule


def default_of(field: dataclasses.Field[Any], home: Path) -> object:
    """The default of an option declared with `option`; relative paths are taken from ``home``."""
    default = rule_of(field).default
    return home / default if isinstance(default, Path) else default


def read(kind: Any, rule: Rule, value: object, home: Path) -> object:
    """``value`` as the type ``kind``; relative paths are taken from ``home``.

    Raises:
        ValueError: what was expected instead, as the end of the sentence "must be …".
    """
    if kind is Path:
        return home / Path(_text(rule, value)).expanduser()
    return _READERS[kind](rule, value)


def from_environment(kind: Any, text: str) -> object:
    """The value that an environment variable's ``text`` stands for, in the types that TOML has.

    Lists are separated by commas; texts in several languages are a TOML inline table. What cannot be
    read stays text, so that `read` says what was expected.
    """
    if kind is bool:
        return _boolean(text)
    if kind in (int, float):
        return _number(kind, text)
    if kind == tuple[str, ...]:
        return [part.strip() for part in text.split(",") if part.strip()]
    if kind == Texts:
        return _table(text)
    return text


def _boolean(text: str) -> object:
    lowered = text.strip().lower()
    return True if lowered in _TRUE else False if lowered in _FALSE else text


def _number(kind: Callable[[str], object], text: str) -> object:
    try:
        return kind(text.replace("_", ""))
    except ValueError:
        return text


def _table(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text.strip()}").get("value")
    except tomllib.TOMLDecodeError:
        return text


def _text(rule: Rule, value: object) -> str:
    if not isinstance(value, str) or any(ord(character) < 32 for character in value):
        raise ValueError("one line of text")
    if rule.choices and value not in rule.choices:
        raise ValueError("one of " + ", ".join(rule.choices))
    if rule.pattern is not None and re.fullmatch(rule.pattern, value) is None:
        raise ValueError(rule.expected)
    return value


def _integer(rule: Rule, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not _within(rule, value):
        raise ValueError(f"a whole number{_bounds(rule)}")
    return value


def _decimal(rule: Rule, value: object) -> float:
    right = isinstance(value, int | float) and not isinstance(value, bool)
    if (
        not right
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not _within(rule, value)
    ):
        raise ValueError(f"a number{_bounds(rule)}")
    return float(value)


def _truth(_rule: Rule, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _list(rule: Rule, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("a list of texts")
    return tuple(_text(rule, entry) for entry in value)


def _texts(rule: Rule, value: object) -> Texts:
    if not isinstance(value, dict) or not value:
        raise ValueError('a table of texts by language, such as {en = "…", fr = "…"}')
    return {str(tag): _text(rule, text) for tag, text in value.items()}


def _within(rule: Rule, value: float) -> bool:
    return (rule.least is None or value >= rule.least) and (rule.most is None or value <= rule.most)


def _bounds(rule: Rule) -> str:
    if rule.least is not None and rule.most is not None:
        return f" from {rule.least:,} to {rule.most:,}"
    return f" of at least {rule.least:,}" if rule.least is not None else ""


_READERS: Mapping[Any, Callable[[Rule, object], object]] = {
    str: _text,
    int: _integer,
    float: _decimal,
    bool: _truth,
    tuple[str, ...]: _list,
    Texts: _texts,
}
