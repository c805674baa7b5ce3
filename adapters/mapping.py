"""Puts a letter into a target's own form by JMESPath expressions (https://jmespath.org)."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.parser import ParsedResult

from adapters.functions import MappingFunctions, Tables, UnknownCode
from adapters.growth import LONGEST, MOST, growth
from gateway.domain.errors import Misconfigured, Permanent

# What an expression may raise over values that it was not written for.
_AT_WORK = (
    JMESPathError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


class MappingFault(Permanent):
    """An expression of the route's mapping failed over this letter."""

    def __init__(self, expression: str, path: str, trouble: Exception) -> None:
        self.expression = expression
        self.path = path
        code = "WASL-DLV-075" if isinstance(trouble, UnknownCode) else "WASL-DLV-074"
        super().__init__(code, f"{path}: {expression!r}: {_words(trouble)}")


def _words(trouble: Exception) -> str:
    """What went wrong; most troubles repeat the value, which is the letter's: its type alone is told."""
    if isinstance(trouble, UnknownCode):
        return str(trouble)
    if isinstance(trouble, JMESPathTypeError):
        return (
            f"{trouble.function_name}() found {trouble.actual_type}, takes {_either(trouble.expected_types)}"
        )
    return type(trouble).__name__


def _either(kinds: Any) -> str:
    return " or ".join(map(str, kinds)) if isinstance(kinds, (list, tuple)) else str(kinds)


@dataclass(frozen=True)
class Expression:
    """One compiled JMESPath expression that knows where it was written."""

    source: str
    path: str
    _parsed: ParsedResult
    _functions: MappingFunctions

    @classmethod
    def compile(cls, source: str, path: str, tables: Tables | None = None) -> Expression:
        """Compile one expression.

        Args:
            path: where it stands in the options, for faults.
            tables: the code tables that ``code`` may name.

        Raises:
            Misconfigured: it is no JMESPath, or uses an unknown function or code table.
        """
        if len(source) > LONGEST:
            raise Misconfigured([f"{path}: an expression of more than {LONGEST} characters"])
        try:
            parsed = jmespath.compile(source)
            wrong = _wrong_calls(parsed.parsed, tables or {})
            times = growth(parsed.parsed)
        except (JMESPathError, RecursionError) as trouble:
            raise Misconfigured([f"{path}: {source!r} is no JMESPath expression: {trouble}"]) from trouble
        if times > MOST:
            wrong.append(f"{source!r} can make more than {MOST} times what it is given")
        if wrong:
            raise Misconfigured([f"{path}: {fault}" for fault in wrong])
        return cls(source, path, parsed, MappingFunctions(tables or {}))

    def over(self, view: Any) -> Any:
        """The expression's value over a view.

        Raises:
            MappingFault: it failed.
        """
        try:
            return self._parsed.search(view, options=jmespath.Options(custom_functions=self._functions))
        except _AT_WORK as trouble:
            raise MappingFault(self.source, self.path, trouble) from trouble

    def over_answer(self, view: Any) -> Any:
        """The expression's value over what a target answered; None where it does not fit the answer."""
        try:
            return self.over(view)
        except MappingFault:
            return None

    def asks(self, name: str) -> bool:
        """Whether it looks at ``name`` of the view, as far as its words tell."""
        return name in self.source


DEEPEST = 60
MOST_VALUES = 200_000
MOST_CHARACTERS = 20_000_000
"""That what is made of one letter may hold besides its files."""

Spec = Expression | dict[str, Any] | list[Any] | int | float | bool


@dataclass(frozen=True)
class Mapping:
    """A tree in the target's structure whose leaves are expressions.

    In the tree, tables and lists are themselves, text is a JMESPath expression (a literal is written
    ``'so'``), numbers and booleans are literals. What is absent in the letter is left out of the result.
    """

    _spec: Spec

    @classmethod
    def compile(cls, spec: Table[str, Any], tables: Tables | None = None, path: str = "mapping") -> Mapping:
        """Compile a tree.

        Raises:
            Misconfigured: one fault for each expression that is wrong, with its path in the tree.
        """
        faults: list[str] = []
        compiled = _compile(spec, path, tables or {}, faults)
        if faults:
            raise Misconfigured(faults)
        return cls(compiled)

    def apply(self, view: Any) -> Any:
        """The tree filled from a view.

        Raises:
            MappingFault: an expression failed.
        """
        return _fill(self._spec, view, _Room())

    def names(self) -> frozenset[str]:
        """Every key of its tables."""
        return frozenset(_names(self._spec))


class _Room:
    """What a result may still hold; expressions over one letter may write it many times over."""

    def __init__(self) -> None:
        self.values, self.characters = MOST_VALUES, MOST_CHARACTERS

    def take(self, value: Any, path: str) -> None:
        """Count one value.

        Raises:
            Permanent: it is too many.
        """
        self.values -= 1
        if isinstance(value, str):
            self.characters -= len(value)
        if self.values < 0 or self.characters < 0:
            raise Permanent("WASL-DLV-076", f"{path}: more than a call may hold besides files")


def _names(spec: Any) -> Iterator[str]:
    if isinstance(spec, dict):
        yield from spec
    if isinstance(spec, (dict, list)):
        for part in spec.values() if isinstance(spec, dict) else spec:
            yield from _names(part)


def _compile(spec: Any, path: str, tables: Tables, faults: list[str]) -> Any:
    if isinstance(spec, (Table, list)):
        return _compile_parts(spec, path, tables, faults)
    if isinstance(spec, (bool, int, float)):
        return spec
    if not isinstance(spec, str):
        faults.append(f"{path}: neither a table, a list, an expression, a number nor a boolean")
        return None
    try:
        return Expression.compile(spec, path, tables)
    except Misconfigured as wrong:
        faults.extend(wrong.faults)
        return None


def _compile_parts(spec: Table[str, Any] | list[Any], path: str, tables: Tables, faults: list[str]) -> Any:
    if path.count(".") + path.count("[") > DEEPEST:
        faults.append(f"{path[:200]}: deeper than {DEEPEST} tables")
        return None
    if isinstance(spec, list):
        return [_compile(part, f"{path}[{at}]", tables, faults) for at, part in enumerate(spec)]
    return {name: _compile(part, f"{path}.{name}", tables, faults) for name, part in spec.items()}


def _fill(spec: Any, view: Any, room: _Room) -> Any:
    if isinstance(spec, Expression):
        return _without_nulls(spec.over(view), room, spec.path)
    if isinstance(spec, dict):
        filled = ((name, _fill(part, view, room)) for name, part in spec.items())
        return {name: part for name, part in filled if part is not None}
    if isinstance(spec, list):
        return [_fill(part, view, room) for part in spec]
    return spec


def _without_nulls(value: Any, room: _Room, path: str) -> Any:
    room.take(value, path)
    if isinstance(value, dict):
        return {name: _without_nulls(part, room, path) for name, part in value.items() if part is not None}
    return [_without_nulls(part, room, path) for part in value] if isinstance(value, list) else value


def _wrong_calls(node: Any, tables: Tables) -> list[str]:
    """Calls that JMESPath itself would notice only at work, found in a syntax tree."""
    kind = node.get("type")
    wrong = _wrong_call(node, tables) if kind == "function_expression" else []
    if kind == "subexpression" and node["children"][0].get("type") == "not_expression":
        wrong.append("! stands before the first name alone: write !(a.b)")
    for child in node.get("children", ()):
        if isinstance(child, dict):
            wrong += _wrong_calls(child, tables)
    return wrong


def _wrong_call(node: Table[str, Any], tables: Tables) -> list[str]:
    name, arguments = node["value"], node["children"]
    known = MappingFunctions.FUNCTION_TABLE.get(name)
    if known is None:
        return [f"unknown function {name!r}"]
    wanted = known["signature"]
    variadic = bool(wanted) and wanted[-1].get("variadic", False)
    if len(arguments) < len(wanted) or (len(arguments) > len(wanted) and not variadic):
        return [f"function {name!r} takes {len(wanted)} arguments, not {len(arguments)}"]
    if name == "code" and arguments[1]["type"] == "literal" and arguments[1]["value"] not in tables:
        return [f"unknown code table {arguments[1]['value']!r}"]
    return []
